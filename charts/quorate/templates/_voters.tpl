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

{{/* Which password of the voters in the box it is, the first being 0. Of the chart's own Secret never an earlier one than there
is: an upgrade whose values lack the number changes nothing. */}}
{{- define "quorate.passwordRotation" -}}
{{- $there := lookup "v1" "Secret" .Release.Namespace (printf "%s-voters" (include "quorate.fullname" .)) -}}
{{- include "quorate.laterRotation" (list .Values.bundledVoters.passwordRotation (ternary $there dict (eq .Values.bundledVoters.existingSecret ""))) -}}
{{- end -}}

{{- define "quorate.laterRotation" -}}
{{- max (int64 (default 0 (index . 0))) (include "quorate.presentRotation" (index . 1) | int64) -}}
{{- end -}}

{{- define "quorate.presentRotation" -}}
{{- dig "metadata" "annotations" "quorate.dev/password-rotation" "0" . | int64 -}}
{{- end -}}

{{/* The two passwords, given the number that is wanted and the Secret that is there. Returns YAML. */}}
{{- define "quorate.voterPasswords" -}}
{{- $there := index . 1 -}}
{{- $password := dig "data" "password" "" $there -}}
{{- $previous := dig "data" "previousPassword" "" $there -}}
{{- $isRotated := ne (include "quorate.laterRotation" .) (include "quorate.presentRotation" $there) -}}
{{- $fresh := randAlphaNum 32 | b64enc -}}
password: {{ ternary $fresh (default $fresh $password) $isRotated }}
previousPassword: {{ default (randAlphaNum 32 | b64enc) (ternary $password $previous $isRotated) }}
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
