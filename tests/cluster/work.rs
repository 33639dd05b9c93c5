//! Work that follows leadership in real pods: `quorate exec` as the entry point while the node strikes at it, and a worker
//! beside a native sidecar. The sink keeps every act in the order of arrival.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::kubernetes::{PATIENT, Space, eventually, name};
use super::ours::Ours;
use crate::common::candidate::{boot, since};

/// Where the freezer of control groups of version 1 is mounted.
const FREEZER_V1: &str = "/sys/fs/cgroup/freezer";

/// One line of the sink.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    term: u64,
    pub pod: String,
    what: String,
}

/// Voters and a sink.
pub fn with_voters(test: &str) -> Space {
    let space = Space::new(test);
    space.apply(include_str!("voters.yaml"));
    space.said(&["rollout", "status", "statefulset/voter", "--timeout=60s"]);
    space
}

/// Voters, a sink, and pods of a kind that work.
pub struct Team {
    pub space: Space,
}

impl Team {
    fn new(test: &str, workers: &str) -> Self {
        Self::of(test, |space| space.apply(workers))
    }

    pub fn of(test: &str, workers: impl FnOnce(&Space)) -> Self {
        let team = Self { space: with_voters(test) };
        workers(&team.space);
        eventually("somebody acts", PATIENT, || team.last().is_some());
        team
    }

    fn acts(&self) -> Vec<Act> {
        let said = self
            .space
            .kubectl(&["exec", "sink", "--", "redis-cli", "lrange", "acts", "0", "-1"])
            .output()
            .unwrap();
        let parsed = |line: &str| {
            let mut words = line.split(' ');
            let term = words.next()?.parse().ok()?;
            Some(Act { term, pod: words.next()?.to_owned(), what: words.next()?.to_owned() })
        };
        String::from_utf8(said.stdout).unwrap().lines().filter_map(parsed).collect()
    }

    pub fn last(&self) -> Option<Act> {
        self.acts().pop()
    }

    /// Waits for an act of a later term than this, and tells how long it took.
    fn succeeded(&self, former: &Act, struck: Duration) -> Duration {
        eventually("the next one acts", PATIENT, || self.last().is_some_and(|act| act.term > former.term));
        since(struck)
    }

    /// What was done in an older term after the first act of a newer one.
    pub fn late(&self) -> Vec<Act> {
        let mut newest = 0;
        let acts = self.acts().into_iter();
        acts.filter(|act| {
            newest = newest.max(act.term);
            act.term < newest
        })
        .collect()
    }
}

/// The container of a pod on one of our nodes, as the host sees it.
struct Container {
    name: String,
}

impl Container {
    fn of(space: &Space, pod: &str) -> Self {
        let pod = space.get(&["pod", pod]);
        let id = pod["status"]["containerStatuses"][0]["containerID"].as_str().unwrap();
        Self { name: id.rsplit('/').next().unwrap().to_owned() }
    }

    /// Its cgroup below the folder of a hierarchy.
    fn cgroup(&self, hierarchy: &Path) -> Option<PathBuf> {
        let mut folders = vec![hierarchy.to_owned()];
        while let Some(folder) = folders.pop() {
            if folder.ends_with(&self.name) {
                return Some(folder);
            }
            let inner = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
            folders.extend(inner.map(|entry| entry.path()).filter(|path| path.is_dir()));
        }
        None
    }

    fn freezer(&self) -> (PathBuf, [&'static str; 2]) {
        let (v1, v2) = (Path::new(FREEZER_V1), Path::new("/sys/fs/cgroup"));
        if v1.is_dir() {
            (self.cgroup(v1).unwrap().join("freezer.state"), ["THAWED", "FROZEN"])
        } else {
            (self.cgroup(v2).unwrap().join("cgroup.freeze"), ["0", "1"])
        }
    }

    fn processes(&self) -> Vec<Pid> {
        let (state, _) = self.freezer();
        let listed = fs::read_to_string(state.with_file_name("cgroup.procs")).unwrap();
        // 0 stands for whoever cannot be seen from here, and for `kill` it would be ourselves.
        let seen = listed.lines().map(|line| line.parse().unwrap()).filter(|&pid| pid > 0);
        seen.map(Pid::from_raw).collect()
    }

    /// To every process in it.
    fn signal(&self, signal: Signal) {
        for pid in self.processes() {
            // Some end with others before it is their turn.
            let _ = kill(pid, signal);
        }
    }

    /// The process that campaigns: the guardian above it and the work below have other names.
    fn elector(&self) -> Pid {
        let is_it = |pid: &Pid| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "quorate")
        };
        self.processes().into_iter().find(is_it).unwrap()
    }
}

