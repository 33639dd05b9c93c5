#!/usr/bin/env bash
# What scripts/cluster.sh does inside of a cluster's namespaces.
set -euo pipefail
cd /run/cluster/state

BIN=/run/cluster/bin
SCRIPTS=/run/cluster/scripts
# CLUSTER, CGROUP and NET: the name, the folder of its cgroups, and the two numbers with which its addresses begin.
# shellcheck disable=SC1091
. ./settings

die() {
    printf 'cluster: %s\n' "$*" >&2
    exit 1
}

# shellcheck source=scripts/cluster/times.sh
. "$SCRIPTS/times.sh"
# shellcheck source=scripts/cluster/parts.sh
. "$SCRIPTS/parts.sh"
# shellcheck source=scripts/cluster/certificates.sh
. "$SCRIPTS/certificates.sh"
# shellcheck source=scripts/cluster/control-plane.sh
. "$SCRIPTS/control-plane.sh"
# shellcheck source=scripts/cluster/node.sh
. "$SCRIPTS/node.sh"

verb=$1
shift
case $verb in
    prepare)
        network
        certificates
        ;;
    control-plane) control_plane ;;
    nodes) nodes ;;
    kubelets) kubelets ;;
    kubeconfig) kubeconfig "$@" ;;
    load) load "$@" ;;
    start) start_part "$@" ;;
    stop) stop_part "$@" ;;
    cut) cut_node "$@" ;;
    mend) mend_node "$@" ;;
    on)
        node=$1
        shift
        on_node "$node" "$@"
        ;;
esac
