#!/usr/bin/env bash
# Runs a program in an empty root, where it finds no library, no /proc and no configuration of names: does it start, look
# up a name, and install itself?
#
# usage: scripts/alone.sh PROGRAM          as root, or where a user may make namespaces
set -euo pipefail

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir "$root/etc" "$root/shared" "$root/proc"
cp "$1" "$root/program"
printf '127.0.0.1 somewhere\n' >"$root/etc/hosts"

alone() {
    unshare --map-root-user --mount --pid --fork --mount-proc="$root/proc" chroot "$root" "$@"
}

alone /program version
alone /program install /shared
alone /shared/quorate version >/dev/null
# Nobody listens at that port: the name was found if the refusal is told, and not if the name is.
if said=$(alone /shared/quorate check --election x --allow-single-voter --voter a=redis://somewhere:1 2>&1); then
    said="a voter where none is: $said"
fi
case $said in
    *[Rr]efused*) printf 'it runs without a C library and finds names\n' ;;
    *) printf 'it does not find names:\n%s\n' "$said" >&2; exit 1 ;;
esac
