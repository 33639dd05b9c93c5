//! What the cluster shows of a leader, on real pods: label, deletion cost, endpoints.

use serde_json::Value;

use super::kubernetes::{PATIENT, Space, eventually, name};
use super::release::{HELMS, Release};

/// Whom the endpoints of the leader's Service name, with their addresses.
pub fn routed(space: &Space) -> Vec<(String, String)> {
    let slices =
        space.get(&["endpointslices", "--selector", "kubernetes.io/service-name=elector-quorate-leader"]);
    let endpoints =
        slices["items"].as_array().unwrap().iter().filter_map(|slice| slice["endpoints"].as_array());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    endpoints.flatten().map(|one| (text(&one["targetRef"]["name"]), text(&one["addresses"][0]))).collect()
}

fn labelled(space: &Space) -> Vec<String> {
    space.pods("quorate.dev/role=leader").iter().map(name).collect()
}

/// What the deletion cost is for: whoever goes first is not the leader.
#[test]
fn the_leader_alone_wears_the_label_and_stays_when_its_deployment_shrinks() {
    let space = Space::new("label");
    let gates = "--set=gates.podLabel.enabled=true,gates.podDeletionCost.enabled=true";
    let release = Release::install(&space, HELMS[1], &[gates]);
    let leader = release.leader().unwrap();
    eventually("it wears the label and is routed to", PATIENT, || {
        let targets: Vec<_> = routed(&space).into_iter().map(|(pod, _)| pod).collect();
        [labelled(&space), targets].iter().all(|pods| *pods == *std::slice::from_ref(&leader))
    });
    let cost = || {
        let pod = space.get(&["pod", &leader]);
        pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"].clone()
    };
    eventually("it is dear", PATIENT, || cost() == "1");
    space.said(&["scale", "deployment/elector-quorate", "--replicas=1"]);
    eventually("one is left", PATIENT, || release.candidates().len() == 1);
    assert!(release.candidates().iter().all(|pod| name(pod) == leader));
    assert_eq!((release.leader(), labelled(&space)), (Some(leader.clone()), vec![leader]));
}

#[test]
fn endpoints_go_to_the_leader_alone_and_to_the_next_one_when_its_pod_is_deleted() {
    let space = Space::new("slice");
    let release = Release::install(&space, HELMS[0], &["--set=gates.endpointSlice.enabled=true"]);
    let leader = release.leader().unwrap();
    let address = space.get(&["pod", &leader])["status"]["podIP"].as_str().unwrap().to_owned();
    eventually("the leader is routed to", PATIENT, || routed(&space) == [(leader.clone(), address.clone())]);
    space.said(&["delete", "pod", &leader, "--wait=false"]);
    eventually("the next one is", PATIENT, || {
        let routed = routed(&space);
        routed.len() == 1 && routed[0].0 != leader && release.leader().as_ref() == Some(&routed[0].0)
    });
}
