{{/* The alerts of one election. A single candidate has no standbys; where their number is not known there are some. */}}
{{- define "quorate.ruleGroups" -}}
{{- $ttl := include "quorate.ttl" . | int64 -}}
{{- $hasStandbys := or (not (hasKey .Values "replicas")) (gt (int .Values.replicas) 1) -}}
{{- $churn := max 4 (add1 (int (default 3 .Values.replicas))) -}}
{{- $known := list -}}
- name: quorate.{{ include "quorate.election" . }}
  rules:
    {{- range $rule := .Files.Get "files/alerts.yaml" | fromYamlArray }}
    {{- $known = append $known $rule.alert }}
    {{- $own := get $.Values.prometheusRule.alerts $rule.alert | default dict }}
    {{- $wanted := or $hasStandbys (ne (default "" $rule.needs) "standbys") }}
    {{- if dig "enabled" $wanted $own }}
    - alert: Quorate{{ $rule.alert }}
      expr: |-
        {{- $rule.expr | replace "$election" (include "quorate.election" $) | replace "$churn" (toString $churn) | trim | nindent 8 }}
      {{- $least := mul (int (default 0 $rule.forTtls)) $ttl }}
      {{- if $own.for }}
      for: {{ $own.for }}
      {{- else if gt $least (include "quorate.milliseconds" (default "0s" $rule.for) | int64) }}
      for: {{ $least }}ms
      {{- else if $rule.for }}
      for: {{ $rule.for }}
      {{- end }}
      labels: {severity: {{ default $rule.severity $own.severity }}}
      annotations:
        summary: {{ $rule.summary | quote }}
        description: {{ $rule.description | quote }}
        {{- with $.Values.prometheusRule.runbookUrl }}
        runbook_url: {{ printf "%s#quorate%s" . (lower $rule.alert) | quote }}
        {{- end }}
    {{- end }}
    {{- end }}
{{- range $name, $_ := .Values.prometheusRule.alerts }}
{{- if not (has $name $known) }}
{{- fail (printf "quorate: prometheusRule.alerts has %s, and there is no such alert: there are %s" $name (join ", " $known)) }}
{{- end }}
{{- end }}
{{- end -}}
