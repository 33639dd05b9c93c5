{{/* For charts that depend on this one. Each takes the dependency's scope, `.Subcharts.quorate` where that is its alias. */}}

{{/* An object of its own: the sidecar's configuration. What is wrong with the values is refused here. */}}
{{- define "quorate-sidecar.configMap" -}}
{{- include "quorate-sidecar.guards" . -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "quorate-sidecar.fullname" . }}
  labels: {{- include "quorate-sidecar.labels" . | nindent 4 }}
  annotations:
    # What the next upgrade is compared with.
    quorate.dev/election: {{ printf "%s/%s" .Values.keyPrefix (include "quorate-sidecar.election" .) | quote }}
    quorate.dev/voters: {{ include "quorate-sidecar.voterSet" . | quote }}
    quorate.dev/ttl-ms: {{ include "quorate-sidecar.ttl" . | quote }}
data:
  quorate.yaml: |
    {{- include "quorate-sidecar.configuration" . | nindent 4 }}
{{- end -}}

{{/* An object of its own: the alerts of this election. */}}
{{- define "quorate-sidecar.prometheusRule" -}}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ include "quorate-sidecar.fullname" . }}
  labels: {{- include "quorate-sidecar.labels" . | nindent 4 }}
    {{- with .Values.prometheusRule.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  groups: {{- include "quorate-sidecar.ruleGroups" . | nindent 4 }}
{{- end -}}

{{/* Under the Pod's `annotations`: only Secrets are read again while a candidate runs; any other change rolls it. */}}
{{- define "quorate-sidecar.annotations" -}}
quorate.dev/{{ .Chart.Name }}-configuration: {{ include "quorate-sidecar.configuration" . | sha256sum }}
{{- end -}}

{{/* Under `initContainers`, before those that need to know who leads. */}}
{{- define "quorate-sidecar.container" -}}
- name: {{ .Chart.Name }}
  image: {{ include "quorate-sidecar.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: [run]
  # A native sidecar: starts before the worker and ends after it, so the lease is given back when the work has stopped.
  restartPolicy: Always
  env:
    - name: POD_NAME
      valueFrom: {fieldRef: {fieldPath: metadata.name}}
    - name: POD_IP
      valueFrom: {fieldRef: {fieldPath: status.podIP}}
    {{- with .Values.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - {name: {{ include "quorate-sidecar.name" . }}, containerPort: {{ .Values.service.port }}}
  # The worker is started when its questions are answered.
  startupProbe:
    httpGet: {path: /livez, port: {{ .Values.service.port }}}
    periodSeconds: 1
    failureThreshold: 60
  # /livez never fails because a voter is down: restarting a candidate would not help.
  livenessProbe:
    httpGet: {path: /livez, port: {{ .Values.service.port }}}
    periodSeconds: 10
    failureThreshold: 3
  readinessProbe:
    httpGet: {path: /readyz, port: {{ .Values.service.port }}}
    periodSeconds: 5
    failureThreshold: 1
  resources: {{- toYaml .Values.resources | nindent 4 }}
  # Whatever the Pod's own context says, which is the worker's.
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    capabilities: {drop: [ALL]}
    seccompProfile: {type: RuntimeDefault}
  volumeMounts:
    - {name: {{ .Chart.Name }}-configuration, mountPath: /etc/quorate, readOnly: true}
    {{- with include "quorate-sidecar.statusFile" . }}
    - {name: {{ $.Chart.Name }}-status, mountPath: {{ dir . }}}
    {{- end }}
    {{- range $directory, $_ := include "quorate-sidecar.secrets" . | fromYaml }}
    - {name: {{ $.Chart.Name }}-{{ $directory }}, mountPath: /etc/quorate-secrets/{{ $directory }}, readOnly: true}
    {{- end }}
{{- end -}}

{{/* Under `volumes`. Only the sidecar mounts the Secrets, whatever user it is. */}}
{{- define "quorate-sidecar.volumes" -}}
- name: {{ .Chart.Name }}-configuration
  configMap: {name: {{ include "quorate-sidecar.fullname" . }}}
{{- if .Values.statusFile }}
- name: {{ .Chart.Name }}-status
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
{{- end }}
{{- range $directory, $secret := include "quorate-sidecar.secrets" . | fromYaml }}
- name: {{ $.Chart.Name }}-{{ $directory }}
  secret: {secretName: {{ $secret }}, defaultMode: 0444}
{{- end }}
{{- end -}}

{{/* Under the worker's `env`: where it asks, and what it may read instead. */}}
{{- define "quorate-sidecar.workerEnv" -}}
- {name: QUORATE_ADDRESS, value: "127.0.0.1:{{ .Values.service.port }}"}
{{- with include "quorate-sidecar.statusFile" . }}
- {name: QUORATE_STATUS_FILE, value: {{ . }}}
{{- end }}
{{- end -}}

{{/* Under the worker's `volumeMounts`: the status file. Nothing where there is none. */}}
{{- define "quorate-sidecar.workerMounts" -}}
{{- if .Values.statusFile -}}
- {name: {{ .Chart.Name }}-status, mountPath: {{ include "quorate-sidecar.statusFile" . | dir }}, readOnly: true}
{{- end -}}
{{- end -}}
