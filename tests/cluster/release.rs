//! The chart, installed.

use std::path::Path;
use std::process::Command;

use super::kubernetes::{PATIENT, Space, eventually, package, said, words};
use super::watch::CANDIDATES;
use crate::common::candidate::{boot, since};

pub const HELMS: [&str; 2] = ["helm-3", "helm-4"];
/// Voters in the box, from the image that the cluster has.
const VALUES: [&str; 4] = [
    "--set=bundledVoters.enabled=true,bundledVoters.image.program=redis",
    "--set=bundledVoters.image.repository=quorate.test/redis",
    "--set-string=bundledVoters.image.tag=7.0",
    "--set=timing.preset=fast",
];

/// Three candidates over three voters in the box.
pub struct Release<'a> {
    pub space: &'a Space,
    helm: &'static str,
}

impl<'a> Release<'a> {
    /// As a newcomer installs it: when it returns, everything is Ready; and then somebody leads.
    pub fn install(space: &'a Space, helm: &'static str, more: &[&str]) -> Self {
        Self::over(space, helm, &[&VALUES, more].concat())
    }

    /// With all values told.
    pub fn over(space: &'a Space, helm: &'static str, values: &[&str]) -> Self {
        let release = Self::of(space, helm);
        release.install_chart(&package().join("charts/quorate"), values);
        eventually("a leader", PATIENT, || release.leader().is_some());
        release
    }

    /// Not installed yet.
    pub fn of(space: &'a Space, helm: &'static str) -> Self {
        Self { space, helm }
    }

    pub fn install_chart(&self, chart: &Path, values: &[&str]) {
        let words = ["install", "elector", chart.to_str().unwrap(), "--wait", "--timeout=3m"];
        self.helm(&[&words[..], values].concat());
    }

    /// helm with these words, told with the time that it took.
    pub fn helm(&self, words: &[&str]) {
        let begun = boot();
        let program = package().join(".tools/chart/bin").join(self.helm);
        let mut command = self.space.names(Command::new(program));
        said(command.args(words).args(["--namespace", &self.space.name]));
        println!("measured: {} {} {:.1?}", self.helm, words[0], since(begun));
    }

    /// What an upgrade with these words says that must not succeed, whether or not it was begun.
    pub fn failed(&self, more: &[&str]) -> String {
        let program = package().join(".tools/chart/bin").join(self.helm);
        let chart = package().join("charts/quorate");
        let mut command = self.space.names(Command::new(program));
        command.args(["upgrade", "elector", chart.to_str().unwrap(), "--reuse-values"]).args(more);
        let output = command.args(["--namespace", &self.space.name]).output().unwrap();
        assert!(!output.status.success(), "{}", words(&output));
        words(&output)
    }

    /// With one value changed; when it returns, all candidates are Ready.
    pub fn upgrade(&self, change: &str) {
        let (chart, set) = (package().join("charts/quorate"), format!("--set={change}"));
        let chart = chart.to_str().unwrap();
        self.helm(&["upgrade", "elector", chart, "--reuse-values", &set, "--wait", "--timeout=3m"]);
    }

    /// Of which the voters speak.
    pub fn leader(&self) -> Option<String> {
        let asked = ["exec", "deploy/elector-quorate", "--", "/quorate", "status", "--output", "json"];
        let output = self.space.kubectl(&asked).output().unwrap();
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        status["leader"]["identity"].as_str().map(str::to_owned)
    }

    /// The node of a pod.
    pub fn node_of(&self, pod: &str) -> String {
        self.space.get(&["pod", pod])["spec"]["nodeName"].as_str().unwrap().to_owned()
    }

    pub fn candidates(&self) -> Vec<serde_json::Value> {
        self.space.pods(&format!("app.kubernetes.io/instance=elector,{CANDIDATES}"))
    }
}
