//! The alerts as they are rendered: promtool parses and tests them; every series they name is in the real `/metrics`;
//! every alert has a test and a runbook.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::harness::{IN_THE_BOX, object, objects, package, rendered, tool};
use crate::common::candidate::{Launch, Voters, eventually};

/// The rules of an election `l`, with what else is set.
pub fn spec(more: &[&str]) -> Value {
    let arguments =
        [&IN_THE_BOX[..], &["--set", "prometheusRule.enabled=true", "--set", "election=l"], more].concat();
    object(&objects(&rendered("helm-4", &arguments)), "PrometheusRule", "")["spec"].clone()
}

fn alerts(spec: &Value) -> Vec<&Value> {
    spec["groups"][0]["rules"].as_array().unwrap().iter().collect()
}

/// promtool takes these groups of rules, and every case comes out as it should.
pub fn assert_tested(rules: &Value) {
    let folder = tempfile::tempdir().unwrap();
    // JSON is YAML.
    fs::write(folder.path().join("rules.yaml"), rules.to_string()).unwrap();
    fs::copy(package().join("tests/chart/alerts.yaml"), folder.path().join("alerts.yaml")).unwrap();
    for arguments in [["check", "rules", "rules.yaml"], ["test", "rules", "alerts.yaml"]] {
        let output = tool("promtool").args(arguments).current_dir(folder.path()).output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&told));
    }
}

#[test]
fn promtool_runs_every_case() {
    assert_tested(&spec(&[]));
}

#[test]
fn every_alert_fires_in_a_case() {
    let cases: Value =
        serde_yaml::from_str(&fs::read_to_string(package().join("tests/chart/alerts.yaml")).unwrap())
            .unwrap();
    let checks = cases["tests"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|case| case["alert_rule_test"].as_array())
        .flatten();
    let fired: BTreeSet<_> = checks
        .filter(|check| check["exp_alerts"].is_array())
        .map(|check| check["alertname"].clone().to_string())
        .collect();
    let all: BTreeSet<_> = alerts(&spec(&[])).iter().map(|alert| alert["alert"].to_string()).collect();
    assert_eq!(fired, all);
}

#[test]
fn each_can_be_switched_off_and_changed() {
    let rules = spec(&[
        "--set",
        "prometheusRule.alerts.NoStandby.enabled=false",
        "--set",
        "prometheusRule.alerts.NoLeader.for=7m",
        "--set",
        "prometheusRule.alerts.NoLeader.severity=page",
        "--set",
        "prometheusRule.runbookUrl=https://runbooks.example/quorate",
    ]);
    let all = alerts(&rules);
    assert_eq!(all.len(), alerts(&spec(&[])).len() - 1);
    let no_leader = all.iter().find(|alert| alert["alert"] == "QuorateNoLeader").unwrap();
    assert_eq!((&no_leader["for"], &no_leader["labels"]["severity"]), (&json!("7m"), &json!("page")));
    assert_eq!(no_leader["annotations"]["runbook_url"], "https://runbooks.example/quorate#quoratenoleader");
}

#[test]
fn nobody_is_paged_for_a_crash_under_a_long_ttl_or_for_a_standby_that_nobody_asked_for() {
    let rules = spec(&["--set", "timing.ttl=2m", "--set", "replicas=1"]);
    let all = alerts(&rules);
    let no_leader = all.iter().find(|alert| alert["alert"] == "QuorateNoLeader").unwrap();
    assert_eq!(no_leader["for"], "360000ms");
    assert!(all.iter().all(|alert| alert["alert"] != "QuorateNoStandby"));
}

/// A clean rollout may hand over once for each candidate.
#[test]
fn a_rollout_of_many_candidates_is_no_churn() {
    for (replicas, threshold) in [(0, 4), (1, 4), (3, 4), (4, 5), (7, 8)] {
        let rules = spec(&["--set", &format!("replicas={replicas}")]);
        let all = alerts(&rules);
        let churn = all.iter().find(|alert| alert["alert"] == "QuorateLeaseChurn").unwrap();
        assert!(churn["expr"].as_str().unwrap().ends_with(&format!(">= {threshold}")), "{replicas}: {churn}");
    }
}

#[test]
fn every_alert_has_a_runbook() {
    let manual = fs::read_to_string(package().join("docs/operations.md")).unwrap();
    for alert in alerts(&spec(&[])) {
        let heading = format!("\n### {}\n", alert["alert"].as_str().unwrap());
        assert!(manual.contains(&heading), "docs/operations.md has no{heading}");
    }
}

/// The names of series in an expression.
pub fn series(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("quorate_")).map(str::to_owned).collect()
}

/// The names of series that a real candidate exports once it has led; with a gate, whether or not the cluster is there.
pub fn exported() -> BTreeSet<String> {
    let voters = Voters::experienced(3, crate::common::TTL);
    let launch = Launch::new("candidate", voters.urls(), crate::common::TTL);
    let place = [
        ("QUORATE_GATES_POD_LABEL_ENABLED", "true"),
        ("POD_NAME", "candidate"),
        ("POD_NAMESPACE", "n"),
        ("KUBECONFIG", "/nowhere"),
    ];
    let agent = place.iter().fold(launch, |launch, (name, value)| launch.environment(name, value)).start();
    eventually("it leads", || agent.leads());
    let text = agent.ask("/metrics").1;
    let lines = text.lines().filter(|line| line.starts_with("quorate_"));
    lines.filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect()
}

#[test]
fn every_series_of_a_rule_exists() {
    let exported = exported();
    for alert in alerts(&spec(&[])) {
        let named = series(alert["expr"].as_str().unwrap());
        assert!(!named.is_empty(), "{alert}");
        let absent: Vec<_> = named.difference(&exported).collect();
        assert!(absent.is_empty(), "{}: {absent:?}", alert["alert"]);
    }
}
