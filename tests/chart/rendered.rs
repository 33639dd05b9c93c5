//! What is rendered: valid for every Kubernetes that is promised, restricted, and without what nobody asked for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::harness::{
    HELMS, IN_THE_BOX, assert_restricted, object, objects, package, pods, rendered, rendered_with, tool,
    validate, values, values_files,
};

#[test]
fn both_helms_lint_it_strictly() {
    for helm in HELMS {
        for values in values_files() {
            let output = tool(helm)
                .args(["lint", "--strict"])
                .arg(package().join("charts/quorate"))
                .arg("--values")
                .arg(&values)
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{helm} {}: {}",
                values.display(),
                String::from_utf8_lossy(&output.stdout)
            );
        }
    }
}

#[test]
fn every_object_is_valid_in_every_version_of_kubernetes() {
    for helm in HELMS {
        let all = |version| {
            values_files()
                .iter()
                .map(|values| rendered_with(helm, values, &["--kube-version", version]))
                .collect::<String>()
        };
        assert_eq!(
            objects(&all("1.29")).len(),
            objects(&all("1.36")).len(),
            "nothing depends on the version"
        );
        let output = validate(&all("1.33"), &["PodMonitor", "ServiceMonitor", "PrometheusRule"]);
        assert!(output.status.success(), "{helm}:\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_check_of_validity_refuses_what_it_does_not_know() {
    for wrong in [
        "apiVersion: v1\nkind: Podd\nmetadata: {name: x}\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: x, imag: y}]}\n",
        "",
    ] {
        assert!(!validate(wrong, &["PodMonitor"]).status.success(), "{wrong}");
    }
}

/// The fields of monitors that are rendered; the rule's are promtool's to judge.
#[test]
fn monitors_have_known_fields_only_and_select_each_candidate_once() {
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let port = |all: &[Value]| {
        object(all, "Deployment", "")["spec"]["template"]["spec"]["containers"][0]["ports"][0]["name"].clone()
    };

    let all = objects(&rendered_with("helm-4", &values("own-voters"), &[]));
    let monitor = object(&all, "PodMonitor", "");
    assert_eq!(keys(&monitor["spec"]), ["podMetricsEndpoints", "selector"]);
    assert_eq!(keys(&monitor["spec"]["podMetricsEndpoints"][0]), ["interval", "path", "port"]);
    assert_eq!(monitor["spec"]["selector"], object(&all, "Deployment", "")["spec"]["selector"]);
    assert_eq!(monitor["spec"]["podMetricsEndpoints"][0]["port"], port(&all));

    let all = objects(&rendered_with("helm-4", &values("wrapped-work"), &[]));
    let monitor = object(&all, "ServiceMonitor", "");
    assert_eq!(keys(&monitor["spec"]), ["endpoints", "selector"]);
    assert_eq!(keys(&monitor["spec"]["endpoints"][0]), ["interval", "path", "port"]);
    let wanted = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
    let is_selected = |one: &&Value| {
        one["kind"] == "Service" && wanted.iter().all(|(key, value)| one["metadata"]["labels"][key] == *value)
    };
    let selected: Vec<_> = all.iter().filter(is_selected).collect();
    assert_eq!(selected.len(), 1, "one leader must not be counted twice: {selected:?}");
    assert_eq!(selected[0]["spec"]["ports"][0]["name"], monitor["spec"]["endpoints"][0]["port"]);
    assert_eq!(selected[0]["spec"]["publishNotReadyAddresses"], true, "also those that are not Ready");
}

#[test]
fn both_helms_render_the_same() {
    for values in values_files() {
        // Passwords are made anew at each rendering.
        let all = |helm| {
            let is_kept = |one: &Value| one["kind"] != "Secret";
            objects(&rendered_with(helm, &values, &[]))
                .into_iter()
                .filter(is_kept)
                .map(|one| one.to_string())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(all("helm-3"), all("helm-4"), "{}", values.display());
    }
}

#[test]
fn every_pod_meets_the_restricted_standard_and_has_no_token() {
    for values in values_files() {
        let all = objects(&rendered_with("helm-4", &values, &[]));
        let pods = pods(&all);
        assert!(pods.len() >= 2, "candidates and the check");
        for (name, pod) in pods {
            assert_restricted(&name, pod, &["work"]);
            let writes = name.contains("Deployment") && has_gates(&values);
            assert_eq!(pod["automountServiceAccountToken"], writes, "{name}");
        }
    }
}

fn has_gates(values: &std::path::Path) -> bool {
    values.ends_with("with-gates-values.yaml")
}

#[test]
fn each_gate_brings_the_rights_that_it_needs_and_no_other() {
    let rights = |gates: &[&str]| {
        let switches: Vec<_> = gates
            .iter()
            .flat_map(|gate| ["--set".to_owned(), format!("gates.{gate}.enabled=true")])
            .collect();
        let more: Vec<&str> = IN_THE_BOX.into_iter().chain(switches.iter().map(String::as_str)).collect();
        let all = objects(&rendered("helm-4", &more));
        let binding = object(&all, "RoleBinding", "");
        assert_eq!(binding["subjects"][0]["name"], object(&all, "ServiceAccount", "")["metadata"]["name"]);
        let mut rights = BTreeSet::new();
        for rule in object(&all, "Role", "")["rules"].as_array().unwrap() {
            let names = rule["resourceNames"].as_array().cloned().unwrap_or_default();
            for verb in rule["verbs"].as_array().unwrap() {
                let word = |value: &Value| value.as_str().unwrap().to_owned();
                rights.insert(format!("{} {} {}", word(verb), word(&rule["resources"][0]), names.len()));
            }
        }
        rights.into_iter().collect::<Vec<_>>().join(", ")
    };
    assert_eq!(rights(&["podLabel"]), "get pods 0, list pods 0, patch pods/status 0");
    assert_eq!(rights(&["podDeletionCost"]), "get pods 0, patch pods/status 0");
    assert_eq!(
        rights(&["endpointSlice"]),
        "create endpointslices 2, get endpointslices 2, get services 1, patch endpointslices 2"
    );
    assert_eq!(rights(&["events"]), "create events 0");
    assert_eq!(rights(&["leaseMirror"]), "create leases 1, get leases 1, patch leases 1");
}

#[test]
fn the_leaders_service_follows_the_strongest_way() {
    let selector = |more: &[&str]| {
        let all = objects(&rendered("helm-4", &[&IN_THE_BOX[..], more].concat()));
        object(&all, "Service", "-leader")["spec"].clone()
    };
    let label = ["--set", "gates.podLabel.enabled=true"];
    assert_eq!(selector(&label)["selector"]["quorate.dev/role"], "leader");
    let slice = selector(&[label, ["--set", "gates.endpointSlice.enabled=true"]].concat());
    assert!(slice["selector"].is_null(), "{slice}");
    assert_eq!(slice["ports"][0]["targetPort"], 9797);
    assert!(selector(&["--set", "readiness=leader"])["selector"]["quorate.dev/role"].is_null());
}

#[test]
fn without_a_gate_nothing_has_a_right_in_the_cluster() {
    for values in values_files().into_iter().filter(|values| !has_gates(values)) {
        for one in objects(&rendered_with("helm-4", &values, &[])) {
            assert!(!one["kind"].as_str().unwrap().contains("Role"), "{one}");
        }
    }
}

#[test]
fn readiness_of_the_leader_alone_rolls_without_waiting_and_has_no_budget() {
    let all = objects(&rendered("helm-4", &[&IN_THE_BOX[..], &["--set", "readiness=leader"]].concat()));
    assert_eq!(object(&all, "Deployment", "")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], "100%");
    let budgets: Vec<_> = all
        .iter()
        .filter(|one| one["kind"] == "PodDisruptionBudget")
        .map(|one| one["metadata"]["name"].clone())
        .collect();
    assert_eq!(budgets, [json!("release-quorate-voters")], "the voters keep theirs");
    assert!(object(&all, "Service", "-leader")["spec"]["publishNotReadyAddresses"].is_null());
}

#[test]
fn voters_let_in_their_own_candidates_and_whom_they_are_told_to() {
    let ingress = |name: &str| {
        let all = objects(&rendered_with("helm-4", &values(name), &[]));
        object(&all, "NetworkPolicy", "-voters")["spec"]["ingress"].as_array().unwrap().clone()
    };
    let own = ingress("in-the-box");
    assert_eq!(own.len(), 1);
    assert_eq!(own[0]["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/instance"], "release");
    let more = ingress("leader-readiness");
    assert_eq!(more[0], own[0]);
    assert_eq!(more[1]["from"][0]["podSelector"]["matchLabels"], json!({"app": "orders"}));
}

#[test]
fn the_grace_period_fits_the_drain() {
    let grace = |more: &str| {
        let all = objects(&rendered("helm-4", &[&IN_THE_BOX[..], &["--set", more]].concat()));
        object(&all, "Deployment", "")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(grace("timing.preset=lan"), 30 + 3 + 2);
    assert_eq!(grace("timing.ttl=1m"), 30 + 18 + 2);
    assert_eq!(grace("timing.drainTimeout=1m30s"), 90 + 3 + 2);
    assert_eq!(grace("timing.stopGrace=500ms"), 33);
    assert_eq!(grace("terminationGracePeriodSeconds=60"), 60);
}

#[test]
fn an_upgrade_of_the_chart_alone_leaves_the_voters_be() {
    let copy = tempfile::tempdir().unwrap();
    let chart = copy.path().join("quorate");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(package().join("charts/quorate"))
        .arg(&chart)
        .status()
        .unwrap();
    assert!(copied.success());
    let before = objects(&rendered("helm-4", &IN_THE_BOX));
    let text = std::fs::read_to_string(chart.join("Chart.yaml")).unwrap();
    std::fs::write(chart.join("Chart.yaml"), text.replace("ersion: 0.1.0", "ersion: 9.9.9")).unwrap();
    let output = super::harness::template("helm-4", &chart, &IN_THE_BOX);
    let after = objects(&String::from_utf8(output.stdout).unwrap());
    let template = |all: &[Value], kind, ending| object(all, kind, ending)["spec"]["template"].clone();
    assert_eq!(template(&before, "StatefulSet", "-voter"), template(&after, "StatefulSet", "-voter"));
    assert_ne!(
        template(&before, "Deployment", ""),
        template(&after, "Deployment", ""),
        "a new image rolls the candidates"
    );
}

/// Only Helm 4 renders them without a cluster.
#[test]
fn notes_say_who_leads_and_what_to_expect() {
    let notes = |name: &str| {
        let output = tool("helm-4")
            .args(["install", "release", "--dry-run=client", "--namespace", "space", "--values"])
            .args([values(name), package().join("charts/quorate")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().split_once("NOTES:").unwrap().1.to_owned()
    };
    let own = notes("own-voters");
    assert!(own.contains("exec deploy/release-quorate -- /quorate status"), "{own}");
    assert!(own.contains("asks /leaderz") && !own.contains("share this cluster's fate"), "{own}");
    assert!(notes("in-the-box").contains("share this cluster's fate"));
    let leader = notes("leader-readiness");
    for word in [
        "Only the leader is ever Ready",
        "Helm 4 and Flux wait for every replica and time out",
        "`helm --wait` of Helm 3",
    ] {
        assert!(leader.contains(word), "{leader}");
    }
    let wrapped = notes("wrapped-work");
    assert!(wrapped.contains("--container work -- /opt/quorate/quorate resign"), "{wrapped}");
    assert!(!wrapped.contains("asks /leaderz"), "{wrapped}");
}
