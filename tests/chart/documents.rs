//! The chart's own documents, and that its package is the same each time.

use std::fs;

use serde_json::Value;

use super::harness::{HELMS, chart, copied, library, package, tool};

#[test]
fn the_tables_of_values_are_those_that_are_generated() {
    for chart in [chart(), library()] {
        let folder = tempfile::tempdir().unwrap();
        let readme = folder.path().join("README.md");
        fs::copy(chart.join("README.md"), &readme).unwrap();
        let output = std::process::Command::new("node")
            .arg(package().join(".tools/chart/node_modules/@bitnami/readme-generator-for-helm/bin/index.js"))
            .arg("--values")
            .arg(chart.join("values.yaml"))
            .arg("--readme")
            .arg(&readme)
            .output()
            .unwrap();
        let told = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&told));
        let is_same =
            fs::read_to_string(&readme).unwrap() == fs::read_to_string(chart.join("README.md")).unwrap();
        assert!(is_same, "{}/README.md is not what values.yaml says: run make chart", chart.display());
    }
}

#[test]
fn the_library_has_what_the_chart_has() {
    let folder = tempfile::tempdir().unwrap();
    let script = package().join("scripts/share-templates.sh");
    assert!(std::process::Command::new(script).arg(folder.path()).status().unwrap().success());
    for file in ["templates/_shared.tpl", "files/alerts.yaml"] {
        let is_same = fs::read(folder.path().join(file)).unwrap() == fs::read(library().join(file)).unwrap();
        assert!(is_same, "charts/quorate-sidecar/{file} is not what charts/quorate says: run make chart");
    }
}

#[test]
fn the_manifests_are_what_the_chart_renders() {
    let folder = tempfile::tempdir().unwrap();
    let script = package().join("scripts/render-manifests.sh");
    assert!(std::process::Command::new(script).arg(folder.path()).status().unwrap().success());
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["in-the-box.yaml", "own-voters.yaml"]);
    for name in names {
        let read = |folder: &std::path::Path| fs::read_to_string(folder.join(&name)).unwrap();
        let is_same = read(folder.path()) == read(&package().join("deploy/manifests"));
        assert!(is_same, "deploy/manifests/{} is not what the chart renders: run make chart", name.display());
    }
}

/// A key that has no place in the schema would be refused, one that is in the schema alone would be undocumented.
#[test]
fn the_schema_and_the_values_have_the_same_keys() {
    fn compare(path: &str, values: &Value, schema: &Value) {
        let Some(values) = values.as_object() else { return };
        let Some(properties) = schema["properties"].as_object() else { return };
        let (mut own, mut known): (Vec<_>, Vec<_>) = (values.keys().collect(), properties.keys().collect());
        own.sort();
        known.sort();
        assert_eq!(own, known, "{path}");
        for (key, value) in
            values.iter().filter(|(_, value)| value.as_object().is_some_and(|value| !value.is_empty()))
        {
            compare(&format!("{path}.{key}"), value, &properties[key]);
        }
    }
    for chart in [chart(), library()] {
        let values: Value =
            serde_yaml::from_str(&fs::read_to_string(chart.join("values.yaml")).unwrap()).unwrap();
        let schema: Value =
            serde_json::from_str(&fs::read_to_string(chart.join("values.schema.json")).unwrap()).unwrap();
        compare(&chart.display().to_string(), &values, &schema);
    }
}

#[test]
fn the_charts_version_is_the_program_s() {
    for chart in [chart(), library()] {
        let text = fs::read_to_string(chart.join("Chart.yaml")).unwrap();
        let chart: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn packages_hold_what_belongs_there() {
    for helm in HELMS {
        let folder = tempfile::tempdir().unwrap();
        let output =
            tool(helm).arg("package").arg(chart()).arg("--destination").arg(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let archive = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let listed = std::process::Command::new("tar").arg("-tzf").arg(&archive).output().unwrap();
        let names = String::from_utf8(listed.stdout).unwrap();
        for wanted in [
            "values.schema.json",
            "README.md",
            "files/alerts.yaml",
            "files/dashboard.json",
            "files/voter-start.sh",
        ] {
            assert!(names.contains(&format!("quorate/{wanted}\n")), "{helm}: {names}");
        }
        assert!(!names.contains("/ci/"), "{helm}: {names}");
    }
}

/// Helm 4 writes the times of the files into the archive, Helm 3 the time of day.
#[test]
fn files_of_the_same_time_make_the_same_package() {
    for chart in [chart(), library()] {
        let packaged = || {
            let folder = tempfile::tempdir().unwrap();
            copied(&chart, folder.path());
            let copy = folder.path().join(chart.file_name().unwrap());
            let find = ["-exec", "touch", "--date=@1700000000", "{}", "+"];
            assert!(std::process::Command::new("find").arg(&copy).args(find).status().unwrap().success());
            let output =
                tool("helm-4").arg("package").arg(&copy).arg("-d").arg(folder.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let name = copy.file_name().unwrap().to_str().unwrap();
            fs::read(folder.path().join(format!("{name}-{}.tgz", env!("CARGO_PKG_VERSION")))).unwrap()
        };
        assert!(packaged() == packaged(), "{}", chart.display());
    }
}
