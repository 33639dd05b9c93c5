//! What an operator does to a running release: rollouts of candidates and of voters, and a node that is drained.

use super::kubernetes::{PATIENT, Space, eventually, is_ready, kubectl, name, said, words};
use super::release::{HELMS, Release};
use super::watch::Watch;
use crate::common::candidate::{boot, since};

fn installed(space: &Space) -> Release<'_> {
    Release::install(space, HELMS[1], &[])
}

#[test]
fn a_rollout_returns_and_with_the_deletion_cost_leadership_is_handed_over_once() {
    let space = Space::new("rollout");
    let release = Release::install(&space, HELMS[1], &["--set=gates.podDeletionCost.enabled=true"]);
    let before: Vec<_> = release.candidates().iter().map(name).collect();
    let watch = Watch::over(&space);
    eventually("the watch sees who leads", PATIENT, || watch.leader().is_some());
    space.said(&["rollout", "restart", "deployment/elector-quorate"]);
    space.said(&["rollout", "status", "deployment/elector-quorate", "--timeout=2m"]);
    eventually("one of the new ones leads", PATIENT, || {
        watch.leader().is_some_and(|it| !before.contains(&it))
    });
    let watched = watch.end();
    println!("measured: without a leader, rollout: {:.0?} at most", watched.longest_without());
    watched.was_only_handed_over(1..=1);
    let after = release.candidates();
    assert!(after.len() == 3 && after.iter().all(|pod| is_ready(pod) && !before.contains(&name(pod))));
}

#[test]
fn voters_restart_one_by_one_and_the_leader_stays() {
    let space = Space::new("voters");
    let _release = installed(&space);
    let watch = Watch::over(&space);
    eventually("the watch sees who leads", PATIENT, || watch.leader().is_some());
    space.said(&["rollout", "restart", "statefulset/elector-quorate-voter"]);
    space.said(&["rollout", "status", "statefulset/elector-quorate-voter", "--timeout=3m"]);
    let watched = watch.end();
    println!(
        "measured: between two answers of the leader, voters restarted: {:.0?} at most",
        watched.longest_without()
    );
    watched.was_only_handed_over(0..=0);
}

/// A node without new pods, until the end of a test.
struct Drained(String);

impl Drained {
    fn new(node: String) -> Self {
        let drained = Self(node);
        let words = ["drain", &drained.0, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=3m"];
        said(kubectl().args(words));
        drained
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let _ = kubectl().args(["uncordon", &self.0]).output();
    }
}

#[test]
fn a_drain_of_the_leaders_node_only_hands_over_and_of_the_other_one_not_even_that() {
    let space = Space::new("drain");
    let release = installed(&space);
    let drain = |node: &str| {
        let _drained = Drained::new(node.to_owned());
        eventually("everything is on the other node", PATIENT, || {
            let pods = space.pods("app.kubernetes.io/instance=elector");
            pods.len() == 6 && pods.iter().all(|pod| is_ready(pod) && pod["spec"]["nodeName"] != node)
        });
    };
    let watch = Watch::over(&space);
    eventually("the watch sees who leads", PATIENT, || watch.leader().is_some());
    let node = release.node_of(&watch.leader().unwrap());
    drain(if node == "node-1" { "node-2" } else { "node-1" });
    watch.end().was_only_handed_over(0..=0);

    let watch = Watch::over(&space);
    eventually("the watch sees who leads", PATIENT, || watch.leader().is_some());
    drain(&node);
    let watched = watch.end();
    println!("measured: without a leader, drain: {:.0?} at most", watched.longest_without());
    // The second of its candidates may have been given leadership by the first.
    watched.was_only_handed_over(1..=2);
}

/// Never more than one Pod is Ready, and a rollout ends all the same; who waits for all of them waits in vain.
#[test]
fn with_readiness_leader_a_rollout_ends_with_one_ready_leader() {
    let space = Space::new("readiness");
    let release = Release::install(&space, HELMS[0], &["--set=readiness=leader"]);
    let before: Vec<_> = release.candidates().iter().map(name).collect();
    space.said(&["rollout", "restart", "deployment/elector-quorate"]);
    let begun = boot();
    eventually("only new ones, and the leader alone is Ready", PATIENT, || {
        let candidates = release.candidates();
        let ready: Vec<_> = candidates.iter().filter(|pod| is_ready(pod)).map(name).collect();
        candidates.len() == 3
            && candidates.iter().all(|pod| !before.contains(&name(pod)))
            && ready.len() == 1
            && release.leader().is_some_and(|leader| leader == ready[0])
    });
    println!("measured: rollout with readiness: leader {:.1?}", since(begun));
    let told = Release::of(&space, HELMS[1]).failed(&["--set=log.level=debug", "--wait", "--timeout=15s"]);
    assert!(told.contains("not ready") || told.contains("deadline"), "{told}");
    let waited = ["rollout", "status", "deployment/elector-quorate", "--timeout=5s"];
    let output = space.kubectl(&waited).output().unwrap();
    assert!(!output.status.success() && words(&output).contains("timed out"), "{}", words(&output));
}
