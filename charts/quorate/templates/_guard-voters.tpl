{{/* Who may not be a voter, and how many there must be. */}}
{{- define "quorate.guardVoters" -}}
{{- $voters := include "quorate.voters" . | fromYamlArray -}}
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
{{- $address := include "quorate.address" .url -}}
{{- with get $addresses $address -}}
{{- fail (printf "quorate: the voters %s and %s are the same server, %s, which would vote twice: name independent servers" . $voter.name $address) -}}
{{- end -}}
{{- $_ := set $names .name true -}}
{{- $_ := set $addresses $address .name -}}
{{- end -}}
{{- end -}}
