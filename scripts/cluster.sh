#!/usr/bin/env bash
# A real Kubernetes on this machine, without a container engine: processes in namespaces of their own, below one process
# with which all of them end. Of the host it uses cgroups of its own and one port of loopback, which the kernel chooses.
#
# usage: [CLUSTER=NAME] scripts/cluster.sh VERB
#   up [--control-plane]    make it, or what of it is missing; without nodes: API server and controllers alone
#   down                    end it and leave nothing
#   kubeconfig              where its kubeconfig is
#   reach PORT              says an address in it that leads to this port of the host's loopback until standard input ends
#   load ARCHIVE…           an image on every node, from an OCI archive
#   stop PART, start PART   etcd, apiserver, controllers, scheduler, dns; kubelet-1, containerd-1, proxy-1 and -2
#   cut NODE, mend NODE     1 or 2: nothing that it sends or is sent arrives, or does again
#   on NODE COMMAND…        a command in the namespaces of a node
#   remains                 what there is of it; fails where there is anything
set -euo pipefail
cd "$(dirname "$0")/.."

TOP=$PWD
CLUSTER=${CLUSTER:-quorate}

die() {
    printf 'cluster: %s\n' "$*" >&2
    exit 1
}

say() { printf 'cluster: %s\n' "$*"; }

usage() {
    sed -n '/^# usage/,/^set/{s/^# //p}' "$TOP/scripts/cluster.sh" >&2
    exit 2
}

[[ $CLUSTER =~ ^[a-z][a-z0-9-]{0,19}$ ]] || die "CLUSTER=$CLUSTER: a name has up to 20 of a-z, 0-9 and -"
STATE=$TOP/target/cluster/$CLUSTER
# Two checkouts may each have a cluster of the same name.
KEY=$(printf '%s' "$STATE" | sha256sum)
CGROUP=quorate-$CLUSTER-${KEY:0:6}

# shellcheck source=scripts/cluster/holder.sh
. scripts/cluster/holder.sh
# shellcheck source=scripts/cluster/up.sh
. scripts/cluster/up.sh
# shellcheck source=scripts/cluster/down.sh
. scripts/cluster/down.sh

# One at a time of those that make and end. What outlives them must not keep the lock: it is closed (9>&-) for every
# process that enters the cluster.
alone() {
    mkdir -p "$TOP/target/cluster"
    exec 9>"$TOP/target/cluster/$CLUSTER.lock"
    flock 9
}

[ $# -gt 0 ] || usage
verb=$1
case $verb in
    up | down | reach) [ "$(id -u)" -eq 0 ] || die 'namespaces and cgroups need root: run it as root' ;;
esac
case $verb in
    up)
        alone
        shift
        up "$@"
        ;;
    down)
        alone
        down
        ;;
    kubeconfig) printf '%s\n' "$STATE/kubeconfig" ;;
    reach)
        [[ ${2:-} =~ ^[1-9][0-9]{0,4}$ && $2 -le 65535 ]] || die "reach ${2:-nothing}: say a port, from 1 to 65535"
        lead out "$2"
        ;;
    load)
        shift
        load "$@"
        ;;
    stop | start | cut | mend | on) inside "$@" ;;
    remains) remains ;;
    *) usage ;;
esac
