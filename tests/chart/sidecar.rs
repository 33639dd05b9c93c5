//! The library chart, in the example of a chart that uses it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::alerts::assert_tested;
use super::configuration::{assert_mounted, assert_taken};
use super::harness::{
    HELMS, assert_restricted, containers, copied, library, object, objects, package, pods, template, tool,
    validate,
};

/// Example and library as they lie in the repository, with the dependency fetched as a user does it.
struct Consumer {
    folder: TempDir,
}

impl Consumer {
    fn new(helm: &str) -> Self {
        Self::changed(helm, |_| {})
    }

    fn changed(helm: &str, change: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copied(&library(), &folder.path().join("charts"));
        copied(&package().join("deploy/examples/sidecar-chart"), &folder.path().join("deploy/examples"));
        let consumer = Self { folder };
        change(&consumer.chart());
        let output = tool(helm).args(["dependency", "update"]).arg(consumer.chart()).output().unwrap();
        assert!(output.status.success(), "{helm}: {}", String::from_utf8_lossy(&output.stderr));
        consumer
    }

    fn chart(&self) -> PathBuf {
        self.folder.path().join("deploy/examples/sidecar-chart")
    }

    fn rendered(&self, helm: &str, more: &[&str]) -> String {
        let output = template(helm, &self.chart(), more);
        assert!(output.status.success(), "{helm}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, helm: &str, more: &[&str]) -> String {
        let output = template(helm, &self.chart(), more);
        assert!(!output.status.success(), "{helm} took {more:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

#[test]
fn the_example_is_linted_valid_restricted_and_the_same_in_both_helms() {
    let texts = HELMS.map(|helm| {
        let consumer = Consumer::new(helm);
        for chart in [consumer.chart(), library()] {
            let output = tool(helm).args(["lint", "--strict"]).arg(&chart).output().unwrap();
            assert!(output.status.success(), "{helm}: {}", String::from_utf8_lossy(&output.stdout));
        }
        let text = consumer.rendered(helm, &[]);
        let output = validate(&text, &[]);
        assert!(output.status.success(), "{helm}:\n{}", String::from_utf8_lossy(&output.stderr));
        let all = objects(&text);
        for (name, pod) in pods(&all) {
            assert_restricted(&name, pod, &[]);
            assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        }
        all
    });
    assert_eq!(texts[0].len(), 2, "a Deployment and the sidecar's configuration");
    let sorted = |all: &[Value]| {
        let mut all: Vec<_> = all.iter().map(ToString::to_string).collect();
        all.sort();
        all
    };
    assert_eq!(sorted(&texts[0]), sorted(&texts[1]));
}

#[test]
fn the_sidecar_is_a_native_one_with_all_that_its_configuration_names() {
    let all = objects(&Consumer::new("helm-4").rendered(
        "helm-4",
        &[
            "--set",
            "quorate.tls.existingSecret=tls",
            "--set-json",
            r#"quorate.voters=[{"name":"only","url":"rediss://redis","auth":{"existingSecret":"other"}}]"#,
            "--set",
            "quorate.allowSingleVoter=true",
        ],
    ));
    let template = &object(&all, "Deployment", "")["spec"]["template"];
    let pod = &template["spec"];
    let sidecar = &pod["initContainers"][0];
    assert_eq!((&sidecar["restartPolicy"], &sidecar["args"]), (&json!("Always"), &json!(["run"])));
    let text = object(&all, "ConfigMap", "-quorate")["data"]["quorate.yaml"].as_str().unwrap();
    assert_taken("sidecar", text);
    assert_mounted(text, sidecar, pod);
    assert!(text.contains("statusFile: /run/quorate/status"), "{text}");
    for container in containers(pod) {
        for mount in container["volumeMounts"].as_array().unwrap() {
            let is_there = |volume: &Value| volume["name"] == mount["name"];
            assert!(pod["volumes"].as_array().unwrap().iter().any(is_there), "{mount}");
        }
    }
    assert_eq!(pod["containers"][0]["volumeMounts"][0]["readOnly"], true, "the worker reads, and writes not");
    let is_rolled = template["metadata"]["annotations"]["quorate.dev/quorate-configuration"].is_string();
    assert!(is_rolled, "{template}");
}

/// The cases of the chart's own alerts, on those of the library.
#[test]
fn its_alerts_are_the_chart_s() {
    let arguments = ["--set", "monitoring=true", "--set", "quorate.election=l"];
    let all = objects(&Consumer::new("helm-4").rendered("helm-4", &arguments));
    assert_tested(&object(&all, "PrometheusRule", "-quorate")["spec"]);
    let port = &object(&all, "PodMonitor", "")["spec"]["podMetricsEndpoints"][0]["port"];
    let pod = &object(&all, "Deployment", "")["spec"]["template"]["spec"];
    assert_eq!(port, &pod["initContainers"][0]["ports"][0]["name"]);
}

#[test]
fn values_that_would_hurt_are_refused() {
    for helm in HELMS {
        let consumer = Consumer::new(helm);
        let refused = |more: &str| consumer.refused(helm, &["--set-json", more]);
        let told = refused("quorate.voters=[]");
        assert!(told.contains("name 3, 5, 7 or 9 independent Redis servers in quorate.voters"), "{told}");
        let one = r#"{"name":"a","url":"redis://a"}"#;
        let told = refused(&format!("quorate.voters=[{one},{one},{one}]"));
        assert!(told.contains("two voters have the name a"), "{told}");
        let told = refused(r#"quorate.electoin="x""#);
        assert!(told.contains("electoin"), "{told}");
        let told = refused(r#"quorate.timing.drainTimeout="30s""#);
        assert!(told.contains("drainTimeout"), "the worker drains, not the sidecar: {told}");
        let long = consumer.refused(helm, &["--namespace", &"s".repeat(60), "--set", "quorate.election="]);
        assert!(long.contains("longer than 63 characters: set quorate.election"), "{long}");
    }
}

/// What a parent chart may say to each of its charts is no unknown key.
#[test]
fn global_values_and_a_condition_are_taken() {
    let change = |chart: &Path| {
        let path = chart.join("Chart.yaml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("alias: quorate,", "alias: quorate, condition: quorate.enabled,"))
            .unwrap();
    };
    for helm in HELMS {
        let arguments = ["--set", "global.team=orders", "--set", "quorate.enabled=true"];
        let all = objects(&Consumer::changed(helm, change).rendered(helm, &arguments));
        assert_eq!(all.len(), 2, "{helm}");
    }
}

/// One Pod that takes part in two elections.
#[test]
fn two_of_them_share_a_pod() {
    let second = |chart: &Path| {
        let change = |name: &str, change: &dyn Fn(String) -> String| {
            let path = chart.join(name);
            fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
        };
        change("Chart.yaml", &|text| {
            let line = text.lines().find(|line| line.contains("alias: quorate")).unwrap().to_owned();
            format!("{text}{}\n", line.replace("alias: quorate", "alias: audit"))
        });
        change("values.yaml", &|text| {
            let own = text.split_once("quorate:\n").unwrap().1.to_owned();
            let own = own.replace("election: orders", "election: audit\n  service: {port: 9798}");
            format!("{text}audit:\n{own}")
        });
        let both = |text: &str| {
            let line = |line: &str| {
                let is_ours = line.contains(".Subcharts.quorate") && line.trim_start().starts_with("{{");
                let again = line.replace(".Subcharts.quorate", ".Subcharts.audit");
                if is_ours { format!("{line}\n---\n{again}\n") } else { format!("{line}\n") }
            };
            text.lines().map(line).collect::<String>()
        };
        change("templates/quorate.yaml", &|text| both(&text));
        change("templates/deployment.yaml", &|text| both(&text).replace("---\n", ""));
    };
    let text = Consumer::changed("helm-4", second).rendered("helm-4", &[]);
    let output = validate(&text, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all = objects(&text);
    let pod = &object(&all, "Deployment", "")["spec"]["template"]["spec"];
    let mut names: Vec<_> = containers(pod).map(|one| one["name"].to_string()).collect();
    names.extend(pod["volumes"].as_array().unwrap().iter().map(|one| one["name"].to_string()));
    let ports = containers(pod).filter_map(|one| one["ports"].as_array()).flatten();
    names.extend(ports.map(|port| port["containerPort"].to_string()));
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "{names:?}");
    assert_eq!(all.iter().filter(|one| one["kind"] == "ConfigMap").count(), 2);
}
