#!/bin/sh
# A file that refuses older terms: term and value in one file, compared and replaced under a lock of the kernel. FILE
# says which. All who write to it must come through here, on one host: a lock over a network file system may be lost.
#
# usage: file.sh claim | write VALUE | read
set -eu

fenced() { (
    flock 9
    fence=0 value=0
    if [ -e "$FILE" ]; then read -r fence value <"$FILE"; fi
    [ "$QUORATE_TERM" -ge "$fence" ] || { echo "refused: a newer term than $QUORATE_TERM was here" >&2; exit 1; }
    value=${1:-$value}
    echo "$QUORATE_TERM $value" >"$FILE.new"
    mv "$FILE.new" "$FILE"
    echo "$value"
) 9>>"$FILE.lock"; }

case ${1:-} in
claim) fenced ;;
write) fenced "$2" ;;
read) cut -d ' ' -f 2 "$FILE" ;;
*) echo "usage: file.sh claim | write VALUE | read" >&2; exit 2 ;;
esac
