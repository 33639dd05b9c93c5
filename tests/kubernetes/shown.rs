//! What is shown while somebody leads, and taken away before somebody else does.

use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{WatchEvent, WatchParams};
use serde_json::json;

use crate::common::candidate::{Voters, eventually};
use crate::space::{ALL, Space, TTL, address, annotation, label, named};

const COST: &str = "controller.kubernetes.io/pod-deletion-cost";

#[test]
fn every_gate_shows_the_leader_and_nobody_once_it_has_ended() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("shown"));
    let full = space.account("full");
    let pod = space.pod("a");
    space.service("orders-leader");
    let candidate = space.launch(&voters, &pod, &full, &ALL).start();
    eventually("it leads", || candidate.leads());
    let term = candidate.term().unwrap().to_string();
    eventually("the label", || space.has_label("a"));
    eventually("the slice", || space.routed().as_deref() == Some("a"));
    eventually("the cost", || annotation(&space.pod_now("a").metadata, COST).as_deref() == Some("1"));
    eventually("the Lease", || space.lease().is_some());
    eventually("the Event", || space.events("a").contains(&"LeaderElected".to_owned()));

    let pod = space.pod_now("a");
    assert_eq!(annotation(&pod.metadata, "quorate.dev/role-term"), Some(term.clone()));
    assert_eq!(annotation(&pod.metadata, "quorate.dev/role-election").as_deref(), Some("orders"));
    let slice = space.slice().unwrap();
    assert_eq!(annotation(&slice.metadata, "quorate.dev/term"), Some(term.clone()));
    assert_eq!(slice.endpoints[0].addresses, [address("a")]);
    assert_eq!(slice.endpoints[0].node_name.as_deref(), Some("node-1"));
    assert_eq!(slice.ports.as_ref().unwrap()[0].port, Some(9797));
    let lease = space.lease().unwrap();
    assert_eq!(lease.metadata.labels.as_ref().unwrap()["quorate.dev/mirror"], "true");
    assert_eq!(annotation(&lease.metadata, "quorate.dev/term"), Some(term));
    assert_eq!(lease.spec.unwrap().holder_identity.as_deref(), Some("a"));
    let status = candidate.status();
    assert_eq!((&status["namespace"], &status["node"]), (&space.name.as_str().into(), &"node-1".into()));
    assert_eq!(status["leader"]["node"], "node-1");

    let (code, log) = candidate.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(!space.has_label("a"), "{log}");
    assert_eq!(annotation(&space.pod_now("a").metadata, COST), None);
    assert_eq!(space.routed(), None);
    assert_eq!(space.lease().unwrap().spec.unwrap().holder_identity, None);
    let events = space.events("a");
    assert!(
        events.starts_with(&["LeaderElected".to_owned()]) && events.ends_with(&["LeaderReleased".to_owned()]),
        "{events:?}"
    );
    assert!(!log.contains("does not show"), "{log}");
}

/// Watched by the API server's own order of events.
#[test]
fn a_hand_over_never_shows_two_and_the_old_one_is_gone_before_the_new_one_comes() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("order"));
    let (first, _second) = space.pair(&voters);

    let version = space.pod_now("a").metadata.resource_version.unwrap();
    let slices = space.slice().unwrap().metadata.resource_version.unwrap();
    let (code, _) = first.end();
    assert_eq!(code, Some(0));
    eventually("the second is shown", || space.is_shown("b"));

    let shown = space.wait(async {
        let mut events = space.api::<Pod>().watch(&WatchParams::default(), &version).await.unwrap().boxed();
        let (mut labels, mut shown) = (vec!["a".to_owned()], Vec::new());
        while let Ok(Some(Ok(event))) = tokio::time::timeout(Duration::from_millis(500), events.next()).await
        {
            let WatchEvent::Modified(pod) = event else { continue };
            let name = pod.metadata.name.clone().unwrap();
            labels.retain(|other| *other != name);
            labels.extend(label(&pod).map(|_| name));
            shown.push(labels.clone());
        }
        shown
    });
    assert!(shown.iter().all(|labels| labels.len() <= 1) && shown.contains(&vec![]), "{shown:?}");
    let routed = space.wait(async {
        let mut events =
            space.api::<EndpointSlice>().watch(&WatchParams::default(), &slices).await.unwrap().boxed();
        let mut routed = Vec::new();
        while let Ok(Some(Ok(event))) = tokio::time::timeout(Duration::from_millis(500), events.next()).await
        {
            if let WatchEvent::Modified(slice) = event {
                routed.push(named(&slice));
            }
        }
        routed
    });
    assert_eq!(routed, [None, Some("b".to_owned())]);
    assert_eq!(space.lease().unwrap().spec.unwrap().lease_transitions, Some(1));
}

