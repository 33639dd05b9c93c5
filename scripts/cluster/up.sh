# shellcheck shell=bash
# Makes a cluster, seen from the host.

up() {
    local nodes=yes began=$SECONDS
    case ${1:-} in
        '') ;;
        --control-plane) nodes= ;;
        *) usage ;;
    esac
    [ -x "$TOP/.tools/cluster/bin/kube-apiserver" ] || die 'its programs are not built: scripts/tools.sh cluster'
    if [ -d "$STATE" ] && { [ ! -e "$STATE/ready" ] || ! holder >/dev/null; }; then
        say "ending what is left of a half-made $CLUSTER"
        down
    fi
    if ! holder >/dev/null; then
        hold
        inside prepare
    fi
    inside control-plane &
    local plane=$!
    [ -z "$nodes" ] || make_nodes
    wait "$plane" || die 'no control plane; the words above say why'
    forward
    [ -z "$nodes" ] || inside kubelets
    : >"$STATE/ready"
    say "$CLUSTER is ready after $((SECONDS - began)) s: export KUBECONFIG=$STATE/kubeconfig"
}

make_nodes() {
    make_cgroups
    inside nodes
    load "$TOP"/target/cluster-images/*.tar
}

# In every hierarchy there is. Those of cpuset begin without a processor, and nothing runs in them before they have one.
make_cgroups() {
    local hierarchy node file
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        delegate /sys/fs/cgroup
        mkdir -p "/sys/fs/cgroup/$CGROUP"
        delegate "/sys/fs/cgroup/$CGROUP"
        mkdir -p "/sys/fs/cgroup/$CGROUP"/node-{1,2}
        return
    fi
    for hierarchy in /sys/fs/cgroup/*/; do
        for node in "$CGROUP" "$CGROUP/node-1" "$CGROUP/node-2"; do
            mkdir -p "$hierarchy$node"
            for file in cpuset.cpus cpuset.mems; do
                [ ! -e "$hierarchy$file" ] || cat "$hierarchy$file" >"$hierarchy$node/$file"
            done
        done
    done
}

# cgroup v2: the controllers that a kubelet wants, handed down.
delegate() { echo '+cpu +cpuset +memory +pids' >"$1/cgroup.subtree_control"; }

# A way to or from the address at which the cluster's nodes reach what is not on them.
lead() { # in or out, port
    local pid
    pid=$(the_holder) || exit 1
    python3 scripts/cluster/forward.py "$1" "$STATE" "$pid" "$(sed -n 's/^NET=//p' "$STATE/settings").0.1" "$2" 9>&-
}

# A way in from the host: a port of its loopback leads to the API server.
forward() {
    [ ! -e "$STATE/kubeconfig" ] || return 0
    local port
    port=$(lead in 6443)
    inside kubeconfig admin "https://127.0.0.1:$port" >"$STATE/kubeconfig.new"
    mv "$STATE/kubeconfig.new" "$STATE/kubeconfig"
}

load() { # archives
    local archive other
    for archive in "$@"; do
        [ -f "$archive" ] || die "$archive: no such image; scripts/cluster/images.sh builds ours"
        inside load 1 <"$archive" &
        other=$!
        inside load 2 <"$archive"
        wait "$other"
    done
}
