//! The split into guardian and elector, and what it protects from where this process runs.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::Exit;
use crate::config::{Config, HardFence};
use crate::gate::fence;
use crate::guardian::{self, Shelter, Task, work_command};
use crate::{processes, telemetry};

/// As what this process carries out its command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// As a person started it.
    Alone,
    /// As the child of this guardian.
    Guarded(Pid),
}

/// `CAP_SYS_ADMIN`, without which no namespace is made: one of an ordinary user would change who the work is.
const MAKES_NAMESPACES: u64 = 1 << 21;

impl Standing {
    pub(super) fn is_alone(self) -> bool {
        self == Self::Alone
    }

    /// Must be called before there is a second thread.
    pub(super) fn begin(self) -> anyhow::Result<()> {
        match self {
            Self::Alone => Ok(()),
            Self::Guarded(guardian) => guardian::begin_elector(guardian).context("cannot stand guarded"),
        }
    }
}

/// Carries out the same command line in a child, and ends as it does, with nothing left of it.
pub(super) fn guard(config: &Config) -> anyhow::Result<Exit> {
    telemetry::begin_without_threads(config.log)?;
    let ended = guardian::guard().context("no process for the elector")?;
    if ended.signal != Some(Signal::SIGKILL) {
        return Ok(Exit::Command(ended.code));
    }
    tracing::error!(
        election = config.election,
        "the elector was killed, by its fence or by somebody else: everything \
        that it had started has been ended, and its lease lapses"
    );
    Ok(Exit::NotElected)
}

pub(super) fn kind(configured: HardFence) -> fence::HardFence {
    match configured {
        HardFence::None => fence::HardFence::None,
        HardFence::Exit => fence::HardFence::Exit,
        HardFence::Kill => fence::HardFence::Kill,
    }
}

/// Whether a PID namespace can be made here, found out by making one. For the thread that will start the work, or
/// before there is another.
pub(super) fn can_make_namespace() -> bool {
    if processes::own_mask("CapEff") & MAKES_NAMESPACES == 0 {
        return false;
    }
    let task = Task {
        stop_signal: Signal::SIGTERM,
        stop_grace: Duration::ZERO,
        nice: 0,
        command: vec!["/proc/self/exe".into(), "version".into()],
    };
    let mut probe = work_command(Shelter::Namespace, &task);
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// Says which of the protections of docs/gating.md hold here.
pub(super) fn tell(election: &str, kind: HardFence, shelter: Shelter) {
    let has_proc = processes::descendants().is_ok();
    let freezer = freezer();
    let stopped = match (kind, shelter) {
        (HardFence::Kill, Shelter::Namespace) => "killed in time with everything it has started",
        (HardFence::Kill, Shelter::Group) => {
            "killed in time; what it has started itself dies when our guardian runs again"
        }
        (HardFence::Exit | HardFence::None, _) => "not killed: hardFence is not kill",
    };
    tracing::info!(
        election,
        hard_fence = kind.name(),
        pid_namespace = shelter == Shelter::Namespace,
        finds_descendants = has_proc,
        freezer,
        if_all_of_us_is_stopped = stopped,
        "protections"
    );
    if !has_proc {
        tracing::warn!(
            election,
            "without /proc only the command and its process group can be killed: mount it"
        );
    }
}

/// Which freezer may hold this process: where it is of version 1, what is frozen dies at the thaw only.
fn freezer() -> &'static str {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let has_v1 = groups.lines().any(|line| line.split(':').nth(1).is_some_and(|names| names == "freezer"));
    match (groups.is_empty(), has_v1) {
        (true, _) => "unknown",
        (false, true) => "v1",
        (false, false) => "v2",
    }
}
