{{/* Written from templates of charts/quorate by scripts/share-templates.sh: change those, not this. */}}

{{/* Durations, as the candidates derive them (docs/configuration.md), for what Kubernetes has to know of them. */}}

{{/* A Go-like duration in whole milliseconds. */}}
{{- define "quorate-sidecar.milliseconds" -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll "[0-9.]+(ms|s|m|h)" . -1 -}}
{{- $unit := regexFind "(ms|s|m|h)$" . -}}
{{- $one := get (dict "ms" 1.0 "s" 1000.0 "m" 60000.0 "h" 3600000.0) $unit -}}
{{- $sum = addf $sum (mulf (trimSuffix $unit . | float64) $one) -}}
{{- end -}}
{{- $sum | ceil | int64 -}}
{{- end -}}

{{- define "quorate-sidecar.ttl" -}}
{{- $preset := get (dict "fast" "5s" "lan" "10s" "regions" "30s") .Values.timing.preset -}}
{{- include "quorate-sidecar.milliseconds" (default $preset .Values.timing.ttl) -}}
{{- end -}}

{{/* Seconds from SIGTERM to the end of a candidate, at the longest: drain, stop, release, and two to spare. */}}
{{- define "quorate-sidecar.leastGrace" -}}
{{- $ttl := include "quorate-sidecar.ttl" . | float64 -}}
{{- $stop := default (mulf $ttl 0.3 | int64) (and .Values.timing.stopGrace (include "quorate-sidecar.milliseconds" .Values.timing.stopGrace)) -}}
{{- $drain := include "quorate-sidecar.milliseconds" .Values.timing.drainTimeout -}}
{{- addf 2 (divf (addf $stop $drain) 1000) | ceil | int64 -}}
{{- end -}}

{{/* The configuration file of the candidates. */}}
{{- define "quorate-sidecar.configuration" -}}
{{- $secrets := "/etc/quorate-secrets" -}}
{{- $common := include "quorate-sidecar.commonAuth" . | fromYaml -}}
election: {{ include "quorate-sidecar.election" . }}
keyPrefix: {{ .Values.keyPrefix | quote }}
{{- with .Values.cluster }}
cluster: {{ . | quote }}
{{- end }}
voters:
{{- range $index, $voter := include "quorate-sidecar.voters" . | fromYamlArray }}
  - name: {{ $voter.name | quote }}
    url: {{ $voter.url | quote }}
{{- with $voter.auth }}
    auth: {{- include "quorate-sidecar.authKeys" (list . (printf "%s/auth-%d" $secrets $index)) | trim | nindent 6 }}
{{- end }}
{{- with $voter.tls }}
    tls: {{- include "quorate-sidecar.tlsKeys" (list . (printf "%s/tls-%d" $secrets $index)) | trim | nindent 6 }}
{{- end }}
{{- end }}
{{- if .Values.allowSingleVoter }}
allowSingleVoter: true
{{- end }}
{{- if $common.existingSecret }}
auth: {{- include "quorate-sidecar.authKeys" (list $common (printf "%s/auth" $secrets)) | trim | nindent 2 }}
{{- end }}
{{- if or .Values.tls.existingSecret .Values.tls.serverName }}
tls: {{- include "quorate-sidecar.tlsKeys" (list .Values.tls (printf "%s/tls" $secrets)) | trim | nindent 2 }}
{{- end }}
timing:
{{- range $key, $value := .Values.timing }}
{{- if and $value (not (and (eq $key "preset") $.Values.timing.ttl)) }}
  {{ $key }}: {{ $value }}
{{- end }}
{{- end }}
{{- with .Values.readiness }}
readiness: {{ . }}
{{- end }}
{{- with .Values.hardFence }}
hardFence: {{ . }}
{{- end }}
{{- with include "quorate-sidecar.statusFile" . }}
statusFile: {{ . }}
{{- end }}
onEpochReset: {{ .Values.onEpochReset }}
{{- with include "quorate-sidecar.gates" . }}
{{ . }}
{{- end }}
http: {listen: "[::]:{{ .Values.service.port }}"}
log: {{- .Values.log | toYaml | nindent 2 }}
{{- end -}}

{{/* What is made of the list of voters. */}}

