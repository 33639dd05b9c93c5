#!/bin/sh
# Starts a voter: a server of its own that remembers nothing across a restart (an amnesia either way) and evicts nothing.
# PROGRAM: valkey or redis. SECRETS: a directory with password and previousPassword. KEY_PREFIX: of the elections. PORT.
set -eu
acl=/tmp/users.acl
rights='+eval +evalsha +script|load +hget +hmget +hset +hincrby +persist +set +get +del +pttl +pexpire +time +info +publish +subscribe +unsubscribe +ping +hello +pubsub|numsub'
umask 077
{
    printf 'user default off\n'
    printf 'user quorate on >%s >%s ~%s:* resetchannels &%s:* %s\n' "$(cat "$SECRETS/password")" \
        "$(cat "$SECRETS/previousPassword")" "$KEY_PREFIX" "$KEY_PREFIX" "$rights"
    # For the probe: it may look at records, and write nothing.
    printf 'user probe on >%s ~%s:*:record resetchannels +scan +hget +info +ping\n' \
        "$(cat "$SECRETS/password")" "$KEY_PREFIX"
} >"$acl"
exec "$PROGRAM-server" --port "$PORT" --bind '*' '-::*' --protected-mode no --aclfile "$acl" --dir /tmp \
    --save '' --appendonly no --maxmemory 64mb --maxmemory-policy noeviction --tcp-keepalive 60
