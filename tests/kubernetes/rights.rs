//! Each tier of `deploy/rbac`, with a token of its own: what its gate needs works, everything else is refused.

use std::path::Path;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Pod, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::events::v1::Event;
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::common::candidate::{Voters, eventually};
use crate::space::{ALL, Space, TTL, annotation, object};

/// What somebody with a token might try, and whether the API server let it.
fn attempts(space: &Space, client: &Client) -> Vec<(&'static str, bool)> {
    let (pods, leases) = (api::<Pod>(space, client), api::<Lease>(space, client));
    let (slices, services) = (api::<EndpointSlice>(space, client), api::<Service>(space, client));
    let (merge, params) = (|value: Value| Patch::Merge(value), PatchParams::default());
    let apply = PatchParams::apply("somebody").force();
    let lease = |name: &str| {
        Patch::Apply(json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name}, "spec": {}}))
    };
    let slice = |name: &str| {
        Patch::Apply(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": name}, "addressType": "IPv4", "endpoints": []}))
    };
    let note = merge(json!({"metadata": {"annotations": {"note": "x"}}}));
    space.wait(async {
        vec![
            ("read a pod", pods.get("b").await.is_ok()),
            ("list pods", pods.list(&ListParams::default()).await.is_ok()),
            ("patch a pod's status", pods.patch_status("b", &params, &note).await.is_ok()),
            ("patch a pod", pods.patch("b", &params, &note).await.is_ok()),
            ("delete a pod", pods.delete("b", &DeleteParams::default()).await.is_ok()),
            (
                "make a pod",
                pods.create(
                    &PostParams::default(),
                    &object(json!({"metadata": {"name": "c"}, "spec": {
                "containers": [{"name": "x", "image": "x"}]}})),
                )
                .await
                .is_ok(),
            ),
            ("read the Service", services.get("orders-leader").await.is_ok()),
            ("read another Service", services.get("other").await.is_ok()),
            ("patch the Service", services.patch("orders-leader", &params, &note).await.is_ok()),
            (
                "apply the slice",
                slices.patch("orders-leader-ipv4", &apply, &slice("orders-leader-ipv4")).await.is_ok(),
            ),
            ("apply another slice", slices.patch("other-ipv4", &apply, &slice("other-ipv4")).await.is_ok()),
            ("list slices", slices.list(&ListParams::default()).await.is_ok()),
            ("delete the slice", slices.delete("orders-leader-ipv4", &DeleteParams::default()).await.is_ok()),
            ("apply the Lease", leases.patch("orders-writer", &apply, &lease("orders-writer")).await.is_ok()),
            ("apply another Lease", leases.patch("other", &apply, &lease("other")).await.is_ok()),
            ("delete the Lease", leases.delete("orders-writer", &DeleteParams::default()).await.is_ok()),
            ("list Events", api::<Event>(space, client).list(&ListParams::default()).await.is_ok()),
            ("list Secrets", api::<Secret>(space, client).list(&ListParams::default()).await.is_ok()),
            (
                "make an Event",
                api::<Event>(space, client).create(&PostParams::default(), &event(space)).await.is_ok(),
            ),
        ]
    })
}

fn api<K>(space: &Space, client: &Client) -> Api<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    Api::namespaced(client.clone(), &space.name)
}

fn event(space: &Space) -> Event {
    object(
        json!({"metadata": {"generateName": "x"}, "eventTime": "2026-01-02T03:04:05.000000Z", "action": "Try",
        "reason": "Trying", "reportingController": "x/x", "reportingInstance": "x", "type": "Normal",
        "regarding": {"kind": "Pod", "name": "b", "namespace": space.name}}),
    )
}

fn allowed(attempts: &[(&'static str, bool)]) -> Vec<&'static str> {
    attempts.iter().filter(|(_, is_allowed)| *is_allowed).map(|(what, _)| *what).collect()
}

fn tier(name: &'static str, gates: &[(&str, &str)], works: impl Fn(&Space) -> bool, may: &[&str]) {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new(name));
    let account = space.account(name);
    let pods = ["a", "b"].map(|name| space.pod(name));
    space.service("orders-leader");
    let candidate = space.launch(&voters, &pods[0], &account, gates).start();
    eventually("it leads", || candidate.leads());
    eventually("what it needs works", || works(&space));
    let (code, log) = candidate.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(!works(&space) || matches!(name, "events" | "none"), "and its end");
    assert!(!log.contains("forbidden"), "{log}");
    let attempts = attempts(&space, &space.client_of(&account));
    assert_eq!(allowed(&attempts), may);
    image_is_out_of_reach(&space, &account);
}

/// The status is no way to what runs.
fn image_is_out_of_reach(space: &Space, account: &Path) {
    let pods: Api<Pod> = Api::namespaced(space.client_of(account), &space.name);
    let image = json!({"spec": {"containers": [{"name": "quorate", "image": "evil"}]}});
    let patch = Patch::Strategic(image);
    // The API server may take it and leave the image alone.
    let _ = space.wait(pods.patch_status("b", &PatchParams::default(), &patch));
    let now = space.pod_now("b").spec.unwrap();
    assert_eq!(now.containers[0].image.as_deref(), Some("quorate:none"));
}

const OF_PODS: [&str; 2] = ["read a pod", "patch a pod's status"];

#[test]
fn without_a_gate_nothing_is_needed_and_nothing_is_allowed() {
    tier("none", &[], |_| true, &[]);
}

#[test]
fn the_label_needs_pods_and_their_status() {
    tier(
        "label",
        &ALL[..1],
        |space| space.has_label("a"),
        &["read a pod", "list pods", "patch a pod's status"],
    );
}

#[test]
fn the_deletion_cost_needs_less() {
    let cost = "controller.kubernetes.io/pod-deletion-cost";
    tier(
        "deletion-cost",
        &ALL[3..4],
        |space| annotation(&space.pod_now("a").metadata, cost).is_some(),
        &OF_PODS,
    );
}

#[test]
fn the_slice_needs_its_service_and_itself_by_name() {
    let may = ["read the Service", "apply the slice"];
    tier("slice", &ALL[1..3], |space| space.routed().as_deref() == Some("a"), &may);
}

#[test]
fn events_are_made_and_not_read() {
    tier("events", &ALL[4..5], |space| !space.events("a").is_empty(), &["make an Event"]);
}

#[test]
fn the_mirror_needs_its_lease_by_name() {
    let shown =
        |space: &Space| space.lease().is_some_and(|lease| lease.spec.unwrap().holder_identity.is_some());
    tier("mirror", &ALL[5..], shown, &["apply the Lease"]);
}

#[test]
fn all_of_it_is_the_sum_and_no_more() {
    let may = [
        "read a pod",
        "list pods",
        "patch a pod's status",
        "read the Service",
        "apply the slice",
        "apply the Lease",
        "make an Event",
    ];
    tier("full", &ALL, |space| space.has_label("a") && space.routed().is_some(), &may);
}

#[test]
fn what_is_not_granted_is_told_with_what_to_grant_and_leading_goes_on() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("ungranted"));
    let account = space.account("none");
    let pod = space.pod("a");
    let candidate = space.launch(&voters, &pod, &account, &ALL).start();
    eventually("it leads", || candidate.leads());
    let failures = r#"quorate_gate_failures_total{gate="pod_label",kind="forbidden"}"#;
    eventually("it is counted", || candidate.metric(failures) >= 2.0);
    let (code, log) = candidate.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("grant what deploy/rbac has for this gate"), "{log}");
}
