{{/* What no schema can say: each refused with what it is, what is allowed, and what to do. */}}
{{- define "quorate.guards" -}}
{{- include "quorate.guardVoters" . -}}
{{- include "quorate.guardPods" . -}}
{{- include "quorate.guardUpgrade" . -}}
{{- end -}}

{{- define "quorate.guardVoters" -}}
{{- if and .Values.bundledVoters.enabled .Values.voters -}}
{{- fail "quorate: voters and bundledVoters.enabled are both given: take the voters in the box, or name your own" -}}
{{- end -}}
{{- if and .Values.bundledVoters.enabled .Values.auth.existingSecret -}}
{{- fail "quorate: auth.existingSecret is for voters of your own: for those in the box set bundledVoters.existingSecret, with the keys password and previousPassword" -}}
{{- end -}}
{{- $voters := include "quorate.voters" . | fromYamlArray -}}
{{- $count := len $voters -}}
{{- if eq $count 0 -}}
{{- fail "quorate: no voters: name 3, 5, 7 or 9 independent Redis servers in voters, or set bundledVoters.enabled=true to get some in the box" -}}
{{- else if and (eq $count 1) (not .Values.allowSingleVoter) -}}
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

{{- define "quorate.guardPods" -}}
{{- $election := include "quorate.election" . -}}
{{- if gt (len $election) 63 -}}
{{- fail (printf "quorate: the election would be called %s, which is longer than 63 characters: set election" $election) -}}
{{- end -}}
{{- if and (eq .Values.readiness "leader") (eq (toString .Values.podDisruptionBudget.enabled) "true") -}}
{{- fail "quorate: podDisruptionBudget.enabled with readiness=leader: only the leader is ever Ready, so a budget would block every drain of its node: set podDisruptionBudget.enabled=auto or false" -}}
{{- end -}}
{{- $least := include "quorate.leastGrace" . | int64 -}}
{{- with .Values.terminationGracePeriodSeconds -}}
{{- if lt (int64 .) $least -}}
{{- fail (printf "quorate: terminationGracePeriodSeconds=%v is shorter than the %d that timing.drainTimeout and timing.stopGrace need: leave it empty, or shorten those" . $least) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Compared with the installed release, which only a cluster knows: nothing is refused under `helm template`. */}}
{{- define "quorate.guardUpgrade" -}}
{{- $installed := lookup "v1" "ConfigMap" .Release.Namespace (include "quorate.fullname" .) -}}
{{- include "quorate.guardChange" (list . (dig "metadata" "annotations" dict $installed)) -}}
{{- end -}}

{{- define "quorate.guardChange" -}}
{{- $root := index . 0 -}}
{{- $installed := index . 1 -}}
{{- $set := include "quorate.voterSet" $root -}}
{{- with get $installed "quorate.dev/voters" -}}
{{- if and (ne . $set) (ne $root.Values.votersChanged "iStoppedEverything") -}}
{{- fail (printf "quorate: the voters are %s and would become %s. Candidates with the old and the new set could both elect a leader: stop all candidates (replicas=0), run quorate reset, then upgrade with votersChanged=iStoppedEverything" . $set) -}}
{{- end -}}
{{- end -}}
{{- $ttl := include "quorate.ttl" $root | int64 -}}
{{- with get $installed "quorate.dev/ttl-ms" -}}
{{- $before := int64 . -}}
{{- if or (gt $ttl (mul 2 $before)) (gt $before (mul 2 $ttl)) -}}
{{- fail (printf "quorate: the ttl is %d ms and would become %d ms, and candidates that differ by more than a factor of two take no part: go in steps of at most two" $before $ttl) -}}
{{- end -}}
{{- end -}}
{{- end -}}
