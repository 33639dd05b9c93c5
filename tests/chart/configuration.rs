//! The configuration that the chart makes, against the real binary.

use std::fs;
use std::process::Command;

use super::harness::{object, objects, rendered_with, values_files};

/// With the Secrets' files at another place, `quorate` takes every rendered configuration as it is.
#[test]
fn the_binary_takes_what_the_chart_writes() {
    for values in values_files() {
        let all = objects(&rendered_with("helm-4", &values, &[]));
        let map = all.iter().find(|one| one["data"]["quorate.yaml"].is_string()).unwrap();
        let text = map["data"]["quorate.yaml"].as_str().unwrap();

        let folder = tempfile::tempdir().unwrap();
        let secrets = folder.path().to_str().unwrap();
        let text = text.replace("/etc/quorate-secrets", secrets);
        for path in text.split_whitespace().filter(|word| word.starts_with(secrets)) {
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
            .env("POD_NAME", "candidate-0")
            .args(["run", "--print-config", "--config"])
            .arg(&file)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {told}\n{text}", values.display());
        assert!(told.is_empty(), "{}: {told}", values.display());
    }
}

/// What candidates mount is what their configuration names.
#[test]
fn every_file_that_is_named_is_mounted() {
    for values in values_files() {
        let all = objects(&rendered_with("helm-4", &values, &[]));
        let map = all.iter().find(|one| one["data"]["quorate.yaml"].is_string()).unwrap();
        let pod = &object(&all, "Deployment", "")["spec"]["template"]["spec"];
        let mounts: Vec<_> = pod["containers"][0]["volumeMounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|mount| mount["mountPath"].as_str().unwrap())
            .collect();
        let text = map["data"]["quorate.yaml"].as_str().unwrap();
        for path in text.split_whitespace().filter(|word| word.starts_with("/etc/")) {
            assert!(
                mounts.iter().any(|mount| path.starts_with(&format!("{mount}/"))),
                "{path} is in none of {mounts:?}"
            );
        }
        for mount in pod["containers"][0]["volumeMounts"].as_array().unwrap() {
            assert!(
                pod["volumes"].as_array().unwrap().iter().any(|volume| volume["name"] == mount["name"]),
                "{mount}"
            );
        }
    }
}
