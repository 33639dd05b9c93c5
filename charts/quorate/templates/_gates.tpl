{{/* What the cluster shows of leadership. */}}

{{/* Not empty where anything is written to the API server. */}}
{{- define "quorate.hasGate" -}}
{{- range $_, $gate := .Values.gates }}{{ if $gate.enabled }}true{{ end }}{{ end -}}
{{- end -}}

{{- define "quorate.leaseName" -}}
{{- default (include "quorate.election" .) .Values.gates.leaseMirror.name -}}
{{- end -}}

{{/* Their part of the configuration; nothing where there is none. */}}
{{- define "quorate.gates" -}}
{{- if include "quorate.hasGate" . -}}
gates:
{{- with .Values.gates }}
{{- if .podLabel.enabled }}
  podLabel: {enabled: true, key: {{ .podLabel.key | quote }}}
{{- end }}
{{- if .endpointSlice.enabled }}
  endpointSlice: {enabled: true, service: {{ include "quorate.fullname" $ }}-leader}
{{- end }}
{{- if .podDeletionCost.enabled }}
  podDeletionCost: {enabled: true}
{{- end }}
{{- if .events.enabled }}
  events: {enabled: true}
{{- end }}
{{- if .leaseMirror.enabled }}
  leaseMirror: {enabled: true, name: {{ include "quorate.leaseName" $ | quote }}}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}
