//! Terms are compared, and a write happens only if nobody wrote since they were.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::candidate::{Voters, eventually};
use crate::stand_in::{Answer, Request, StandIn, no_pods, pod, refusal};

const TTL: Duration = Duration::from_secs(2);
/// Newer than any term of a test.
const NEWER: u64 = 9_007_199_254_740_000;

fn failures(gate: &str, kind: &str) -> String {
    format!(r#"quorate_gate_failures_total{{gate="{gate}",kind="{kind}"}}"#)
}

const GATES: [(&str, &str); 2] =
    [("QUORATE_GATES_ENDPOINT_SLICE_ENABLED", "true"), ("QUORATE_GATES_ENDPOINT_SLICE_SERVICE", "leader")];

const MIRROR: [(&str, &str); 2] =
    [("QUORATE_GATES_LEASE_MIRROR_ENABLED", "true"), ("QUORATE_GATES_LEASE_MIRROR_NAME", "lock")];

/// A Service and its IPv4 slice, if there is one yet, which is the newer term's as soon as somebody else writes.
fn taken_meanwhile(is_there: bool) -> impl FnMut(&Request) -> Answer + Send {
    let mut is_taken = false;
    move |request| {
        if request.path.contains("/services/") {
            let spec = json!({"ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
                "ipFamilies": ["IPv4"]});
            return Some((
                200,
                json!({"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": spec}).to_string(),
            ));
        }
        if request.method == "PATCH" {
            is_taken = true;
            return refusal(409, &Value::Null);
        }
        if !is_there && !is_taken {
            return refusal(404, &Value::Null);
        }
        let (version, term) = if is_taken { ("2", NEWER) } else { ("1", 7) };
        let metadata = json!({"name": "leader-ipv4", "resourceVersion": version,
            "labels": {"kubernetes.io/service-name": "leader", "endpointslice.kubernetes.io/managed-by": "quorate.dev"},
            "annotations": {"quorate.dev/election": "orders", "quorate.dev/term": term.to_string()}});
        let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata,
            "addressType": "IPv4", "endpoints": [], "ports": []});
        Some((200, slice.to_string()))
    }
}

#[test]
fn a_slice_that_somebody_else_took_in_between_is_read_again_and_left_to_a_newer_term() {
    let voters = Voters::experienced(3, TTL);
    let stand_in = StandIn::new(taken_meanwhile(true));
    let candidate = stand_in.candidate(&voters, TTL, &GATES);
    eventually("it gives way", || candidate.metric(&failures("endpoint_slice", "outdated")) >= 2.0);
    let writes = stand_in.writes();
    assert_eq!(writes.len(), 1, "{writes:?}");
    let write = &writes[0];
    assert_eq!(write.body["metadata"]["resourceVersion"], "1");
    assert!(write.path.ends_with("force=true&fieldManager=quorate"), "{}", write.path);
    assert_eq!(write.body["endpoints"][0]["addresses"], json!(["10.0.0.2"]));
    assert_eq!(write.body["ports"][0]["port"], 8080);
    assert!(candidate.leads(), "leading has nothing to do with it");
}

#[test]
fn a_slice_that_somebody_else_made_in_between_is_read_and_left_to_a_newer_term() {
    let voters = Voters::experienced(3, TTL);
    let stand_in = StandIn::new(taken_meanwhile(false));
    let candidate = stand_in.candidate(&voters, TTL, &GATES);
    eventually("it gives way", || candidate.metric(&failures("endpoint_slice", "outdated")) >= 2.0);
    let writes = stand_in.writes();
    assert_eq!(writes.len(), 1, "{writes:?}");
    let write = &writes[0];
    assert!(
        write.path.ends_with("fieldManager=quorate-making") && !write.path.contains("force"),
        "{}",
        write.path
    );
    assert_eq!(write.body["endpoints"], json!([]), "it takes nothing from whoever was quicker");
}

/// Somebody's lock, made between our look and our making.
#[test]
fn a_lock_that_somebody_made_in_between_is_no_mirror() {
    let voters = Voters::experienced(3, TTL);
    let mut is_there = false;
    let stand_in = StandIn::new(move |request| {
        let lock = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "lock", "resourceVersion": "1"}, "spec": {"holderIdentity": "somebody"}});
        match (&*request.method, is_there) {
            ("PATCH", _) => {
                is_there = true;
                refusal(409, &Value::Null)
            }
            (_, false) => refusal(404, &Value::Null),
            (_, true) => Some((200, lock.to_string())),
        }
    });
    let candidate = stand_in.candidate(&voters, TTL, &MIRROR);
    eventually("it gives way", || candidate.metric(&failures("lease_mirror", "foreign")) >= 2.0);
    let writes = stand_in.writes();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert!(!writes[0].path.contains("force"), "{}", writes[0].path);
    // A conflict with most locks that others make.
    assert!(writes[0].body["spec"]["acquireTime"].is_string(), "{}", writes[0].body);
}

/// Made by one of ours that ended before it said for which election, and then taken by somebody as a lock.
#[test]
fn what_names_somebody_for_no_election_is_left_alone() {
    let voters = Voters::experienced(3, TTL);
    let lock = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "lock", "resourceVersion": "2", "labels": {"quorate.dev/mirror": "true"}},
        "spec": {"holderIdentity": "somebody"}});
    let stand_in = StandIn::new(move |_| Some((200, lock.to_string())));
    let candidate = stand_in.candidate(&voters, TTL, &MIRROR);
    eventually("it gives way", || candidate.metric(&failures("lease_mirror", "foreign")) >= 2.0);
    assert!(stand_in.writes().is_empty(), "{:?}", stand_in.writes());
}

#[test]
fn a_pod_that_a_newer_term_has_dated_is_not_labelled() {
    let voters = Voters::experienced(3, TTL);
    let dated = json!({"quorate.dev/role-term": NEWER.to_string(), "quorate.dev/role-election": "orders"});
    let stand_in = StandIn::new(move |request| {
        if request.path.contains("labelSelector") { no_pods() } else { pod("1", &json!({}), &dated) }
    });
    let candidate = stand_in.candidate(&voters, TTL, &[("QUORATE_GATES_POD_LABEL_ENABLED", "true")]);
    eventually("it gives way", || candidate.metric(&failures("pod_label", "outdated")) >= 2.0);
    assert!(stand_in.writes().is_empty(), "{:?}", stand_in.writes());
    assert!(candidate.leads());
}
