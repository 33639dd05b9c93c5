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
{{- $name := printf "%s/%s" $root.Values.keyPrefix (include "quorate.election" $root) -}}
{{- with get $installed "quorate.dev/election" -}}
{{- if and (ne . $name) (ne $root.Values.votersChanged "iStoppedEverything") -}}
{{- fail (printf "quorate: the election is %s and would become %s. Candidates of both names would lead beside each other: stop all candidates (replicas=0), then upgrade with votersChanged=iStoppedEverything" . $name) -}}
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
