//! Clusters of `make cluster-up` themselves: two run side by side, and nothing is left of one, however it ended.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::kubernetes::said;
use super::ours::Beside;

/// What a cluster might leave on the host: links, named namespaces, rules, mounts, cgroups.
fn host() -> String {
    let listed = |words: &[&str]| {
        let output = Command::new(words[0]).args(&words[1..]).output();
        output.map_or_else(|_| String::new(), |it| String::from_utf8_lossy(&it.stdout).into_owned())
    };
    [
        listed(&["ip", "-oneline", "link"]),
        listed(&["ip", "netns"]),
        listed(&["sh", "-c", "iptables-save | grep -v '^[#:]'"]),
        listed(&["sh", "-c", "grep -c . /proc/self/mountinfo"]),
        listed(&["find", "/sys/fs/cgroup", "-path", "*quorate-beside-*"]),
    ]
    .join("\n")
}

fn kubectl_of(beside: &Beside, words: &[&str]) -> String {
    said(super::kubernetes::kubectl().env("KUBECONFIG", beside.0.kubeconfig()).args(words))
}

fn down(beside: &Beside) {
    beside.0.run(&["down"]);
    beside.0.run(&["remains"]);
}

fn beside() -> Option<Beside> {
    Beside::or_not_tested("how clusters begin and end")
}

#[test]
fn a_second_one_runs_beside_the_first_and_leaves_nothing() {
    let Some(beside) = beside() else { return };
    let before = host();
    beside.0.run(&["up", "--control-plane"]);
    assert!(kubectl_of(&beside, &["get", "nodes", "--output=name"]).is_empty());
    assert!(!said(super::kubernetes::kubectl().args(["get", "nodes", "--output=name"])).is_empty());
    beside.0.run(&["up"]);
    assert_eq!(kubectl_of(&beside, &["get", "nodes", "--output=name"]), "node/node-1\nnode/node-2\n");
    assert!(
        !beside.0.script(&["remains"]).output().unwrap().status.success(),
        "what runs is seen to be there"
    );
    down(&beside);
    assert_eq!(host(), before);
}

/// At whatever time it is killed.
#[test]
fn one_whose_making_was_killed_leaves_nothing() {
    let Some(beside) = beside() else { return };
    let before = host();
    for after in [50, 300, 1_000, 3_000, 8_000].map(Duration::from_millis) {
        let mut making =
            beside.0.script(&["up"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(after);
        making.kill().unwrap();
        making.wait().unwrap();
        down(&beside);
        assert_eq!(host(), before, "killed after {after:?}");
    }
}

#[test]
fn one_that_could_not_be_made_says_so_and_leaves_nothing() {
    let Some(beside) = beside() else { return };
    let before = host();
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("containerd");
    fs::write(&broken, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let output = beside.0.script(&["up"]).env("PATH", path).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("containerd of node 1"), "{told}");
    down(&beside);
    assert_eq!(host(), before);
}
