{{/* The configuration file of the candidates. */}}
{{- define "quorate.configuration" -}}
{{- $secrets := "/etc/quorate-secrets" -}}
{{- $common := include "quorate.commonAuth" . | fromYaml -}}
election: {{ include "quorate.election" . }}
keyPrefix: {{ .Values.keyPrefix | quote }}
{{- with .Values.cluster }}
cluster: {{ . | quote }}
{{- end }}
voters:
{{- range $index, $voter := include "quorate.voters" . | fromYamlArray }}
  - name: {{ $voter.name | quote }}
    url: {{ $voter.url | quote }}
{{- with $voter.auth }}
    auth: {{- include "quorate.authKeys" (list . (printf "%s/auth-%d" $secrets $index)) | trim | nindent 6 }}
{{- end }}
{{- with $voter.tls }}
    tls: {{- include "quorate.tlsKeys" (list . (printf "%s/tls-%d" $secrets $index)) | trim | nindent 6 }}
{{- end }}
{{- end }}
{{- if .Values.allowSingleVoter }}
allowSingleVoter: true
{{- end }}
{{- if $common.existingSecret }}
auth: {{- include "quorate.authKeys" (list $common (printf "%s/auth" $secrets)) | trim | nindent 2 }}
{{- end }}
{{- if or .Values.tls.existingSecret .Values.tls.serverName }}
tls: {{- include "quorate.tlsKeys" (list .Values.tls (printf "%s/tls" $secrets)) | trim | nindent 2 }}
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
{{- with include "quorate.statusFile" . }}
statusFile: {{ . }}
{{- end }}
onEpochReset: {{ .Values.onEpochReset }}
{{- with include "quorate.gates" . }}
{{ . }}
{{- end }}
http: {listen: "[::]:{{ .Values.service.port }}"}
log: {{- .Values.log | toYaml | nindent 2 }}
{{- end -}}
