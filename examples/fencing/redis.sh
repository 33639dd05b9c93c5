#!/bin/sh
# A hash in Redis that refuses older terms. REDIS_PORT and REDIS_HOST say where it is; it is no voter.
#
# usage: redis.sh claim | write VALUE | read
set -eu

ask() { redis-cli -h "${REDIS_HOST:-127.0.0.1}" -p "${REDIS_PORT:-6379}" "$@"; }

fenced='
local fence = tonumber(redis.call("HGET", KEYS[1], "fence") or "0")
if tonumber(ARGV[1]) < fence then return nil end
redis.call("HSET", KEYS[1], "fence", ARGV[1])
if ARGV[2] then redis.call("HSET", KEYS[1], "value", ARGV[2]) end
return redis.call("HGET", KEYS[1], "value") or "0"
'

case ${1:-} in
claim) answer=$(ask EVAL "$fenced" 1 orders "$QUORATE_TERM") ;;
write) answer=$(ask EVAL "$fenced" 1 orders "$QUORATE_TERM" "$2") ;;
read) answer=$(ask HGET orders value) ;;
*) echo "usage: redis.sh claim | write VALUE | read" >&2; exit 2 ;;
esac
# redis-cli shows nil as nothing where nobody looks.
[ -n "$answer" ] || { echo "refused: a newer term than ${QUORATE_TERM:-0} was here" >&2; exit 1; }
echo "$answer"
