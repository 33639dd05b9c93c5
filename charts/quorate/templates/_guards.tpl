{{/* What no schema can say: each refused with what it is, what is allowed, and what to do. */}}
{{- define "quorate.guards" -}}
{{- include "quorate.guardMode" . -}}
{{- include "quorate.guardBox" . -}}
{{- include "quorate.guardVoters" . -}}
{{- include "quorate.guardPods" . -}}
{{- include "quorate.guardUpgrade" . -}}
{{- end -}}

{{- define "quorate.guardMode" -}}
{{- $work := .Values.work -}}
{{- if eq .Values.mode "exec" -}}
{{- if not $work.image.repository -}}
{{- fail "quorate: mode=exec wraps a container of yours, and work.image.repository is empty: name its image" -}}
{{- else if not (or $work.image.tag $work.image.digest) -}}
{{- fail "quorate: work.image has neither a tag nor a digest: name one, so that all candidates run the same" -}}
{{- else if not $work.command -}}
{{- fail "quorate: mode=exec starts work.command, which is empty: give the whole command line, because the image's own entry point cannot be seen from here" -}}
{{- else if has "--" $work.options -}}
{{- fail "quorate: work.options has --, after which the command begins: put the command into work.command" -}}
{{- end -}}
{{- else if or $work.image.repository $work.command $work.options $work.ports $work.envFrom $work.statusFile -}}
{{- fail "quorate: work is given, and mode=standalone starts no work: set mode=exec" -}}
{{- end -}}
{{- end -}}

{{- define "quorate.guardBox" -}}
{{- if and .Values.bundledVoters.enabled .Values.voters -}}
{{- fail "quorate: voters and bundledVoters.enabled are both given: take the voters in the box, or name your own" -}}
{{- end -}}
{{- if and .Values.bundledVoters.enabled .Values.auth.existingSecret -}}
{{- fail "quorate: auth.existingSecret is for voters of your own: for those in the box set bundledVoters.existingSecret, with the keys password and previousPassword" -}}
{{- end -}}
{{- if not (or .Values.bundledVoters.enabled .Values.voters) -}}
{{- fail "quorate: no voters: name 3, 5, 7 or 9 independent Redis servers in voters, or set bundledVoters.enabled=true to get some in the box" -}}
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
{{- if and .Values.podMonitor.enabled .Values.serviceMonitor.enabled -}}
{{- fail "quorate: podMonitor and serviceMonitor are both enabled: each candidate would be scraped twice, and one leader would be counted as two: enable one" -}}
{{- end -}}
{{- $least := include "quorate.leastGrace" . | int64 -}}
{{- with .Values.terminationGracePeriodSeconds -}}
{{- if lt (int64 .) $least -}}
{{- fail (printf "quorate: terminationGracePeriodSeconds=%v is shorter than the %d that timing.drainTimeout and timing.stopGrace need: leave it empty, or shorten those" . $least) -}}
{{- end -}}
{{- end -}}
{{- end -}}
