#!/usr/bin/env bash
# Runs a command with a time limit. Past it, or at Ctrl-C, the command ends together with everything in its group.
#
# usage: scripts/bounded.sh LIMIT COMMAND…      LIMIT as timeout(1) takes it: 90s, 30m
set -euo pipefail
limit=$1
shift

# Job control gives the command a group of its own and leaves its signals as they are; a plain `&` would have it
# ignore SIGINT, and so every process that the tests start.
set -m
timeout --kill-after=10s "$limit" "$@" </dev/null &
child=$!
trap 'kill -TERM "$child"' INT TERM
status=0
wait "$child" || status=$?
if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
    printf 'not finished within %s: %s\n' "$limit" "$*" >&2
fi
exit "$status"
