//! A cluster of `make cluster-up`: what may be done to it besides.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::kubernetes::{package, said};

/// What `scripts/cluster.sh` does, where the cluster is one of ours.
pub struct Ours {
    name: String,
}

impl Ours {
    /// None where it is not, told so that nobody takes the test for one that was done.
    pub fn or_not_tested(what: &str) -> Option<Self> {
        let ours = env::var("CLUSTER").ok().map(|name| Self { name });
        if ours.is_none() {
            eprintln!("NOT TESTED HERE: {what}: only on a cluster of make cluster-up");
        }
        ours
    }

    pub fn script(&self, words: &[&str]) -> Command {
        let mut command = Command::new(package().join("scripts/cluster.sh"));
        command.env("CLUSTER", &self.name).args(words);
        command
    }

    pub fn kubeconfig(&self) -> OsString {
        self.run(&["kubeconfig"]).trim().into()
    }

    /// A way out of the cluster, to a port of this host.
    pub fn reach(&self, port: u16) -> Reached {
        let mut command = self.script(&["reach", &port.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        let reached = Reached { address: address.trim().to_owned(), child };
        assert!(!reached.address.is_empty(), "no way to port {port}");
        reached
    }

    pub fn run(&self, words: &[&str]) -> String {
        said(&mut self.script(words))
    }
}

/// Until its end.
pub struct Reached {
    pub address: String,
    child: Child,
}

impl Drop for Reached {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A second cluster, ended however the test ends.
pub struct Beside(pub Ours);

impl Beside {
    pub fn or_not_tested(what: &str) -> Option<Self> {
        Ours::or_not_tested(what).map(|_| Self(Ours { name: "beside".to_owned() }))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.0.script(&["down"]).output();
    }
}
