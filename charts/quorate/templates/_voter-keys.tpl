{{/* What is made of the list of voters. */}}

{{/* What of the voters may not change under a running election: names and addresses, without credentials. */}}
{{- define "quorate.voterSet" -}}
{{- $set := list -}}
{{- range include "quorate.voters" . | fromYamlArray -}}
{{- $set = append $set (printf "%s=%s" .name .url) -}}
{{- end -}}
{{- $set | sortAlpha | join " " -}}
{{- end -}}

{{/* The host and port of a URL, or the path: what makes two voters the same server. */}}
{{- define "quorate.address" -}}
{{- if hasPrefix "unix://" . -}}
{{- trimPrefix "unix://" . | splitList "?" | first -}}
{{- else -}}
{{- $host := regexReplaceAll "^[a-z]+://" . "" | splitList "@" | last | splitList "/" | first -}}
{{- regexMatch ":[0-9]+$" $host | ternary $host (printf "%s:6379" $host) -}}
{{- end -}}
{{- end -}}

{{/* `auth` of the configuration. Takes values of auth and the directory where the Secret is mounted. */}}
{{- define "quorate.authKeys" -}}
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
{{- define "quorate.tlsKeys" -}}
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
{{- define "quorate.secrets" -}}
{{- $common := include "quorate.commonAuth" . | fromYaml -}}
{{- $secrets := dict -}}
{{- with $common.existingSecret }}{{ $_ := set $secrets "auth" . }}{{ end -}}
{{- with .Values.tls.existingSecret }}{{ $_ := set $secrets "tls" . }}{{ end -}}
{{- range $index, $voter := include "quorate.voters" . | fromYamlArray -}}
{{- with ($voter.auth | default dict).existingSecret }}{{ $_ := set $secrets (printf "auth-%d" $index) . }}{{ end -}}
{{- with ($voter.tls | default dict).existingSecret }}{{ $_ := set $secrets (printf "tls-%d" $index) . }}{{ end -}}
{{- end -}}
{{- $secrets | toYaml -}}
{{- end -}}
