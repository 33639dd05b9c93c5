#!/usr/bin/env bash
# Builds the programs of a Kubernetes from Go modules, once: .tools/cluster/VERSION-KEY, and .tools/cluster/bin leads there.
# The key is what is pinned, so that a changed pin is another folder. Seven minutes of two cores the first time.
#
# usage: scripts/cluster/build.sh [PROGRAM…]      default: all, those of the control plane first
set -euo pipefail
cd "$(dirname "$0")/../.."

PROGRAMS=$PWD/scripts/cluster/programs
KUBERNETES=$(sed -n 's/^[a-z[:blank:]]*k8s.io\/kubernetes \(v[^ ]*\).*/\1/p' "$PROGRAMS/go.mod")
KEY=$(cat "$PROGRAMS"/go.mod "$PROGRAMS"/go.sum "$PROGRAMS"/dns/main.go | sha256sum)
FOLDER=.tools/cluster/$KUBERNETES-${KEY:0:12}

say() { printf 'cluster: %s\n' "$*"; }

die() {
    printf 'cluster: %s\n' "$*" >&2
    exit 1
}

# Clients and Helm misbehave with a server that does not know its version.
stamp() {
    local version=${KUBERNETES#v} flag=k8s.io/component-base/version
    local major=${version%%.*} minor=${version#*.}
    printf -- '-s -w -X %s.gitVersion=v%s -X %s.gitMajor=%s -X %s.gitMinor=%s' \
        "$flag" "$version" "$flag" "$major" "$flag" "${minor%%.*}"
}

package() {
    case $1 in
        dns) printf './dns\n' ;;
        *) printf 'k8s.io/kubernetes/cmd/%s\n' "$1" ;;
    esac
}

# A sign of life every half minute: a linker says nothing for long.
heartbeat() { # program
    local began=$SECONDS
    while sleep 30; do say "still building $1, $((SECONDS - began)) s so far"; done
}

build() { # program
    local program=$1 began=$SECONDS pulse status=0
    [ ! -x "$FOLDER/$program" ] || return 0
    say "building $program"
    heartbeat "$program" 9>&- &
    pulse=$!
    CGO_ENABLED=0 "$GO" build -C "$PROGRAMS" -trimpath -ldflags "$(stamp)" -o "$PWD/$FOLDER/$program.new" "$(package "$program")" ||
        status=$?
    kill "$pulse"
    [ "$status" -eq 0 ] || die "$program could not be built; the compiler's words are above"
    mv "$FOLDER/$program.new" "$FOLDER/$program"
    say "built $program in $((SECONDS - began)) s"
}

# One build at a time; the next one finds everything there.
mkdir -p .tools/cluster
exec 9>.tools/cluster/lock
flock 9

[ $# -gt 0 ] || set -- kube-apiserver kubectl kube-controller-manager dns kube-scheduler kube-proxy kubelet
mkdir -p "$FOLDER"
ln -sfn "$(basename "$FOLDER")" .tools/cluster/bin
for program in "$@"; do
    [ -x "$FOLDER/$program" ] || GO=${GO:-$(scripts/cluster/go.sh)}
    build "$program"
done
[ -x "$FOLDER/pause" ] || cc -static -Os -s -o "$FOLDER/pause" scripts/cluster/pause.c
