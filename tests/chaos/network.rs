//! Hosts of a network of our own: each a network namespace, on a bridge in the namespace of this process.
//!
//! Every host has two addresses. Faults strike the first, over which candidates and voters speak; over the second the
//! observer asks whatever happens. A way is cut by a wrong neighbour address: packets leave and never arrive, as with a
//! packet filter that drops, and only in that direction. Everything is gone with the processes that hold the
//! namespaces, however this one ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sched::{CloneFlags, setns};

const NOBODY: &str = "02:00:00:00:00:01";

/// One host.
pub struct Host {
    holder: Child,
    number: usize,
}

impl Host {
    /// The host with this number, from 1 to 200.
    pub fn new(number: usize) -> Self {
        let holder = Command::new("unshare")
            .args(["--net", "setpriv", "--pdeathsig", "KILL", "sleep", "infinity"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let host = Self { holder, number };
        host.wait_until_apart();
        for (bridge, link, net) in [("data", "eth0", 77), ("watch", "eth1", 78)] {
            let (ours, pid) = (format!("{bridge}{number}"), host.holder.id().to_string());
            run(&["ip", "link", "add", "name", &ours, "type", "veth", "peer", "name", link, "netns", &pid]);
            run(&["ip", "link", "set", &ours, "master", bridge, "up"]);
            host.run(&["ip", "addr", "add", &format!("10.{net}.0.{number}/24"), "dev", link]);
            host.run(&["ip", "link", "set", link, "up"]);
        }
        host.run(&["ip", "link", "set", "lo", "up"]);
        host
    }

    /// Until then it is still in our namespace.
    fn wait_until_apart(&self) {
        let namespace = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net")).unwrap();
        let (ours, theirs) = (namespace("self"), self.holder.id().to_string());
        crate::common::candidate::eventually("a namespace of its own", || namespace(&theirs) != ours);
    }

    /// Over which candidates and voters speak.
    pub fn address(&self) -> String {
        format!("10.77.0.{}", self.number)
    }

    /// Over which the observer asks.
    pub fn watched_address(&self) -> String {
        format!("10.78.0.{}", self.number)
    }

    /// What makes a program run here: a program and its arguments.
    pub fn entrance(&self) -> (&'static str, [String; 2]) {
        ("nsenter", [format!("--net=/proc/{}/ns/net", self.holder.id()), "--".to_owned()])
    }

    /// A program that runs another one here.
    pub fn program(&self, directory: &Path, program: &Path) -> PathBuf {
        let (enter, [namespace, end]) = self.entrance();
        let path = directory.join(format!("on-host-{}", self.number));
        let script = format!("#!/bin/sh\nexec {enter} {namespace} {end} '{}' \"$@\"\n", program.display());
        crate::common::wall_clock::write_program(&path, &script);
        path
    }

    /// Nothing that it sends to the other one arrives.
    pub fn cut(&self, other: &Self) {
        self.misdirect("replace", other);
    }

    /// It arrives again.
    pub fn mend(&self, other: &Self) {
        self.misdirect("del", other);
    }

    /// Sets or removes the wrong neighbour address of the other one.
    fn misdirect(&self, verb: &str, other: &Self) {
        let (address, wrong) = (other.address(), ["lladdr", NOBODY, "dev", "eth0", "nud", "permanent"]);
        self.run(&[&["ip", "neigh", verb, &address], &wrong[..]].concat());
    }

    /// Does something here, on a thread of its own; what it opens and starts stays here.
    pub fn on_thread<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/proc/{}/ns/net", self.holder.id())).unwrap();
        let enter_and_work = || {
            setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        };
        std::thread::scope(|scope| scope.spawn(enter_and_work).join().unwrap())
    }

    fn run(&self, words: &[&str]) {
        let (enter, [namespace, end]) = self.entrance();
        run(&[&[enter, &namespace, &end], words].concat());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.holder.kill().unwrap();
        self.holder.wait().unwrap();
    }
}

/// The two bridges, in the namespace of this process, which must be one of its own.
pub fn build_bridges() {
    for (bridge, net) in [("data", 77), ("watch", 78)] {
        run(&["ip", "link", "add", "name", bridge, "type", "bridge"]);
        run(&["ip", "addr", "add", &format!("10.{net}.0.254/24"), "dev", bridge]);
        run(&["ip", "link", "set", bridge, "up"]);
    }
    run(&["ip", "link", "set", "lo", "up"]);
}

fn run(words: &[&str]) {
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}
