//! Mode `exec`: the program is brought to somebody else's image, and the command of that image is the work.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::examples::Running;
use super::harness::{IN_THE_BOX, object, objects, rendered, rendered_with, values};

use crate::common::candidate::{Voters, eventually};

const TTL: Duration = Duration::from_secs(2);
const WRAPPED: [&str; 8] = [
    "--set",
    "mode=exec",
    "--set",
    "work.image.repository=orders",
    "--set",
    "work.image.tag=v1",
    "--set",
    "work.command={orders,--all}",
];

fn wrapped(more: &[&str]) -> Vec<Value> {
    objects(&rendered("helm-4", &[&IN_THE_BOX[..], &WRAPPED[..], more].concat()))
}

fn pod(all: &[Value]) -> Value {
    object(all, "Deployment", "")["spec"]["template"]["spec"].clone()
}

#[test]
fn the_command_runs_under_the_program_that_was_brought() {
    let pod = pod(&objects(&rendered_with("helm-4", &values("wrapped-work"), &[])));
    let installer = &pod["initContainers"][0];
    assert_eq!(installer["args"], json!(["install", "/opt/quorate"]));
    assert!(installer["restartPolicy"].is_null(), "it ends");
    let work = &pod["containers"][0];
    assert_eq!(
        work["command"],
        json!([
            "/opt/quorate/quorate",
            "exec",
            "--health-http",
            "http://localhost:8080/healthz",
            "--stop-signal",
            "INT",
            "--",
            "/usr/bin/orders",
            "--queue",
            "incoming"
        ])
    );
    assert_eq!(work["image"], "registry.example.internal/orders:1.4");
    let volume = |mounts: &Value| {
        let is_it = |mount: &&Value| mount["mountPath"] == "/opt/quorate";
        mounts.as_array().unwrap().iter().find(is_it).unwrap().clone()
    };
    assert_eq!(volume(&installer["volumeMounts"])["name"], volume(&work["volumeMounts"])["name"]);
    assert_eq!(volume(&work["volumeMounts"])["readOnly"], true, "nobody changes the program that fences him");
    assert_eq!(
        (&work["securityContext"]["runAsUser"], &pod["securityContext"]["fsGroup"]),
        (&json!(1000), &json!(65532))
    );
}

/// A volume over the image's own file would hide the program from the one that copies it.
#[test]
fn the_program_is_brought_to_another_place_than_its_own() {
    let dockerfile = std::fs::read_to_string(super::harness::package().join("deploy/Dockerfile")).unwrap();
    assert!(dockerfile.contains("ENTRYPOINT [\"/quorate\"]"));
    let place = pod(&wrapped(&[]))["initContainers"][0]["args"][1].clone();
    assert!(!place.as_str().unwrap().starts_with("/quorate"), "{place}");
}

#[test]
fn work_reaches_what_it_likes_unless_it_is_told_what() {
    let policy = |more: &[&str]| object(&wrapped(more), "NetworkPolicy", "quorate")["spec"].clone();
    let open = policy(&[]);
    assert_eq!((&open["policyTypes"], &open["egress"]), (&json!(["Ingress"]), &Value::Null));
    let limited = policy(&["--set", "networkPolicy.extraEgress[0].ports[0].port=5432"]);
    assert_eq!(limited["policyTypes"], json!(["Ingress", "Egress"]));
    let egress = limited["egress"].as_array().unwrap();
    assert_eq!(egress.len(), 3, "DNS, the voters, and what it was told: {egress:?}");
    let standalone = objects(&rendered("helm-4", &IN_THE_BOX));
    let standalone = &object(&standalone, "NetworkPolicy", "quorate")["spec"];
    assert_eq!(standalone["policyTypes"], json!(["Ingress", "Egress"]));
}

#[test]
fn the_leader_s_service_leads_to_the_ports_of_the_work() {
    let all = objects(&rendered_with("helm-4", &values("wrapped-work"), &[]));
    let ports = object(&all, "Service", "-leader")["spec"]["ports"].clone();
    let names: Vec<_> = ports.as_array().unwrap().iter().map(|port| port["name"].clone()).collect();
    assert_eq!(names, ["http", "orders", "gossip"]);
    assert_eq!(ports[2]["protocol"], "UDP");
    let ingress = &object(&all, "NetworkPolicy", "quorate")["spec"]["ingress"][0]["ports"];
    assert_eq!(ingress.as_array().unwrap().len(), 3);
}

/// The installer's arguments and the work's command line, with real voters: the command runs, and ends with its Pod.
#[test]
fn what_is_rendered_runs_the_work() {
    let (voters, folder) = (Voters::experienced(3, TTL), tempfile::tempdir().unwrap());
    let seen = folder.path().join("seen");
    let urls = voters.urls().into_iter().map(|(name, url)| json!({"name": name, "url": url}));
    let work = json!({
        "image": {"repository": "orders", "tag": "v1"},
        "options": ["--stop-signal", "INT"],
        "command": ["sh", "-c", format!("echo \"$QUORATE_ELECTION $QUORATE_TERM\" >{}; exec sleep 1000", seen.display())],
    });
    let values = json!({
        "mode": "exec", "work": work, "election": "orders", "timing": {"ttl": "2s"}, "voters": urls.collect::<Vec<_>>(),
    });
    let file = folder.path().join("values.json");
    fs::write(&file, values.to_string()).unwrap();
    let all = objects(&rendered_with("helm-4", &file, &[]));
    let pod = pod(&all);

    let configuration = folder.path().join("quorate.yaml");
    let map = all.iter().find_map(|one| one["data"]["quorate.yaml"].as_str()).unwrap();
    fs::write(&configuration, map).unwrap();
    let words = |list: &Value| {
        let own =
            |word: &Value| word.as_str().unwrap().replace("/opt/quorate", folder.path().to_str().unwrap());
        list.as_array().unwrap().iter().map(own).collect::<Vec<_>>()
    };
    let installed = Command::new(env!("CARGO_BIN_EXE_quorate"))
        .args(words(&pod["initContainers"][0]["args"]))
        .output()
        .unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let command = words(&pod["containers"][0]["command"]);
    let running = Command::new(&command[0])
        .args(&command[1..])
        .env("POD_NAME", "release-quorate-0")
        .env("QUORATE_CONFIG", configuration)
        .env("QUORATE_HTTP_LISTEN", "127.0.0.1:0")
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let running = Running(running);
    eventually("the work runs", || fs::read_to_string(&seen).is_ok_and(|seen| seen.starts_with("orders 1")));
    drop(running);
    let lease = voters.servers[0].command(&["EXISTS", "quorate:{orders}:lease"]).unwrap();
    assert_eq!(lease, "0", "it handed over when its Pod was told to end");
}
