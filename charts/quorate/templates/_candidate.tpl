{{/* What a candidate's container runs: Quorate alone, or Quorate around a container of somebody else. */}}

{{/* Where the program is, in the container of a candidate. */}}
{{- define "quorate.program" -}}
{{- ternary "/opt/quorate/quorate" "/quorate" (eq .Values.mode "exec") -}}
{{- end -}}

{{/* Where who leads is written to; empty: nowhere. */}}
{{- define "quorate.statusFile" -}}
{{- if and (eq .Values.mode "exec") .Values.work.statusFile }}/run/quorate/status{{ end -}}
{{- end -}}

{{/* Name, image, command line and what it may do. */}}
{{- define "quorate.candidateProgram" -}}
{{- if eq .Values.mode "exec" -}}
- name: work
  image: {{ include "quorate.image" (list .Values.work.image "") }}
  imagePullPolicy: {{ .Values.work.image.pullPolicy }}
  command: {{- concat (list (include "quorate.program" .) "exec") .Values.work.options (list "--") .Values.work.command | toYaml | nindent 4 }}
  {{- with .Values.work.envFrom }}
  envFrom: {{- toYaml . | nindent 4 }}
  {{- end }}
  resources: {{- toYaml .Values.work.resources | nindent 4 }}
  securityContext: {{- mergeOverwrite (include "quorate.restricted" . | fromYaml) .Values.work.securityContext | toYaml | nindent 4 }}
{{- else -}}
- name: quorate
  image: {{ include "quorate.image" (list .Values.image .Chart.AppVersion) }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: [run]
  resources: {{- toYaml .Values.resources | nindent 4 }}
  securityContext: {{- include "quorate.restricted" . | nindent 4 }}
{{- end -}}
{{- end -}}

{{/* Brings the program to the work's image, which stays as it is. */}}
{{- define "quorate.installer" -}}
- name: install
  image: {{ include "quorate.image" (list .Values.image .Chart.AppVersion) }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: [install, /opt/quorate]
  resources: {{- toYaml .Values.resources | nindent 4 }}
  securityContext: {{- include "quorate.restricted" . | nindent 4 }}
  volumeMounts:
    - {name: program, mountPath: /opt/quorate}
{{- end -}}