/// What the node does to the container of the one that acts.
#[derive(Debug, Clone, Copy)]
enum Strike {
    KillAll,
    KillElector,
    StopElector,
    StopAll,
    Freeze,
    FillMemory,
}

impl Strike {
    fn befalls(self, team: &Team, pod: &str) -> Container {
        let container = Container::of(&team.space, pod);
        match self {
            Self::KillAll => container.signal(Signal::SIGKILL),
            Self::KillElector => kill(container.elector(), Signal::SIGKILL).unwrap(),
            Self::StopElector => kill(container.elector(), Signal::SIGSTOP).unwrap(),
            Self::StopAll => container.signal(Signal::SIGSTOP),
            Self::Freeze => {
                let (state, [_, frozen]) = container.freezer();
                fs::write(state, frozen).unwrap();
            }
            Self::FillMemory => {
                // Who fills it is killed with the rest, and says so.
                let fill = ["exec", pod, "--container=work", "--", "sh", "-c", "cat /dev/zero >/memory/all"];
                drop(team.space.kubectl(&fill).output().unwrap());
            }
        }
        container
    }

    fn is_over(self, container: &Container) {
        match self {
            Self::Freeze => {
                let (state, [thawed, _]) = container.freezer();
                fs::write(state, thawed).unwrap();
            }
            Self::StopAll => container.signal(Signal::SIGCONT),
            Self::KillAll | Self::KillElector | Self::StopElector | Self::FillMemory => {}
        }
    }
}

fn nothing_acts_late(strike: Strike) {
    if Ours::or_not_tested("what a node does to a container").is_none() {
        return;
    }
    let team = Team::new("exec", include_str!("exec.yaml"));
    let former = team.last().unwrap();
    let struck = boot();
    let container = strike.befalls(&team, &former.pod);
    let took = team.succeeded(&former, struck);
    strike.is_over(&container);
    // The old one would act now, if it could.
    std::thread::sleep(Duration::from_secs(3));
    println!("measured: {strike:?}: the next one was seen to act after {took:.1?}");
    // A freezer of version 1 lets all go at once: what was about to be sent may be, before its sender is killed
    // (docs/gating.md). A resource that compares terms refuses it.
    let at_the_thaw = matches!(strike, Strike::Freeze) && Path::new(FREEZER_V1).is_dir();
    let late = team.late();
    assert!(late.len() <= usize::from(at_the_thaw), "{strike:?}: {late:?}");
}

#[test]
fn exec_whose_container_is_killed_from_the_node_acts_no_more() {
    nothing_acts_late(Strike::KillAll);
}

#[test]
fn exec_whose_elector_is_killed_or_stopped_acts_no_more() {
    nothing_acts_late(Strike::KillElector);
    nothing_acts_late(Strike::StopElector);
}

#[test]
fn exec_whose_container_is_frozen_or_stopped_past_its_ttl_acts_no_more() {
    nothing_acts_late(Strike::Freeze);
    nothing_acts_late(Strike::StopAll);
}

#[test]
fn exec_whose_container_runs_out_of_memory_acts_no_more() {
    nothing_acts_late(Strike::FillMemory);
}

#[test]
fn beside_a_native_sidecar_the_worker_stops_before_the_lease_is_released() {
    let team = Team::new("sidecar", include_str!("sidecar.yaml"));
    team.space.said(&["rollout", "status", "deployment/work", "--timeout=60s"]);
    let former = team.last().unwrap();
    let asked = boot();
    team.space.said(&["delete", "pod", &former.pod, "--wait=false"]);
    let took = team.succeeded(&former, asked);
    let acts = team.acts();
    let last_of_former = acts.iter().rev().find(|act| act.term == former.term).unwrap();
    assert_eq!(last_of_former.what, "stopped", "it drained, and its candidate still led");
    assert_eq!(team.late(), []);
    println!(
        "measured: the pod of a worker that drains for a second deleted: the next one was seen to act after {took:.1?}"
    );
    // Handed over: nobody had to wait for a lease to lapse.
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert!(team.space.pods("app=work").iter().all(|pod| name(pod) != former.pod));
}
