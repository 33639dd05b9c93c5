//! Helm, and what it rendered.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub const HELMS: [&str; 2] = ["helm-3", "helm-4"];
/// A release that renders with nothing but voters in the box.
pub const IN_THE_BOX: [&str; 2] = ["--set", "bundledVoters.enabled=true"];

pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn chart() -> PathBuf {
    package().join("charts/quorate")
}

/// A program that `scripts/tools.sh chart` installs.
pub fn tool(name: &str) -> Command {
    let path = package().join(".tools/chart/bin").join(name);
    assert!(path.exists(), "{} is not there: run scripts/tools.sh chart", path.display());
    let mut command = Command::new(path);
    command.env("PYTHONPATH", package().join(".tools/chart/python"));
    command
}

/// Everything in `charts/quorate/ci`.
pub fn values_files() -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(chart().join("ci")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    files
}

/// `helm template release CHART -n space`, with more arguments.
pub fn template<S: AsRef<OsStr>>(helm: &str, chart: &Path, more: &[S]) -> Output {
    tool(helm)
        .args(["template", "release"])
        .arg(chart)
        .args(["--namespace", "space"])
        .args(more)
        .output()
        .unwrap()
}

/// What is rendered, as text.
pub fn rendered<S: AsRef<OsStr>>(helm: &str, more: &[S]) -> String {
    let output = template(helm, &chart(), more);
    assert!(output.status.success(), "{helm}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What is rendered with a file of `ci`, and more.
pub fn rendered_with(helm: &str, values: &Path, more: &[&str]) -> String {
    let mut arguments = vec![OsStr::new("--values"), values.as_os_str()];
    arguments.extend(more.iter().map(OsStr::new));
    rendered(helm, &arguments)
}

/// The objects in what was rendered.
pub fn objects(text: &str) -> Vec<Value> {
    let documents = text.split("\n---\n").map(|part| part.strip_prefix("---\n").unwrap_or(part));
    let is_something = |part: &&str| part.lines().any(|line| !line.is_empty() && !line.starts_with('#'));
    documents
        .filter(is_something)
        .map(|part| serde_yaml::from_str(part).unwrap_or_else(|error| panic!("{error}:\n{part}")))
        .collect()
}

/// The one object of a kind whose name ends so.
pub fn object<'a>(all: &'a [Value], kind: &str, ending: &str) -> &'a Value {
    let is_it =
        |one: &&Value| one["kind"] == kind && one["metadata"]["name"].as_str().unwrap().ends_with(ending);
    let mut found = all.iter().filter(is_it);
    let one = found.next().unwrap_or_else(|| panic!("no {kind} …{ending}"));
    assert!(found.next().is_none(), "two {kind} …{ending}");
    one
}

/// The Pods that objects describe, with their names.
pub fn pods(all: &[Value]) -> Vec<(String, &Value)> {
    fn pod(one: &Value) -> Option<&Value> {
        if one["kind"] == "Pod" {
            Some(&one["spec"])
        } else {
            Some(&one["spec"]["template"]["spec"]).filter(|pod| pod.is_object())
        }
    }
    let named = |one: &Value| format!("{}/{}", one["kind"], one["metadata"]["name"]);
    all.iter().filter_map(|one| Some((named(one), pod(one)?))).collect()
}

/// Runs a command with this on its standard input.
pub fn fed(mut command: Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}
