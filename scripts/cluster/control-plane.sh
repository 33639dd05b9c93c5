# shellcheck shell=bash
# The control plane, in the cluster's own network: etcd in memory, API server, controllers, scheduler, names.
# Addresses, with the two numbers that NET stands for: NET.0.1 is here, NET.0.11 and NET.0.12 are the nodes, NET.1.0 and
# NET.2.0 their pods, NET.128.0/17 the Services. A Service may have an address of the other family as well; pods have none.

control_plane() {
    start_etcd
    start_apiserver
    eventually 'an API server that is ready' 60 admin get --raw /readyz
    start_controllers
    start_scheduler
    start_dns
    # A namespace without it takes no pods.
    eventually 'the default service account' 30 admin get serviceaccount default
}

admin() { "$BIN/kubectl" --kubeconfig admin.conf --request-timeout=5s "$@"; }

network() {
    ip link add br0 type bridge
    ip addr add "$NET.0.1/24" dev br0
    ip link set br0 up
    echo 1 >/proc/sys/net/ipv4/ip_forward
}

start_etcd() {
    run etcd etcd --data-dir /run/cluster/etcd --listen-client-urls http://127.0.0.1:2379 \
        --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
}

start_apiserver() {
    run apiserver "$BIN/kube-apiserver" --etcd-servers http://127.0.0.1:2379 \
        --secure-port 6443 --advertise-address "$NET.0.1" --service-cluster-ip-range "$NET.128.0/17,fd00:${NET/./:}::/112" \
        --client-ca-file pki/ca.crt --tls-cert-file pki/apiserver.crt --tls-private-key-file pki/apiserver.key \
        --kubelet-client-certificate pki/admin.crt --kubelet-client-key pki/admin.key \
        --kubelet-preferred-address-types InternalIP --authorization-mode Node,RBAC \
        --enable-admission-plugins NodeRestriction --allow-privileged \
        --service-account-issuer https://kubernetes.default.svc --service-account-key-file pki/accounts.pub \
        --service-account-signing-key-file pki/accounts.key \
        --default-not-ready-toleration-seconds 15 --default-unreachable-toleration-seconds 15
}

# A node that is silent for twelve seconds is taken for lost, so that tests need not wait a minute for it.
start_controllers() {
    run controllers "$BIN/kube-controller-manager" --kubeconfig controllers.conf --leader-elect=false \
        --service-account-private-key-file pki/accounts.key --root-ca-file pki/ca.crt \
        --use-service-account-credentials --node-monitor-period 2s --node-monitor-grace-period 12s
}

start_scheduler() {
    run scheduler "$BIN/kube-scheduler" --kubeconfig scheduler.conf --leader-elect=false
}

# Not a pod: names are then there before the first of them.
start_dns() {
    cat >Corefile <<CORE
.:53 {
    bind $NET.0.1
    errors
    kubernetes cluster.local in-addr.arpa {
        kubeconfig admin.conf $CLUSTER
    }
}
CORE
    run dns "$BIN/dns" -conf Corefile
}
