{{/* What the shared templates ask of a chart, answered for a sidecar: names, voters, what is refused. */}}

{{/* The name of what is made, and of what it is called in the Pod: the dependency's alias where it has one. */}}
{{- define "quorate-sidecar.name" -}}
{{- .Chart.Name | trunc 15 | trimSuffix "-" -}}
{{- end -}}

{{- define "quorate-sidecar.fullname" -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "quorate-sidecar.labels" -}}
helm.sh/chart: {{ printf "quorate-sidecar-%s" .Chart.Version | replace "+" "_" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: quorate
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "quorate-sidecar.election" -}}
{{- default (printf "%s-%s" .Release.Namespace .Release.Name) .Values.election -}}
{{- end -}}

{{- define "quorate-sidecar.statusFile" -}}
{{- if .Values.statusFile }}/run/{{ .Chart.Name }}/status{{ end -}}
{{- end -}}

{{- define "quorate-sidecar.voters" -}}
{{- .Values.voters | toYaml -}}
{{- end -}}

{{- define "quorate-sidecar.commonAuth" -}}
{{- .Values.auth | toYaml -}}
{{- end -}}

{{/* None: labels and slices take rights that the Pod's owner would have to give. */}}
{{- define "quorate-sidecar.hasGate" -}}
{{- end -}}

{{- define "quorate-sidecar.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "quorate-sidecar.guards" -}}
{{- if not .Values.voters -}}
{{- fail (printf "quorate: no voters: name 3, 5, 7 or 9 independent Redis servers in %s.voters" .Chart.Name) -}}
{{- end -}}
{{- include "quorate-sidecar.guardVoters" . -}}
{{- $election := include "quorate-sidecar.election" . -}}
{{- if gt (len $election) 63 -}}
{{- fail (printf "quorate: the election would be called %s, which is longer than 63 characters: set %s.election" $election .Chart.Name) -}}
{{- end -}}
{{- include "quorate-sidecar.guardUpgrade" . -}}
{{- end -}}

{{/* Whoever wants gates says so in the environment (QUORATE_GATES_…) and brings the rights: they are the parent's. */}}
{{- define "quorate-sidecar.gates" -}}
{{- end -}}
