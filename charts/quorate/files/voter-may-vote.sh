#!/bin/sh
# Ends with 0 where this voter may vote: it is a member of every election that it knows, or it knows none and has been up
# for so long that whoever led before it forgot cannot believe it any more. A voter that is joining is not Ready, so that
# neither a rolling restart nor a drain takes a second one away meanwhile.
# PROGRAM, SECRETS, KEY_PREFIX, PORT as in start.sh; FORGOTTEN_AFTER: seconds.
set -eu
REDISCLI_AUTH=$(cat "$SECRETS/password")
export REDISCLI_AUTH
ask() { "$PROGRAM-cli" -p "$PORT" --user probe --no-auth-warning "$@"; }
# After a rotation, until its restart, the server has the password that is now the previous one.
[ "$(ask ping 2>&1)" = PONG ] || REDISCLI_AUTH=$(cat "$SECRETS/previousPassword")

records=$(ask --scan --pattern "$KEY_PREFIX:*:record")
if [ -z "$records" ]; then
    uptime=$(ask info server | tr -d '\r' | sed -n 's/^uptime_in_seconds://p')
    [ "${uptime:-0}" -ge "$FORGOTTEN_AFTER" ] && exit 0
    echo "no record yet, and up for ${uptime:-0} s of $FORGOTTEN_AFTER s"
    exit 1
fi
for record in $records; do
    standing=$(ask hget "$record" standing)
    [ "$standing" = member ] && continue
    echo "$record: ${standing:-unreadable}"
    exit 1
done
