//! The policy of examples/fencing that refuses writes with an older term.

use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::common::candidate::eventually;
use crate::space::{Space, object};

/// Cluster-wide, gone however the test ends.
struct Policy<'a>(&'a Space, String);

impl<'a> Policy<'a> {
    fn new(space: &'a Space) -> Self {
        let name = format!("quorate-fence-{}", space.name);
        let text = include_str!("../../examples/fencing/kubernetes.yaml").replace("quorate-fence", &name);
        for document in text.split("\n---\n") {
            let mut value: Value = serde_yaml::from_str(document).unwrap();
            let params = PatchParams::apply("test");
            if value["kind"] == "ValidatingAdmissionPolicy" {
                let api = Api::<ValidatingAdmissionPolicy>::all(space.client.clone());
                space.wait(api.patch(&name, &params, &Patch::Apply(value))).unwrap();
            } else {
                // Other tests' objects are none of ours.
                value["spec"]["matchResources"] = json!({"namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": space.name}}});
                let api = Api::<ValidatingAdmissionPolicyBinding>::all(space.client.clone());
                space.wait(api.patch(&name, &params, &Patch::Apply(value))).unwrap();
            }
        }
        Self(space, name)
    }
}

impl Drop for Policy<'_> {
    fn drop(&mut self) {
        let (client, params) = (self.0.client.clone(), DeleteParams::default());
        let _ = self
            .0
            .wait(Api::<ValidatingAdmissionPolicyBinding>::all(client.clone()).delete(&self.1, &params));
        let _ = self.0.wait(Api::<ValidatingAdmissionPolicy>::all(client).delete(&self.1, &params));
    }
}

#[test]
fn an_object_refuses_writes_with_an_older_term_or_none() {
    let space = Space::new("fenced");
    let policy = Policy::new(&space);
    let maps = space.api::<ConfigMap>();
    let write = |change: Value| {
        let written = space.wait(maps.patch("orders", &PatchParams::default(), &Patch::Merge(change)));
        written
            .map(|map| map.data.unwrap_or_default().get("value").cloned())
            .map_err(|error| error.to_string())
    };
    let at = |term: &str, value: &str| {
        write(json!({"metadata": {"annotations": {"quorate.dev/term": term}}, "data": {"value": value}}))
    };
    let fenced = json!({"metadata": {"name": "orders", "labels": {"quorate.dev/fenced": "true"},
        "annotations": {"quorate.dev/term": "1767323045678"}}, "data": {"value": "1"}});
    space.create::<ConfigMap>(fenced);
    let try_it = PostParams { dry_run: true, ..PostParams::default() };
    let unfenced = object(json!({"metadata": {"name": "probe", "labels": {"quorate.dev/fenced": "true"}}}));
    eventually("the policy is known", || {
        std::thread::sleep(Duration::from_millis(100));
        space.wait(maps.create(&try_it, &unfenced)).is_err()
    });

    assert_eq!(at("1767323045679", "7"), Ok(Some("7".to_owned())), "the claim of a newer term");
    assert_eq!(at("1767323045679", "8"), Ok(Some("8".to_owned())), "one leader writes more than once");
    let refused = at("1767323045678", "9").unwrap_err();
    assert!(refused.contains("term 1767323045678 is older than 1767323045679"), "{refused}");
    for change in [
        json!({"metadata": {"annotations": {"quorate.dev/term": null}}, "data": {"value": "9"}}),
        json!({"metadata": {"annotations": {"quorate.dev/term": "latest"}}, "data": {"value": "9"}}),
        json!({"metadata": {"labels": {"quorate.dev/fenced": null}}, "data": {"value": "9"}}),
    ] {
        assert!(write(change.clone()).is_err(), "{change}");
    }
    let now = space.wait(maps.get("orders")).unwrap();
    assert_eq!(now.data.unwrap()["value"], "8");
    space.create::<ConfigMap>(json!({"metadata": {"name": "free"}, "data": {"value": "1"}}));
    drop(policy);
}