#[test]
fn a_service_of_both_families_is_given_a_slice_of_each() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("dual"));
    let full = space.account("full");
    let pod = space.pod("a");
    let service = space.try_create::<Service>(json!({"metadata": {"name": "orders-leader"}, "spec": {
        "ipFamilyPolicy": "RequireDualStack", "ports": [{"name": "http", "port": 80, "targetPort": 9797}]}}));
    if service.is_none() {
        eprintln!("NOT TESTED HERE: slices of two families: this cluster has Services of one");
        return;
    }
    let addresses = [address("a"), "fd00::9".to_owned()];
    let candidate =
        space.launch(&voters, &pod, &full, &ALL).environment("POD_IPS", &addresses.join(",")).start();
    let slices = || {
        let names = ["orders-leader-ipv4", "orders-leader-ipv6"];
        names.map(|name| space.wait(space.api::<EndpointSlice>().get_opt(name)).unwrap())
    };
    let shown = || slices().map(|slice| Some(slice?.endpoints.first()?.addresses.clone()));
    eventually("both name it", || shown() == addresses.clone().map(|address| Some(vec![address])));
    assert_eq!(slices().map(|slice| slice.unwrap().address_type), ["IPv4", "IPv6"]);
    assert_eq!(candidate.end().0, Some(0));
    assert_eq!(shown(), [None, None]);
}

/// The API server keeps who wrote which field, for every name that ever did.
#[test]
fn what_is_shown_does_not_grow_with_the_terms() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("growth"));
    let full = space.account("full");
    let pod = space.pod("a");
    space.service("orders-leader");
    for _ in 0..3 {
        assert_eq!(space.shown(&voters, &pod, &full).end().0, Some(0));
    }
    let writers = |meta: kube::api::ObjectMeta| meta.managed_fields.unwrap().len();
    assert_eq!(writers(space.slice().unwrap().metadata), 2, "who made it, and who says what it says");
    assert_eq!(writers(space.lease().unwrap().metadata), 2);
    assert!(writers(space.pod_now("a").metadata) <= 2);
}

#[test]
fn at_rest_the_mirror_is_written_once_per_ttl_and_nothing_else_is_written_at_all() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("rest"));
    let full = space.account("full");
    let pod = space.pod("a");
    space.service("orders-leader");
    let candidate = space.shown(&voters, &pod, &full);
    eventually("the Event is told", || !space.events("a").is_empty());
    let gates = ["pod_label", "endpoint_slice", "pod_deletion_cost", "events", "lease_mirror"];
    let writes =
        || gates.map(|gate| candidate.metric(&format!(r#"quorate_gate_writes_total{{gate="{gate}"}}"#)));
    let versions =
        || (space.pod_now("a").metadata.resource_version, space.slice().unwrap().metadata.resource_version);
    std::thread::sleep(TTL);
    let (before, seen) = (writes(), versions());
    let ttls = 6;
    std::thread::sleep(TTL * ttls);
    let more: Vec<_> = writes().iter().zip(before).map(|(after, before)| after - before).collect();
    println!(
        "measured: writes in {ttls} ttls at rest: {}",
        gates.iter().zip(&more).map(|(gate, more)| format!("{gate} {more}")).collect::<Vec<_>>().join(", ")
    );
    assert_eq!(more[..4], [0.0; 4], "{more:?}");
    assert!(more[4] >= 4.0 && more[4] <= f64::from(ttls), "{more:?}");
    assert_eq!(versions(), seen, "nobody wrote");
}

#[test]
fn what_somebody_takes_away_is_shown_again() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("level"));
    let full = space.account("full");
    let pod = space.pod("a");
    space.service("orders-leader");
    let _candidate = space.shown(&voters, &pod, &full);
    space
        .wait(space.api::<EndpointSlice>().delete("orders-leader-ipv4", &kube::api::DeleteParams::default()))
        .unwrap();
    let patch = json!({"metadata": {"labels": {crate::space::ROLE: null}}});
    space
        .wait(space.api::<Pod>().patch(
            "a",
            &kube::api::PatchParams::default(),
            &kube::api::Patch::Merge(patch),
        ))
        .unwrap();
    // Looked at every ten seconds.
    std::thread::sleep(Duration::from_secs(6));
    eventually("all is shown again", || space.is_shown("a"));
}

#[test]
fn a_service_that_is_missing_is_said_and_used_once_it_is_there() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("missing"));
    let slice = space.account("slice");
    let pod = space.pod("a");
    let candidate = space.launch(&voters, &pod, &slice, &ALL[1..3]).start();
    eventually("it says so", || candidate.log().contains("make one without a selector"));
    space.service("orders-leader");
    eventually("it is routed", || space.routed().as_deref() == Some("a"));
}
