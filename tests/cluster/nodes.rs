//! The cluster itself: what the other tests take for granted.

use super::kubernetes::{PATIENT, Space, eventually, name, said};

/// Servers on both nodes behind a Service, and a pod that asks it by its name.
const SERVERS: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: servers}
spec:
  replicas: 2
  selector: {matchLabels: {app: servers}}
  template:
    metadata: {labels: {app: servers}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: server
          image: quorate.test/redis:7.0
          command: [redis-server, --protected-mode, "no", --save, "", --dir, /tmp]
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: DoNotSchedule
          labelSelector: {matchLabels: {app: servers}}
---
apiVersion: v1
kind: Service
metadata: {name: servers}
spec:
  selector: {app: servers}
  ports: [{port: 6379}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: client, image: quorate.test/redis:7.0, command: [sleep, infinity]}]
"#;

#[test]
fn pods_run_on_every_node_and_find_a_service_by_its_name() {
    let space = Space::new("nodes");
    space.apply(SERVERS);
    space.said(&["rollout", "status", "deployment/servers", "--timeout=60s"]);
    space.said(&["wait", "--for=condition=Ready", "pod/client", "--timeout=60s"]);
    let host = format!("servers.{}.svc", space.name);
    // Refused until the nodes know of the Service.
    let run_id = || {
        let asked = ["exec", "client", "--", "redis-cli", "-h", &host, "info", "server"];
        let info = String::from_utf8(space.kubectl(&asked).output().unwrap().stdout).unwrap();
        info.lines().find_map(|line| line.strip_prefix("run_id:")).map(str::to_owned)
    };
    let mut seen = std::collections::BTreeSet::new();
    eventually("both servers answer behind one name", PATIENT, || {
        seen.extend(run_id());
        seen.len() == 2
    });
    let nodes: std::collections::BTreeSet<_> =
        space.pods("app=servers").iter().map(|pod| pod["spec"]["nodeName"].to_string()).collect();
    assert_eq!(nodes.len(), 2, "{nodes:?}");
}

#[test]
fn every_node_is_ready() {
    let text = said(super::kubernetes::kubectl().args(["get", "nodes", "--output=json"]));
    let nodes: serde_json::Value = serde_json::from_str(&text).unwrap();
    let nodes = nodes["items"].as_array().unwrap();
    assert!(nodes.len() >= 2, "{nodes:?}");
    for node in nodes {
        assert!(super::kubernetes::is_ready(node), "{}: {}", name(node), node["status"]["conditions"]);
    }
}
