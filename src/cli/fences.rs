//! The split into guardian and elector, and what it protects from where this process runs.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::Exit;
use crate::config::{Config, HardFence};
use crate::gate::fence;
use crate::guardian::{self, Guarded, Shelter, Task, Teller, work_command};
use crate::{files, processes, telemetry};

/// As what this process carries out its command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// As a person started it.
    Alone,
    /// As the child of a guardian.
    Guarded(Guarded),
}

/// `CAP_SYS_ADMIN`, without which no namespace is made: one of an ordinary user would change who the work is.
const MAKES_NAMESPACES: u64 = 1 << 21;

impl Standing {
    pub(super) fn is_alone(self) -> bool {
        self == Self::Alone
    }

    /// Answers with how to tell the guardian. Must be called before there is a second thread.
    pub(super) fn begin(self) -> anyhow::Result<Teller> {
        match self {
            Self::Alone => Ok(Teller::default()),
            Self::Guarded(guarded) => guardian::begin_elector(guarded).context("cannot stand guarded"),
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
    if let Some(path) = &config.status_file {
        take_back(path, config);
    }
    Ok(Exit::NotElected)
}

/// What a killed elector cannot remove: a file that says "leader" for ever. Another one's stays.
fn take_back(path: &Path, config: &Config) {
    let document: Value =
        files::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    if document["election"] != config.election.as_str() || document["identity"] != config.identity.as_str() {
        return;
    }
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(file = %path.display(), %error, "the status file cannot be removed");
    }
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

/// Whether parts of `/proc` are covered by other mounts, as container engines do. A new `/proc` would show them.
pub(super) fn is_proc_masked() -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounts.lines().any(covers_proc)
}

/// Other file systems that have their place in there hide nothing.
const AT_HOME_IN_PROC: [&str; 3] = ["autofs", "binfmt_misc", "nfsd"];

fn covers_proc(mount: &str) -> bool {
    let Some((place, source)) = mount.split_once(" - ") else { return false };
    let is_below = place.split(' ').nth(4).is_some_and(|point| point.starts_with("/proc/"));
    is_below && source.split(' ').next().is_none_or(|kind| !AT_HOME_IN_PROC.contains(&kind))
}

/// Says which of the protections of docs/gating.md hold here.
pub(super) fn tell(election: &str, kind: HardFence, shelter: Shelter, teller: &Teller) {
    let has_proc = processes::descendants().is_ok();
    let freezer = freezer();
    let elector_frozen = match (kind, freezer, teller.is_heard()) {
        (HardFence::Exit | HardFence::None, ..) => "not killed: hardFence is not kill",
        (HardFence::Kill, "v2", _) | (HardFence::Kill, _, true) => "killed in time",
        (HardFence::Kill, _, false) => "killed at the thaw: without /proc our guardian cannot be told when",
    };
    let all_frozen = match (kind, freezer) {
        (HardFence::Kill, "v1" | "unknown") => "killed at the thaw",
        _ => stopped(kind, shelter),
    };
    tracing::info!(
        election,
        hard_fence = kind.name(),
        pid_namespace = shelter == Shelter::Namespace,
        finds_descendants = has_proc,
        freezer,
        if_our_elector_is_frozen = elector_frozen,
        if_all_of_us_is_frozen = all_frozen,
        if_all_of_us_is_stopped = stopped(kind, shelter),
        if_all_of_us_is_killed = killed(shelter),
        "protections"
    );
    if !has_proc {
        tracing::warn!(
            election,
            "without /proc only the command and its process group can be killed: mount it"
        );
    }
}

fn stopped(kind: HardFence, shelter: Shelter) -> &'static str {
    match (kind, shelter) {
        (HardFence::Kill, Shelter::Namespace) => "killed in time with everything it has started",
        (HardFence::Kill, Shelter::Group) => {
            "killed in time; what it has started itself dies when our guardian runs again"
        }
        (HardFence::Exit | HardFence::None, _) => "not killed: hardFence is not kill",
    }
}

fn killed(shelter: Shelter) -> &'static str {
    match shelter {
        Shelter::Namespace => "killed at once with everything it has started",
        Shelter::Group => "killed at once; what it has started itself lives on",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_covers_a_part_of_proc_is_told_from_what_belongs_there() {
        for (mount, covers) in [
            ("24 30 0:22 / /proc rw,nosuid shared:12 - proc proc rw", false),
            ("35 24 0:33 / /proc/sys/fs/binfmt_misc rw shared:16 - autofs systemd-1 rw,fd=29", false),
            ("36 35 0:40 / /proc/sys/fs/binfmt_misc rw shared:17 - binfmt_misc binfmt_misc rw", false),
            ("601 590 0:58 /sys /proc/sys ro,nosuid - proc proc rw", true),
            ("606 590 0:63 / /proc/acpi ro,relatime - tmpfs tmpfs ro", true),
            ("30 1 0:5 / /processes rw - ext4 /dev/vda rw", false),
        ] {
            assert_eq!(covers_proc(mount), covers, "{mount}");
        }
    }
}
