{{/* Names and labels. */}}

{{- define "quorate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 49 characters, so that every suffix of ours fits into 63. */}}
{{- define "quorate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 49 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "quorate.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 49 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "quorate.election" -}}
{{- default (printf "%s-%s" .Release.Namespace .Release.Name) .Values.election -}}
{{- end -}}

{{- define "quorate.selector" -}}
app.kubernetes.io/name: {{ include "quorate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "quorate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "quorate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: quorate
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "quorate.candidate" -}}
{{ include "quorate.selector" . }}
app.kubernetes.io/component: candidate
{{- end -}}

{{- define "quorate.voter" -}}
{{ include "quorate.selector" . }}
app.kubernetes.io/component: voter
{{- end -}}

{{- define "quorate.serviceAccount" -}}
{{- default (ternary (include "quorate.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{/* An image by digest where there is one, else by tag. Takes the values of the image and the default tag. */}}
{{- define "quorate.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default (index . 1) $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What every container of ours may do: nothing. */}}
{{- define "quorate.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* No file of ours is written, so one number for user and group serves every image. */}}
{{- define "quorate.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}
