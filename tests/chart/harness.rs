//! Helm, and what it rendered.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What is promised: the oldest with native sidecars, one between, the newest.
pub const VERSIONS: [&str; 3] = ["1.29", "1.33", "1.36"];
pub const HELMS: [&str; 2] = ["helm-3", "helm-4"];
/// A release that renders with nothing but voters in the box.
pub const IN_THE_BOX: [&str; 2] = ["--set", "bundledVoters.enabled=true"];

pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn chart() -> PathBuf {
    package().join("charts/quorate")
}

/// The library chart for sidecars.
pub fn library() -> PathBuf {
    package().join("charts/quorate-sidecar")
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

/// The one of that name.
pub fn values(name: &str) -> PathBuf {
    chart().join(format!("ci/{name}-values.yaml"))
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

/// Strictly, against every promised version; kinds that are not Kubernetes' own must be named.
pub fn validate(text: &str, others: &[&str]) -> Output {
    let mut validate = tool("python");
    validate.arg(package().join("scripts/chart/validate.py"));
    validate.args(others.iter().map(|kind| format!("--others={kind}"))).args(VERSIONS);
    fed(validate, text)
}

/// The restricted Pod Security Standard, a read-only root (but for `writable`), no token, no limit of processor time.
pub fn assert_restricted(name: &str, pod: &Value, writable: &[&str]) {
    assert_eq!(pod["enableServiceLinks"], false, "{name}");
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(pod[host].is_null(), "{name} {host}");
    }
    assert!(pod["volumes"].as_array().unwrap().iter().all(|volume| volume["hostPath"].is_null()), "{name}");
    for container in containers(pod) {
        let own = &container["securityContext"];
        let effective = |key: &str| if own[key].is_null() { &pod["securityContext"][key] } else { &own[key] };
        let name = format!("{name} {}", container["name"]);
        assert_eq!(effective("runAsNonRoot"), true, "{name}");
        assert_ne!(effective("runAsUser").as_u64(), Some(0), "{name}");
        assert_eq!(effective("seccompProfile")["type"], "RuntimeDefault", "{name}");
        assert_eq!(own["allowPrivilegeEscalation"], false, "{name}");
        assert_eq!(own["capabilities"], serde_json::json!({"drop": ["ALL"]}), "{name}");
        let is_writable = writable.iter().any(|writable| container["name"] == *writable);
        assert!(is_writable || own["readOnlyRootFilesystem"] == true, "{name}");
        assert!(container["resources"]["limits"]["cpu"].is_null(), "{name}: throttling loses leases");
    }
}

/// All containers of a Pod, the first ones included.
pub fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers"].into_iter().filter_map(|key| pod[key].as_array()).flatten()
}

/// A copy of a folder in another one.
pub fn copied(from: &Path, into: &Path) {
    fs::create_dir_all(into).unwrap();
    assert!(Command::new("cp").arg("-r").args([from, into]).status().unwrap().success());
}
