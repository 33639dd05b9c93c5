//! The dashboard: every query parses, every series exists, and it follows the conventions of provisioned dashboards.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::alerts::{exported, series};
use super::harness::{chart, object, objects, rendered_with, tool, values};

fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(chart().join("files/dashboard.json")).unwrap()).unwrap()
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row").collect()
}

fn expressions(dashboard: &Value) -> Vec<String> {
    let targets = panels(dashboard).into_iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn promtool_parses_every_query() {
    let rules: Vec<_> = expressions(&dashboard())
        .iter()
        .enumerate()
        .map(|(index, expression)| {
            let expression = expression
                .replace("$__rate_interval", "5m")
                .replace("$namespace", ".*")
                .replace("$election", ".*");
            assert!(!expression.contains('$'), "{expression} has a variable that nobody defines");
            json!({"record": format!("panel:{index}"), "expr": expression})
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queries.yaml");
    fs::write(&file, json!({"groups": [{"name": "panels", "rules": rules}]}).to_string()).unwrap();
    let output = tool("promtool").args(["check", "rules"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_series_of_a_panel_exists() {
    let exported = exported();
    let named: BTreeSet<_> =
        expressions(&dashboard()).iter().flat_map(|expression| series(expression)).collect();
    let absent: Vec<_> = named.difference(&exported).collect();
    assert!(absent.is_empty(), "{absent:?}");
    assert!(named.len() > 20, "{named:?}");
}

#[test]
fn it_follows_the_conventions() {
    let dashboard = dashboard();
    assert!(
        dashboard["id"].is_null() && dashboard["uid"] == "quorate",
        "a provisioned one has no id, and a uid that stays"
    );
    assert!(dashboard["__inputs"].is_null(), "inputs break provisioning");
    let rows: Vec<_> = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|panel| panel["type"] == "row")
        .map(|row| row["title"].as_str().unwrap())
        .collect();
    assert_eq!(rows, ["Now", "Leadership", "Renewal", "Voters", "Safety", "Process"]);
    let mut ids = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64()), "{title}: its id is another's, too");
        assert!(panel["description"].as_str().unwrap().len() > 20, "{title}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}");
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            let expression = target["expr"].as_str().unwrap();
            assert!(expression.contains("$namespace"), "{title}");
            let ranges = expression.matches('[').count();
            assert_eq!(
                ranges,
                expression.matches("[$__rate_interval]").count(),
                "{title}: a range of its own"
            );
        }
    }
}

#[test]
fn panels_do_not_overlap() {
    let mut taken = BTreeSet::new();
    let dashboard = dashboard();
    for panel in dashboard["panels"].as_array().unwrap() {
        let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(side("x") + side("w") <= 24, "{}", panel["title"]);
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(taken.insert((x, y)), "{} lies on another", panel["title"]);
            }
        }
    }
}

#[test]
fn the_chart_ships_it() {
    let all = objects(&rendered_with("helm-4", &values("in-the-box"), &[]));
    let map = object(&all, "ConfigMap", "-dashboard");
    let shipped: Value = serde_json::from_str(map["data"]["quorate.json"].as_str().unwrap()).unwrap();
    assert_eq!(shipped, dashboard());
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
}
