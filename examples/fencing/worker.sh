#!/bin/sh
# A worker that counts upwards in a resource that refuses older terms. One of these on each machine:
#
#   quorate exec --config quorate.yaml -- examples/fencing/worker.sh examples/fencing/redis.sh
#
# usage: worker.sh RESOURCE…     a command that knows `claim` and `write VALUE`; QUORATE_TERM is from quorate exec
set -eu

# Claim first: from here on nobody older can change what was just read.
value=$("$@" claim)
while :; do
    value=$((value + 1))
    "$@" write "$value" >/dev/null
    sleep 0.1
done
