//! A team of processes that descend from one `quorate exec`, seen from outside of it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::candidate::{Agent, Launch, Voters, children, eventually};

/// What keeps the descendants together.
pub const GROUP: [&str; 2] = ["--pid-namespace", "never"];
pub const NAMESPACE: [&str; 2] = ["--pid-namespace", "always"];

/// What can be had here of the two.
pub fn shelters() -> Vec<[&'static str; 2]> {
    static CAN_UNSHARE: LazyLock<bool> = LazyLock::new(|| {
        let made = Command::new("unshare").args(["--pid", "--mount", "--fork", "true"]).output();
        let can = made.is_ok_and(|output| output.status.success());
        if !can {
            not_tested("PID namespaces: run as root");
        }
        can
    });
    if *CAN_UNSHARE { vec![GROUP, NAMESPACE] } else { vec![GROUP] }
}

/// Says so where nobody captures it.
pub fn not_tested(what: &str) {
    std::io::stderr().write_all(format!("NOT TESTED HERE: {what}\n").as_bytes()).unwrap();
}

/// As much of both as fits in the ttl: a machine that is busy building kills late.
pub const GRACE: Duration = Duration::from_millis(500);
pub const MARGIN: Duration = Duration::from_millis(500);
/// Longer than the ttl.
pub const DRAIN: Duration = Duration::from_secs(4);

/// Finds the processes of one test, whatever they did to leave their parents.
const TAG: &str = "TEST_OF_QUORATE";

/// Real servers, and a directory that the work may write to.
pub struct Stage {
    pub voters: Voters,
    pub ttl: Duration,
    directory: TempDir,
}

impl Stage {
    pub fn new(ttl: Duration) -> Self {
        Self { voters: Voters::experienced(3, ttl), ttl, directory: tempfile::tempdir().unwrap() }
    }

    /// A file in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The same, for a command line.
    pub fn file(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// `quorate exec` of a line of shell, run in the directory.
    pub fn launch(&self, identity: &str, options: &[&str], line: &str) -> Launch {
        let line = format!("cd {} || exit 99; {line}", self.directory.path().display());
        let status = self.file(&format!("status.{identity}"));
        let options = [options, &["--status-file", &status]].concat();
        let tag = self.directory.path().file_name().unwrap().to_str().unwrap();
        Launch::exec(
            identity,
            self.voters.urls().into_iter().take(3),
            self.ttl,
            &options,
            &["sh", "-c", &line],
        )
        .environment(TAG, &format!("{tag}-{identity}"))
        .environment("QUORATE_TIMING_STOP_GRACE", &format!("{}ms", GRACE.as_millis()))
        .environment("QUORATE_TIMING_FENCE_MARGIN", &format!("{}ms", MARGIN.as_millis()))
        .environment("QUORATE_TIMING_DRAIN_TIMEOUT", &format!("{}ms", DRAIN.as_millis()))
    }

    pub fn exec(&self, identity: &str, options: &[&str], line: &str) -> Agent {
        self.launch(identity, options, line).start()
    }

    /// Every process that a candidate's work consists of, dead ones excepted.
    pub fn work(&self, identity: &str) -> Vec<Process> {
        let tag = self.directory.path().file_name().unwrap().to_str().unwrap();
        let tagged = format!("{TAG}={tag}-{identity}\0");
        let mut work = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
            let environment = String::from_utf8_lossy(&environment).into_owned() + "\0";
            let line = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            let is_ours = line.split('\0').next().is_some_and(|name| name.ends_with("quorate"));
            let process = Process { pid: Pid::from_raw(pid), line: line.replace('\0', " ") };
            if environment.contains(&tagged) && !is_ours && !process.is_dead() {
                work.push(process);
            }
        }
        work
    }

    /// When a member of the family last acted, by its own word.
    pub fn last_act(&self, name: &str) -> Duration {
        let bytes = fs::read(self.path(&format!("beat.{name}"))).unwrap();
        Duration::from_nanos(u64::from_le_bytes(bytes.try_into().unwrap()))
    }

    /// Until when a candidate leads, by its status file; nothing where it does not.
    pub fn until(&self, identity: &str) -> Option<Duration> {
        let status: Value = serde_json::from_str(&self.text(&format!("status.{identity}"))).ok()?;
        status["bootDeadlineNs"].as_u64().map(Duration::from_nanos)
    }

    /// Waits for a renewal to be written down, so that none comes for most of an interval: whoever is stopped now has
    /// told its last `until`.
    pub fn renewed(&self, identity: &str) {
        let before = self.until(identity);
        eventually("a renewal", || self.until(identity) > before);
    }

    /// Waits until the condition holds. Answers until when the candidate led meanwhile, by its last renewal.
    pub fn until_when(&self, identity: &str, what: &str, mut condition: impl FnMut() -> bool) -> Duration {
        let mut until = Duration::ZERO;
        eventually(what, || {
            until = until.max(self.until(identity).unwrap_or_default());
            condition()
        });
        assert!(until > Duration::ZERO, "it did not lead");
        until
    }

    /// Waits until nothing of the work is left; none of these members acted at or after `until`, which is answered.
    pub fn ended_in_time(&self, agent: &Agent, members: &[&str]) -> Duration {
        let identity = &agent.identity;
        let until = self.until_when(identity, "nothing is left", || self.work(identity).is_empty());
        for name in members {
            let last = self.last_act(name);
            measured(name, "the end of validity", last, until);
            let late = last.saturating_sub(until);
            assert!(
                late.is_zero(),
                "{name} acted {late:?} after {until:?}:
{}",
                agent.log()
            );
        }
        until
    }

    /// Waits until the work says that so many of it are there, by writing to a file.
    pub fn settled(&self, file: &str) {
        eventually(file, || self.path(file).exists());
    }
}

/// A line for docs/gating.md, seen with `--nocapture`: when somebody last acted, counted from an instant.
pub fn measured(name: &str, what: &str, last: Duration, instant: Duration) {
    let ms = (last.as_secs_f64() - instant.as_secs_f64()) * 1e3;
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    println!("measured: {test}: {name} last acted {ms:+.1} ms from {what}");
}

/// A process of the work.
#[derive(Clone, Debug)]
pub struct Process {
    pub pid: Pid,
    pub line: String,
}

impl Process {
    /// No more, or a corpse that waits for its parent.
    fn is_dead(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
    }
}

/// Who is in the family of `beater.py`.
pub const FAMILY: [&str; 4] = ["command", "child", "orphan", "apart"];

/// A line of shell that becomes `beater.py`.
pub fn beater(arguments: &str) -> String {
    format!("exec python3 {}/tests/exec/beater.py {arguments}", env!("CARGO_MANIFEST_DIR"))
}

/// The elector of a guardian.
pub fn elector(agent: &Agent) -> Pid {
    children(agent.pid())[0]
}

pub fn send(pid: Pid, signal: Signal) {
    kill(pid, signal).unwrap();
}
