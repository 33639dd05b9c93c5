# shellcheck shell=bash
# The process that holds a cluster: number 1 of a PID namespace, which takes everything with it, and of mount, network and
# host name namespaces, which are gone with the last process in them.

# By CLUSTER_STATE in their environment its processes are known to be its.

# shellcheck source=scripts/cluster/times.sh
. scripts/cluster/times.sh

holder() { recorded "$STATE/holder"; }

hold() {
    mkdir -p "$STATE/log"
    printf 'CLUSTER=%s\nCGROUP=%s\nNET=10.%d\n' "$CLUSTER" "$CGROUP" $((64 + 16#${KEY:0:2} % 64)) >"$STATE/settings"
    setsid unshare --pid --fork --mount --net --uts --ipc env "CLUSTER_STATE=$STATE" bash "$TOP/scripts/cluster/init.sh" "$STATE" \
        "$TOP/.tools/cluster/$(readlink "$TOP/.tools/cluster/bin")" "$TOP/scripts/cluster" \
        >"$STATE/log/init.log" 2>&1 </dev/null 9>&- &
    eventually 'namespaces of its own' 10 test -e "$STATE/held"
}

the_holder() { holder || die "there is no cluster $CLUSTER: make cluster-up"; }

# A command in the cluster's namespaces, or one of scripts/cluster/inside.sh.
enter() {
    local pid
    pid=$(the_holder) || exit 1
    nsenter --target "$pid" --pid --mount --net --uts --ipc -- env "CLUSTER_STATE=$STATE" "$@" 9>&-
}

inside() { enter bash /run/cluster/scripts/inside.sh "$@"; }
