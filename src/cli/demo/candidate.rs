//! A real candidate: this very program as `quorate run`, in a process of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, bail};
use nix::sys::signal::Signal;

use super::ask::Line;
use super::interrupt::Interrupt;
use super::times::{LOOK_INTERVAL, START_LIMIT, now};
use crate::local::Process;

/// A running candidate; killed with its value.
#[derive(Debug)]
pub(super) struct Candidate {
    process: Process,
    pub(super) address: SocketAddr,
}

impl Candidate {
    /// Starts it and waits until it listens. The port is the kernel's choice; the log tells it.
    ///
    /// # Errors
    ///
    /// The program cannot be run again, or ended at once; its last words are in the error.
    pub(super) fn start(
        name: &str,
        config: &Path,
        log: &Path,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        // One log for all lives of a candidate; this one's begins here.
        let begin = fs::metadata(log).map_or(0, |file| file.len());
        let told = File::options().create(true).append(true).open(log);
        let told = told.with_context(|| format!("cannot write {}", log.display()))?;
        let child = Command::new(program)
            .args(["run", "--identity", name, "--log-format", "plain", "--log-level", "info", "--config"])
            .arg(config)
            // Somebody's QUORATE_* would win over the file.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(told)
            // Ctrl-C is for the demo, which then ends everything.
            .process_group(0)
            .spawn()
            .context("cannot run this program again")?;
        let mut process = Process::new(child)?;
        let deadline = now() + START_LIMIT;
        loop {
            let has_ended = process.ended().is_some();
            if let Some(address) = listening_at(log, begin) {
                return Ok(Self { process, address });
            }
            if has_ended || interrupt.has_come() || now() > deadline {
                bail!("candidate {name} did not start: {}", tail(log, 5).join("\n"));
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    /// A quorum of voters has answered it.
    pub(super) fn is_ready(&self) -> bool {
        Line::new(self.address).get("/readyz").is_ok_and(|answer| answer.code == 200)
    }

    /// # Errors
    ///
    /// It has ended.
    pub(super) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(self.process.signal(signal)?)
    }

    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }
}

/// From `… INFO listening address=127.0.0.1:43415`.
fn listening_at(log: &Path, begin: u64) -> Option<SocketAddr> {
    let text = fs::read_to_string(log).ok()?;
    let (_, rest) = text.get(usize::try_from(begin).ok()?..)?.split_once(" listening address=")?;
    let (address, _) = rest.split_once('\n')?;
    address.parse().ok()
}

/// The last lines of a log.
pub(super) fn tail(log: &Path, count: usize) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(count)).map(|line| (*line).to_owned()).collect()
}

/// Where a candidate's log is.
pub(super) fn log_in(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.log"))
}
