//! Control groups that can be frozen, of both versions.

use std::fs;
use std::path::PathBuf;

use nix::unistd::Pid;

use crate::TTL;
use crate::common::candidate::{boot, eventually, since};
use crate::harness::not_tested;

/// Version 1 delivers a SIGKILL at the thaw only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// A control group; thawed and removed with its value.
pub struct Freezer {
    version: Version,
    path: PathBuf,
}

impl Freezer {
    /// Nothing where there is no such control group to be made, which is told.
    pub fn new(version: Version, name: &str) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        let is_it = |line: &&str| {
            let fields: Vec<_> = line.split(' ').collect();
            match version {
                Version::V1 => {
                    fields[2] == "cgroup" && fields[3].split(',').any(|option| option == "freezer")
                }
                Version::V2 => fields[2] == "cgroup2",
            }
        };
        let root = mounts.lines().find(is_it).and_then(|line| line.split(' ').nth(1));
        let name = format!("quorate-{name}-{}", std::process::id());
        let freezer = Self { version, path: PathBuf::from(root.unwrap_or("/nowhere")).join(name) };
        if fs::create_dir(&freezer.path).is_err() || !freezer.switch().exists() {
            not_tested(&format!("freezing: run as root on a host where cgroup {version:?} is mounted"));
            return None;
        }
        Some(freezer)
    }

    fn switch(&self) -> PathBuf {
        self.path.join(match self.version {
            Version::V1 => "freezer.state",
            Version::V2 => "cgroup.freeze",
        })
    }

    pub fn add(&self, pid: Pid) {
        fs::write(self.path.join("cgroup.procs"), pid.to_string()).unwrap();
    }

    pub fn freeze(&self) {
        let (word, shown_in, shown) = match self.version {
            Version::V1 => ("FROZEN", "freezer.state", "FROZEN"),
            Version::V2 => ("1", "cgroup.events", "frozen 1"),
        };
        fs::write(self.switch(), word).unwrap();
        let shown_in = self.path.join(shown_in);
        eventually("frozen", || fs::read_to_string(&shown_in).unwrap().contains(shown));
    }

    pub fn thaw(&self) {
        let word = match self.version {
            Version::V1 => "THAWED",
            Version::V2 => "0",
        };
        // It may be thawed already.
        let _ = fs::write(self.switch(), word);
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        self.thaw();
        // Corpses leave it with their reaping.
        let begun = boot();
        while fs::remove_dir(&self.path).is_err() && since(begun) < TTL {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}
