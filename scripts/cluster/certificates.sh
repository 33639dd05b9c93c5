# shellcheck shell=bash
# Who everybody is: one authority, a certificate for each, kubeconfigs with everything in them.

certificates() {
    mkdir -p pki
    new_key ca
    openssl req -x509 -new -key pki/ca.key -days 30 -out pki/ca.crt -subj '/CN=a cluster for tests' 2>/dev/null
    new_key accounts
    openssl ec -in pki/accounts.key -pubout -out pki/accounts.pub 2>/dev/null
    certificate apiserver /CN=kube-apiserver "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:$NET.0.1,IP:$NET.128.1"
    local node
    for node in 1 2; do
        certificate "node-$node" "/O=system:nodes/CN=system:node:node-$node" "DNS:node-$node,IP:$NET.0.1$node"
        kubeconfig "node-$node" >"node-$node.conf"
    done
    local name subject
    while read -r name subject; do
        certificate "$name" "$subject" "DNS:$name"
        kubeconfig "$name" >"$name.conf"
    done <<'NAMES'
admin /O=system:masters/CN=admin
controllers /CN=system:kube-controller-manager
scheduler /CN=system:kube-scheduler
proxy /CN=system:kube-proxy
NAMES
}

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "pki/$1.key"; }

certificate() { # name, subject, alternative names
    new_key "$1"
    openssl req -new -key "pki/$1.key" -subj "$2" |
        openssl x509 -req -CA pki/ca.crt -CAkey pki/ca.key -CAcreateserial -days 30 -out "pki/$1.crt" \
            -extfile <(printf 'subjectAltName=%s\n' "$3") 2>/dev/null
}

kubeconfig() { # name, where the API server is: by default as the cluster sees it
    cat <<YAML
apiVersion: v1
kind: Config
clusters:
  - name: $CLUSTER
    cluster: {server: "${2:-https://$NET.0.1:6443}", certificate-authority-data: $(encoded ca.crt)}
users:
  - name: $1
    user: {client-certificate-data: $(encoded "$1.crt"), client-key-data: $(encoded "$1.key")}
contexts:
  - name: $CLUSTER
    context: {cluster: $CLUSTER, user: $1}
current-context: $CLUSTER
YAML
}

encoded() { base64 --wrap=0 "pki/$1"; }
