# shellcheck shell=bash
# Two nodes: kubelet, containerd and kube-proxy each, in namespaces of their own.

nodes() {
    local node
    for node in 1 2; do
        hold_node "$node"
        start_containerd "$node"
    done
    for node in 1 2; do
        eventually "containerd of node $node" 20 on_node "$node" ctr version
    done
}

hold_node() { # node
    ! recorded "/run/cluster/pids/node-$1" >/dev/null || return 0
    mkdir -p "node-$1"
    run "node-$1" unshare --mount --net --uts bash "$SCRIPTS/node-init.sh" "$1"
    eventually "namespaces of node $1" 10 test -e "node-$1/held"
    local pid other=$((3 - $1))
    pid=$(recorded "/run/cluster/pids/node-$1")
    ip link add "node-$1" type veth peer name eth0 netns "$pid"
    mend_node "$1"
    ip link set "node-$1" up
    ip route add "$NET.$1.0/24" via "$NET.0.1$1"
    on_node "$1" ip addr add "$NET.0.1$1/24" dev eth0
    on_node "$1" ip link set eth0 up
    on_node "$1" ip route add default via "$NET.0.1"
    on_node "$1" ip route add "$NET.$other.0/24" via "$NET.0.1$other"
    on_node "$1" bash -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

# What goes before a command for it to run on a node: ENTER. `nsenter` and not `ip netns exec`, which would mount another
# /sys, without cgroups.
entrance() { # node
    local pid
    pid=$(recorded "/run/cluster/pids/node-${1:-}") || die "there is no node ${1:-}"
    ENTER=(nsenter --target "$pid" --mount --net --uts --)
}

on_node() { # node, command…
    entrance "$1"
    shift
    "${ENTER[@]}" "$@"
}

# Off the bridge a node is as behind a torn cable: what it sends leaves and never arrives.
cut_node() { ip link set "node-$1" nomaster; }
mend_node() { ip link set "node-$1" master br0; }

load() { # node; an image on standard input
    on_node "$1" ctr --namespace k8s.io images import - >/dev/null
}

start_containerd() { # node
    mkdir -p "node-$1/cni"
    cat >"node-$1/cni/10-pods.conflist" <<JSON
{"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp", "ipMasq": false, "ipam": {
  "type": "host-local", "ranges": [[{"subnet": "$NET.$1.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
JSON
    # Without CAP_SYS_RESOURCE nobody may lower oom_score_adj, and a sandbox would not start.
    cat >"node-$1/containerd.toml" <<TOML
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "quorate.test/pause:1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/run/cluster/state/node-$1/cni"
TOML
    entrance "$1"
    run "containerd-$1" "${ENTER[@]}" containerd --config "/run/cluster/state/node-$1/containerd.toml"
}

start_kubelet() { # node
    cat >"node-$1/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: false}, x509: {clientCAFile: /run/cluster/state/pki/ca.crt}}
authorization: {mode: AlwaysAllow}
tlsCertFile: /run/cluster/state/pki/node-$1.crt
tlsPrivateKeyFile: /run/cluster/state/pki/node-$1.key
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
volumePluginDir: /var/lib/kubelet/volume-plugins
resolvConf: ""
clusterDNS: ["$NET.0.1"]
clusterDomain: cluster.local
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP/node-$1
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
nodeStatusUpdateFrequency: 2s
nodeLeaseDurationSeconds: 8
YAML
    entrance "$1"
    run "kubelet-$1" "${ENTER[@]}" "$BIN/kubelet" --config "/run/cluster/state/node-$1/kubelet.yaml" \
        --kubeconfig "/run/cluster/state/node-$1.conf" --hostname-override "node-$1" --node-ip "$NET.0.1$1"
}

# The sysctls of conntrack are the host's: left alone.
start_proxy() { # node
    entrance "$1"
    run "proxy-$1" "${ENTER[@]}" "$BIN/kube-proxy" --kubeconfig /run/cluster/state/proxy.conf --proxy-mode iptables \
        --hostname-override "node-$1" --cluster-cidr "$NET.0.0/17" --conntrack-max-per-core 0 \
        --conntrack-tcp-timeout-established 0 --conntrack-tcp-timeout-close-wait 0
}

kubelets() {
    local node
    for node in 1 2; do
        start_kubelet "$node"
        start_proxy "$node"
    done
    eventually 'nodes that are ready' 90 nodes_are_ready
}

nodes_are_ready() { admin wait --for=condition=Ready node/node-1 node/node-2 --timeout=5s; }
