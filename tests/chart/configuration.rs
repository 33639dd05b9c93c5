//! The configuration that the chart makes, against the real binary.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::harness::{object, objects, rendered_with, values_files};

/// Gives a configuration to `quorate`, with the Secrets' files at another place.
pub fn assert_taken(name: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let secrets = folder.path().to_str().unwrap();
    let text = text.replace("/etc/quorate-secrets", secrets);
    for path in text.split(|letter: char| letter.is_whitespace() || "{},".contains(letter)) {
        if !path.starts_with(secrets) {
            continue;
        }
        fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        let certified = rcgen::generate_simple_self_signed(["redis".to_owned()]).unwrap();
        let content = match path.rsplit_once('.') {
            Some((_, "crt")) => certified.cert.pem(),
            Some((_, "key")) => certified.signing_key.serialize_pem(),
            _ => "sesame\n".to_owned(),
        };
        fs::write(path, content).unwrap();
    }
    let file = folder.path().join("quorate.yaml");
    fs::write(&file, &text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_quorate"))
        .env_clear()
        .envs([("POD_NAME", "candidate-0"), ("POD_NAMESPACE", "space"), ("POD_IP", "10.0.0.2")])
        .env("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        .args(["run", "--print-config", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {told}\n{text}");
    assert!(told.is_empty(), "{name}: {told}");
}

#[test]
fn the_binary_takes_what_the_chart_writes() {
    for values in values_files() {
        let all = objects(&rendered_with("helm-4", &values, &[]));
        let map = all.iter().find(|one| one["data"]["quorate.yaml"].is_string()).unwrap();
        assert_taken(&values.display().to_string(), map["data"]["quorate.yaml"].as_str().unwrap());
    }
}

/// Every file that a configuration names is below a mount of the container, whose volumes are the Pod's.
pub fn assert_mounted(text: &str, container: &Value, pod: &Value) {
    let mounts = container["volumeMounts"].as_array().unwrap();
    let paths: Vec<_> = mounts.iter().map(|mount| mount["mountPath"].as_str().unwrap()).collect();
    let words = text.split(|letter: char| letter.is_whitespace() || "{},".contains(letter));
    for path in words.filter(|word| word.starts_with("/etc/") || word.starts_with("/run/")) {
        assert!(
            paths.iter().any(|mount| path.starts_with(&format!("{mount}/"))),
            "{path} is in none of {paths:?}"
        );
    }
    for mount in mounts {
        let volumes = pod["volumes"].as_array().unwrap();
        assert!(volumes.iter().any(|volume| volume["name"] == mount["name"]), "{mount}");
    }
}

#[test]
fn every_file_that_is_named_is_mounted() {
    for values in values_files() {
        let all = objects(&rendered_with("helm-4", &values, &[]));
        let map = all.iter().find(|one| one["data"]["quorate.yaml"].is_string()).unwrap();
        let pod = &object(&all, "Deployment", "")["spec"]["template"]["spec"];
        assert_mounted(map["data"]["quorate.yaml"].as_str().unwrap(), &pod["containers"][0], pod);
    }
}