{{/* What of the voters may not change under a running election: names and addresses, without credentials. */}}
{{- define "quorate-sidecar.voterSet" -}}
{{- $set := list -}}
{{- range include "quorate-sidecar.voters" . | fromYamlArray -}}
{{- $set = append $set (printf "%s=%s" .name .url) -}}
{{- end -}}
{{- $set | sortAlpha | join " " -}}
{{- end -}}

{{/* The host and port of a URL, or the path: what makes two voters the same server. */}}
{{- define "quorate-sidecar.address" -}}
{{- if hasPrefix "unix://" . -}}
{{- trimPrefix "unix://" . | splitList "?" | first -}}
{{- else -}}
{{- $host := regexReplaceAll "^[a-z]+://" . "" | splitList "@" | last | splitList "/" | first -}}
{{- regexMatch ":[0-9]+$" $host | ternary $host (printf "%s:6379" $host) -}}
{{- end -}}
{{- end -}}

{{/* `auth` of the configuration. Takes values of auth and the directory where the Secret is mounted. */}}
{{- define "quorate-sidecar.authKeys" -}}
{{- $auth := index . 0 -}}
{{- $directory := index . 1 -}}
{{- with $auth.username }}
username: {{ . | quote }}
{{- end }}
passwordFile: {{ $directory }}/{{ default "password" $auth.passwordKey }}
{{- with $auth.previousPasswordKey }}
previousPasswordFile: {{ $directory }}/{{ . }}
{{- end }}
{{- end -}}

{{/* `tls` of the configuration. Takes values of tls and the directory where the Secret is mounted. */}}
{{- define "quorate-sidecar.tlsKeys" -}}
{{- $tls := index . 0 -}}
{{- $directory := index . 1 -}}
{{- if $tls.existingSecret }}
caFile: {{ $directory }}/{{ default "ca.crt" $tls.caKey }}
{{- with $tls.certKey }}
certFile: {{ $directory }}/{{ . }}
{{- end }}
{{- with $tls.keyKey }}
keyFile: {{ $directory }}/{{ . }}
{{- end }}
{{- end }}
{{- with $tls.serverName }}
serverName: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* Every Secret that candidates mount, by the directory below /etc/quorate-secrets. Returns YAML. */}}
{{- define "quorate-sidecar.secrets" -}}
{{- $common := include "quorate-sidecar.commonAuth" . | fromYaml -}}
{{- $secrets := dict -}}
{{- with $common.existingSecret }}{{ $_ := set $secrets "auth" . }}{{ end -}}
{{- with .Values.tls.existingSecret }}{{ $_ := set $secrets "tls" . }}{{ end -}}
{{- range $index, $voter := include "quorate-sidecar.voters" . | fromYamlArray -}}
{{- with ($voter.auth | default dict).existingSecret }}{{ $_ := set $secrets (printf "auth-%d" $index) . }}{{ end -}}
{{- with ($voter.tls | default dict).existingSecret }}{{ $_ := set $secrets (printf "tls-%d" $index) . }}{{ end -}}
{{- end -}}
{{- $secrets | toYaml -}}
{{- end -}}

{{/* Who may not be a voter, and how many there must be. */}}
{{- define "quorate-sidecar.guardVoters" -}}
{{- $voters := include "quorate-sidecar.voters" . | fromYamlArray -}}
{{- $count := len $voters -}}
{{- if and (eq $count 1) (not .Values.allowSingleVoter) -}}
{{- fail "quorate: voters has one server, whose every restart loses the memory of the election: name 3, 5, 7 or 9, or set allowSingleVoter=true knowingly" -}}
{{- else if eq (mod $count 2) 0 -}}
{{- fail (printf "quorate: voters has %d servers, an even number, which tolerates no more failures than %d: name 3, 5, 7 or 9" $count (sub $count 1)) -}}
{{- else if gt $count 9 -}}
{{- fail (printf "quorate: voters has %d servers: name 3, 5, 7 or 9" $count) -}}
{{- end -}}
{{- $names := dict -}}
{{- $addresses := dict -}}
{{- range $voter := $voters -}}
{{- if regexMatch "^[a-z]+://[^/@]*@" .url -}}
{{- fail (printf "quorate: the URL of voter %s has a user or a password in it, and values are no place for secrets: put the password into a Secret and name it in auth.existingSecret" .name) -}}
{{- end -}}
{{- if hasKey $names .name -}}
{{- fail (printf "quorate: two voters have the name %s: give each its own, and keep it for good" .name) -}}
{{- end -}}
{{- $address := include "quorate-sidecar.address" .url -}}
{{- with get $addresses $address -}}
{{- fail (printf "quorate: the voters %s and %s are the same server, %s, which would vote twice: name independent servers" . $voter.name $address) -}}
{{- end -}}
{{- $_ := set $names .name true -}}
{{- $_ := set $addresses $address .name -}}
{{- end -}}
{{- end -}}

