{{/* Durations, as the candidates derive them (docs/configuration.md), for what Kubernetes has to know of them. */}}

{{/* A Go-like duration in whole milliseconds. */}}
{{- define "quorate.milliseconds" -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll "[0-9.]+(ms|s|m|h)" . -1 -}}
{{- $unit := regexFind "(ms|s|m|h)$" . -}}
{{- $one := get (dict "ms" 1.0 "s" 1000.0 "m" 60000.0 "h" 3600000.0) $unit -}}
{{- $sum = addf $sum (mulf (trimSuffix $unit . | float64) $one) -}}
{{- end -}}
{{- $sum | ceil | int64 -}}
{{- end -}}

{{- define "quorate.ttl" -}}
{{- $preset := get (dict "fast" "5s" "lan" "10s" "regions" "30s") .Values.timing.preset -}}
{{- include "quorate.milliseconds" (default $preset .Values.timing.ttl) -}}
{{- end -}}

{{/* Seconds from SIGTERM to the end of a candidate, at the longest: drain, stop, release, and two to spare. */}}
{{- define "quorate.leastGrace" -}}
{{- $ttl := include "quorate.ttl" . | float64 -}}
{{- $stop := default (mulf $ttl 0.3 | int64) (and .Values.timing.stopGrace (include "quorate.milliseconds" .Values.timing.stopGrace)) -}}
{{- $drain := include "quorate.milliseconds" .Values.timing.drainTimeout -}}
{{- addf 2 (divf (addf $stop $drain) 1000) | ceil | int64 -}}
{{- end -}}
