//! kubectl, and a namespace for each test.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::common::candidate::{boot, since};

/// For what takes a cluster a moment: a pod that starts, a name that spreads.
pub const PATIENT: Duration = Duration::from_mins(1);

pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The kubectl that was built with the cluster, else the system's.
pub fn kubectl() -> Command {
    assert!(env::var_os("KUBECONFIG").is_some(), "KUBECONFIG names no cluster: run make test-cluster");
    let built = package().join(".tools/cluster/bin/kubectl");
    Command::new(if built.exists() { built } else { PathBuf::from("kubectl") })
}

/// What a command says that has to succeed.
pub fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", words(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Both streams.
pub fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

/// Waits for a condition.
pub fn eventually(what: &str, bound: Duration, mut condition: impl FnMut() -> bool) {
    let begun = boot();
    while !condition() {
        assert!(since(begun) < bound, "not within {bound:?}: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A namespace of one test, gone with everything in it however the test ends.
pub struct Space {
    pub name: String,
    kubeconfig: OsString,
}

impl Space {
    pub fn new(test: &str) -> Self {
        Self::of(env::var_os("KUBECONFIG").unwrap_or_default(), test)
    }

    /// In the cluster that a kubeconfig names.
    pub fn of(kubeconfig: OsString, test: &str) -> Self {
        let space = Self { name: format!("{test}-{}", std::process::id()), kubeconfig };
        said(space.names(kubectl()).args(["create", "namespace", &space.name]));
        space
    }

    /// A command that is told by its environment which cluster is meant.
    pub fn names(&self, mut command: Command) -> Command {
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// kubectl in this namespace.
    pub fn kubectl<S: AsRef<OsStr>>(&self, words: &[S]) -> Command {
        let mut command = self.names(kubectl());
        command.args(["--namespace", &self.name]).args(words);
        command
    }

    pub fn said(&self, words: &[&str]) -> String {
        said(&mut self.kubectl(words))
    }

    /// Objects, as YAML.
    pub fn apply(&self, objects: &str) {
        let mut command = self.kubectl(&["apply", "--filename", "-"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(objects.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{objects}");
    }

    pub fn get(&self, what: &[&str]) -> Value {
        let words = [&["get", "--output", "json"], what].concat();
        serde_json::from_str(&self.said(&words)).unwrap()
    }

    /// Those with a label that are not on their way out.
    pub fn pods(&self, selector: &str) -> Vec<Value> {
        let listed = self.get(&["pods", "--selector", selector]);
        let stays = |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_null();
        listed["items"].as_array().unwrap().iter().filter(stays).cloned().collect()
    }

    /// What helps to understand a failure.
    fn tell(&self) {
        let logs =
            ["logs", "--selector", "app.kubernetes.io/name", "--all-containers", "--prefix", "--tail=8"];
        for words in [&["get", "pods", "--output=wide"][..], &["get", "events"], &logs] {
            eprintln!(
                "{}",
                self.kubectl(words).output().map_or_else(|error| error.to_string(), |it| self::words(&it))
            );
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
        let mut removal = self.names(kubectl());
        let removed = removal.args(["delete", "namespace", &self.name, "--timeout=90s"]).output();
        if let Ok(output) = removed
            && !output.status.success()
        {
            eprintln!("{} is left: {}", self.name, words(&output));
        }
    }
}

pub fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

pub fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}