{{/* Compared with the installed release, which only a cluster knows: nothing is refused under `helm template`. */}}
{{- define "quorate-sidecar.guardUpgrade" -}}
{{- $installed := lookup "v1" "ConfigMap" .Release.Namespace (include "quorate-sidecar.fullname" .) -}}
{{- include "quorate-sidecar.guardChange" (list . (dig "metadata" "annotations" dict $installed)) -}}
{{- end -}}

{{- define "quorate-sidecar.guardChange" -}}
{{- $root := index . 0 -}}
{{- $installed := index . 1 -}}
{{- $set := include "quorate-sidecar.voterSet" $root -}}
{{- with get $installed "quorate-sidecar.dev/voters" -}}
{{- if and (ne . $set) (ne $root.Values.votersChanged "iStoppedEverything") -}}
{{- fail (printf "quorate: the voters are %s and would become %s. Candidates with the old and the new set could both elect a leader: stop all candidates (replicas=0), run quorate reset, then upgrade with votersChanged=iStoppedEverything" . $set) -}}
{{- end -}}
{{- end -}}
{{- $name := printf "%s/%s" $root.Values.keyPrefix (include "quorate-sidecar.election" $root) -}}
{{- with get $installed "quorate-sidecar.dev/election" -}}
{{- if and (ne . $name) (ne $root.Values.votersChanged "iStoppedEverything") -}}
{{- fail (printf "quorate: the election is %s and would become %s. Candidates of both names would lead beside each other: stop all candidates (replicas=0), then upgrade with votersChanged=iStoppedEverything" . $name) -}}
{{- end -}}
{{- end -}}
{{- $ttl := include "quorate-sidecar.ttl" $root | int64 -}}
{{- with get $installed "quorate-sidecar.dev/ttl-ms" -}}
{{- $before := int64 . -}}
{{- if or (gt $ttl (mul 2 $before)) (gt $before (mul 2 $ttl)) -}}
{{- fail (printf "quorate: the ttl is %d ms and would become %d ms, and candidates that differ by more than a factor of two take no part: go in steps of at most two" $before $ttl) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The alerts of one election. A single candidate has no standbys; where their number is not known there are some. */}}
{{- define "quorate-sidecar.ruleGroups" -}}
{{- $ttl := include "quorate-sidecar.ttl" . | int64 -}}
{{- $hasStandbys := or (not (hasKey .Values "replicas")) (gt (int .Values.replicas) 1) -}}
{{- $churn := max 4 (add1 (int (default 3 .Values.replicas))) -}}
{{- $known := list -}}
- name: quorate.{{ include "quorate-sidecar.election" . }}
  rules:
    {{- range $rule := .Files.Get "files/alerts.yaml" | fromYamlArray }}
    {{- $known = append $known $rule.alert }}
    {{- $own := get $.Values.prometheusRule.alerts $rule.alert | default dict }}
    {{- $wanted := or $hasStandbys (ne (default "" $rule.needs) "standbys") }}
    {{- if dig "enabled" $wanted $own }}
    - alert: Quorate{{ $rule.alert }}
      expr: |-
        {{- $rule.expr | replace "$election" (include "quorate-sidecar.election" $) | replace "$churn" (toString $churn) | trim | nindent 8 }}
      {{- $least := mul (int (default 0 $rule.forTtls)) $ttl }}
      {{- if $own.for }}
      for: {{ $own.for }}
      {{- else if gt $least (include "quorate-sidecar.milliseconds" (default "0s" $rule.for) | int64) }}
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
