//! What a leader that crashed or was stopped has left behind.

use std::time::Duration;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Patch, PatchParams};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::common::candidate::{Voters, eventually};
use crate::space::{ALL, ROLE, Space, TTL, annotation};

/// Newer than any term of a test.
const NEWER: u64 = 9_007_199_254_740_000;

#[test]
fn the_next_leader_takes_the_label_of_a_crashed_one_and_dates_its_pod() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("crash"));
    let (first, second) = space.pair(&voters);
    first.crash();
    eventually("the second is shown", || space.is_shown("b"));
    assert!(!space.has_label("a"));
    let term = second.term().unwrap().to_string();
    assert_eq!(annotation(&space.pod_now("a").metadata, "quorate.dev/role-term"), Some(term.clone()));
    assert_eq!(annotation(&space.slice().unwrap().metadata, "quorate.dev/term"), Some(term));
    eventually("it is told", || space.events("b").contains(&"StaleLabelRepaired".to_owned()));
    assert_eq!(space.lease().unwrap().spec.unwrap().holder_identity.as_deref(), Some("b"));
}

#[test]
fn another_election_with_the_same_key_is_left_alone() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("other"));
    let label = space.account("label");
    let pods = ["a", "b"].map(|name| space.pod(name));
    let patch = json!({"metadata": {"labels": {ROLE: "leader"},
        "annotations": {"quorate.dev/role-election": "payments", "quorate.dev/role-term": "1"}}});
    let api = space.api::<k8s_openapi::api::core::v1::Pod>();
    space.wait(api.patch("b", &PatchParams::default(), &Patch::Merge(patch))).unwrap();
    let _candidate = space.launch(&voters, &pods[0], &label, &ALL[..1]).start();
    eventually("it is shown", || space.has_label("a"));
    assert!(space.has_label("b"));
}

#[test]
fn a_candidate_that_starts_again_in_its_pod_takes_away_what_it_left_there() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("restart"));
    let full = space.account("full");
    let pod = space.pod("a");
    space.service("orders-leader");
    let first = space.shown(&voters, &pod, &full);
    first.crash();
    // Nobody can be elected.
    voters.stop(0..3);
    let again = space.launch(&voters, &pod, &full, &ALL).start();
    eventually("nothing is shown", || !space.has_label("a") && space.routed().is_none());
    eventually("the Lease neither", || space.lease().unwrap().spec.unwrap().holder_identity.is_none());
    assert!(!again.leads());
    voters.resume(0..3);
}

#[test]
fn a_leader_that_was_stopped_takes_nothing_back_when_it_wakes_up() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("stopped"));
    let (first, _second) = space.pair(&voters);
    first.signal(Signal::SIGSTOP);
    eventually("the second is shown", || space.is_shown("b"));
    first.signal(Signal::SIGCONT);
    eventually("the first is awake", || first.sees("b"));
    for _ in 0..20 {
        assert!(!space.has_label("a") && space.has_label("b"));
        assert_eq!(space.routed().as_deref(), Some("b"));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(space.lease().unwrap().spec.unwrap().holder_identity.as_deref(), Some("b"));
}

#[test]
fn what_a_newer_term_has_written_is_left_to_it() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("newer"));
    let full = space.account("full");
    let pod = space.pod("a");
    space.service("orders-leader");
    let first = space.shown(&voters, &pod, &full);
    assert_eq!(first.end().0, Some(0));
    let newer = json!({"metadata": {"annotations": {"quorate.dev/term": NEWER.to_string(), "quorate.dev/role-term": NEWER.to_string()}}});
    let (params, patch) = (PatchParams::default(), Patch::Merge(newer));
    space.wait(space.api::<EndpointSlice>().patch("orders-leader-ipv4", &params, &patch)).unwrap();
    space
        .wait(space.api::<k8s_openapi::api::coordination::v1::Lease>().patch(
            "orders-writer",
            &params,
            &patch,
        ))
        .unwrap();
    space.wait(space.api::<k8s_openapi::api::core::v1::Pod>().patch("a", &params, &patch)).unwrap();
    let second = space.launch(&voters, &pod, &full, &ALL).start();
    eventually("it leads", || second.leads());
    for gate in ["pod_label", "endpoint_slice", "lease_mirror"] {
        let failures = format!(r#"quorate_gate_failures_total{{gate="{gate}",kind="outdated"}}"#);
        eventually("it is left alone", || second.metric(&failures) >= 2.0);
    }
    assert!(!space.has_label("a"));
    assert_eq!(space.routed(), None);
    assert_eq!(space.lease().unwrap().spec.unwrap().holder_identity, None);
    assert!(second.leads(), "leading has nothing to do with it");
}

#[test]
fn a_lock_of_somebody_else_is_no_mirror() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("lock"));
    let mirror = space.account("mirror");
    let pod = space.pod("a");
    let lock: k8s_openapi::api::coordination::v1::Lease =
        space.create(json!({"metadata": {"name": "orders-writer"}, "spec": {"holderIdentity": "somebody"}}));
    let candidate = space.launch(&voters, &pod, &mirror, &ALL[5..]).start();
    let failures = r#"quorate_gate_failures_total{gate="lease_mirror",kind="foreign"}"#;
    eventually("it is left alone", || candidate.metric(failures) >= 2.0);
    assert_eq!(space.lease().unwrap().metadata.resource_version, lock.metadata.resource_version);
}
