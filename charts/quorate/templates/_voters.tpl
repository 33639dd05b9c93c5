{{/* The voters, one's own or those in the box, as one list. Returns YAML. */}}
{{- define "quorate.voters" -}}
{{- if .Values.bundledVoters.enabled -}}
{{- $full := include "quorate.fullname" . -}}
{{- range $index := until (int .Values.bundledVoters.replicas) }}
- name: voter-{{ $index }}
  url: redis://{{ $full }}-voter-{{ $index }}.{{ $full }}-voters.{{ $.Release.Namespace }}.svc:6379
{{- end }}
{{- else -}}
{{- .Values.voters | toYaml -}}
{{- end -}}
{{- end -}}

{{/* The Secret and user of everybody, the voters in the box included. Returns YAML. */}}
{{- define "quorate.commonAuth" -}}
{{- if .Values.bundledVoters.enabled -}}
existingSecret: {{ default (printf "%s-voters" (include "quorate.fullname" .)) .Values.bundledVoters.existingSecret }}
username: quorate
passwordKey: password
previousPasswordKey: previousPassword
{{- else -}}
{{- .Values.auth | toYaml -}}
{{- end -}}
{{- end -}}
