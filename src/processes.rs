//! The processes that descend from this one: found, signalled, reaped.
//!
//! Promise: "none is left" is the kernel's own word (`ECHILD`), never a look at `/proc`. It holds because this process
//! is a *subreaper*: whoever descends from it and loses its parent becomes its child. `/proc` only serves to find
//! whom to signal; where it belongs to another PID namespace its numbers are translated (`NSpid`).
//!
//! What is out of reach: processes that others start on behalf of ours (a container engine, `at`, systemd).

use std::io;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{getpriority_process, setpriority_process};

/// What a shell calls the exit of a process that signal n ended: 128 + n.
const SIGNALLED: i32 = 128;
/// The nice value of whoever has to be in time: before ordinary processes, behind what keeps the host alive.
const HURRIED: i32 = -15;
/// Of a process that a signal without a name ended, one of real time.
const UNNAMED_SIGNAL: Ended = Ended { code: 255, signal: None };

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// As a shell shows it: its own, or 128 + the number of the signal.
    pub code: u8,
    /// The signal that ended it.
    pub signal: Option<Signal>,
}

impl Ended {
    fn by_itself(code: i32) -> Self {
        Self { code: u8::try_from(code).unwrap_or(u8::MAX), signal: None }
    }

    fn by_signal(signal: Signal) -> Self {
        Self { signal: Some(signal), ..Self::by_itself(SIGNALLED + signal as i32) }
    }

    /// Somebody else was told.
    pub(crate) fn unknown() -> Self {
        UNNAMED_SIGNAL
    }

    /// Ended by this signal, or by one process further down that was and whose end a wrapper passes on.
    #[must_use]
    pub fn is_from(self, signal: Signal) -> bool {
        self.code == Self::by_signal(signal).code
    }
}

/// One answer of [`reap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaped {
    /// This child ended and is no more.
    One(Pid, Ended),
    /// A child ended, by a signal that has no name; which child cannot be told.
    Unnamed(Ended),
    /// Children are left, and none of them has ended.
    StillThere,
    /// No child is left, and so no descendant.
    NoneLeft,
}

/// From now on, orphans among the descendants become children of this process.
///
/// # Errors
///
/// None on Linux since 3.4.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(prctl::set_child_subreaper(true)?)
}

/// Where whoever started this process had it ignore SIGCHLD, the kernel would keep no word of how children end. A
/// handler, which does nothing, is the one change of that which safe code can make; programs executed from here on
/// have the default again.
///
/// # Errors
///
/// The system has no descriptor left.
pub fn hear_of_children() -> io::Result<()> {
    if !is_ignored(Signal::SIGCHLD) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::child()).map(drop)
}

/// Takes note of one child that ended, whoever started it. Does not wait.
#[must_use]
pub fn reap() -> Reaped {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => return Reaped::One(pid, Ended::by_itself(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) => return Reaped::One(pid, Ended::by_signal(signal)),
            Ok(WaitStatus::StillAlive) => return Reaped::StillThere,
            Err(Errno::EINVAL) => return Reaped::Unnamed(UNNAMED_SIGNAL),
            Err(Errno::ECHILD) => return Reaped::NoneLeft,
            // Stops and the like, which nobody asked for; and interruptions.
            Ok(_) | Err(_) => {}
        }
    }
}

/// Whom a signal was meant for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signalled {
    /// All.
    pub found: usize,
    /// Those that became another user's, whom we may not signal.
    pub refused: usize,
}

/// Sends a signal to every descendant that `/proc` shows.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn signal_descendants(signal: Signal) -> io::Result<Signalled> {
    let found = descendants()?;
    let mut signalled = Signalled { found: found.len(), refused: 0 };
    for pid in found {
        // It may also have ended meanwhile: so will `reap` say.
        signalled.refused += usize::from(kill(pid, signal) == Err(Errno::EPERM));
    }
    Ok(signalled)
}

/// Every descendant of this process, numbered as this process sees them; zombies too, because the other threads of
/// one may still run.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn descendants() -> io::Result<Vec<Pid>> {
    let own = Row::of("self")?.ok_or(io::ErrorKind::NotFound)?;
    let depth = own.numbers.len();
    let found = match below(own.pid) {
        // Some kernels are built without lists of children.
        Err(error) if error.kind() == io::ErrorKind::NotFound => among_all(own.pid)?,
        found => found?,
    };
    let numbers = found.into_iter().filter_map(|pid| Row::of(&pid.to_string()).ok().flatten());
    Ok(numbers.filter_map(|row| row.numbers.get(depth - 1).copied().map(Pid::from_raw)).collect())
}

/// From list to list, so that it takes the same time however many strangers there are.
fn below(own: i32) -> io::Result<Vec<i32>> {
    let mut found = children_of(own)?;
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        // It may have ended meanwhile: its children are ours then, and found by the next look.
        found.extend(children_of(pid).unwrap_or_default());
        next += 1;
    }
    Ok(found)
}

fn children_of(pid: i32) -> io::Result<Vec<i32>> {
    let mut children = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let list = std::fs::read_to_string(task?.path().join("children"))?;
        children.extend(list.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    Ok(children)
}

fn among_all(own: i32) -> io::Result<Vec<i32>> {
    let mut rows = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(name) = name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) else {
            continue;
        };
        // Gone, or hidden from us: then none of ours.
        rows.extend(Row::of(name).ok().flatten());
    }
    let mut found = vec![own];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(rows.iter().filter(|row| row.parent == parent).map(|row| row.pid));
        next += 1;
    }
    Ok(found.split_off(1))
}

/// A process as `/proc` shows it. One that is being reaped at this moment has the number 0 there, which for `kill` is
/// the own process group: such a row is none.
struct Row {
    /// Its number, and its parent's, in the namespace of `/proc`.
    pid: i32,
    parent: i32,
    /// Its numbers, from the namespace of `/proc` to its own.
    numbers: Vec<i32>,
}

impl Row {
    fn of(name: &str) -> io::Result<Option<Self>> {
        Ok(Self::parse(&std::fs::read_to_string(format!("/proc/{name}/status"))?))
    }

    fn parse(status: &str) -> Option<Self> {
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = |text: &str| text.trim().parse::<i32>().ok();
        let of_process = |text: &str| number(text).filter(|&number| number > 0);
        Some(Self {
            pid: of_process(field("Pid")?)?,
            parent: number(field("PPid")?)?,
            numbers: field("NSpid")?.split_whitespace().map(of_process).collect::<Option<_>>()?,
        })
    }
}

/// The parent of this process, numbered as `/proc` does, which need not be the own namespace.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn parent_in_proc() -> io::Result<i32> {
    Row::of("self")?.map(|row| row.parent).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// This process, numbered as `/proc` does.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn own_in_proc() -> io::Result<i32> {
    Row::of("self")?.map(|row| row.pid).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Lets the calling thread run before most others, where the system allows it: who is late here lets two act. Answers
/// with the nice value that it had.
#[must_use]
pub fn hurry() -> i32 {
    let given = getpriority_process(None).unwrap_or(0);
    // An ordinary user may not, and a margin has to make up for it.
    let _ = setpriority_process(None, given.min(HURRIED));
    given
}

/// The opposite of [`hurry`], for what this process is about to become.
pub fn take_time(given: i32) {
    // To be less important is allowed to everybody.
    let _ = setpriority_process(None, given);
}

/// A mask of capabilities or signals of this process, such as `CapEff` or `SigIgn`; 0 where it cannot be read.
#[must_use]
pub fn own_mask(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Whoever started this process wants it to ignore this signal, as `nohup` does with SIGHUP.
#[must_use]
pub fn is_ignored(signal: Signal) -> bool {
    own_mask("SigIgn") & (1 << (signal as u32 - 1)) != 0
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
    use std::os::unix::process::CommandExt;

    use nix::sys::signal::killpg;

    use super::*;

    #[test]
    fn a_status_is_read_across_namespaces() {
        let row = Row::parse("Name:\tx\nPid:\t70\nPPid:\t7\nNSpid:\t70\t12\t1\n").unwrap();
        assert_eq!((row.pid, row.parent, row.numbers), (70, 7, vec![70, 12, 1]));
        assert!(Row::parse("Name:\tx\n").is_none());
    }

    /// `kill(0, …)` is for the whole group of whoever calls.
    #[test]
    fn a_process_that_is_being_reaped_is_nobody_to_signal() {
        assert!(Row::parse("State:\tX (dead)\nPid:\t70\nPPid:\t0\nNSpid:\t0\n").is_none());
        assert!(Row::parse("State:\tX (dead)\nPid:\t0\nPPid:\t0\nNSpid:\t70\n").is_none());
        assert!(Row::parse("Pid:\t70\nPPid:\t7\nNSpid:\t70\t0\n").is_none());
    }

    #[test]
    fn children_are_found_down_to_the_grandchildren_and_strangers_are_not() {
        let mut shell = std::process::Command::new("sh").args(["-c", "sleep 60 & wait"]).spawn().unwrap();
        let child = Pid::from_raw(i32::try_from(shell.id()).unwrap());
        let under = |pid: Pid| {
            let rows = descendants().unwrap().into_iter();
            rows.filter(|&found| {
                found != pid
                    && Row::of(&found.to_string())
                        .ok()
                        .flatten()
                        .is_some_and(|row| row.parent == pid.as_raw())
            })
            .collect::<Vec<_>>()
        };
        while under(child).is_empty() {
            std::thread::yield_now();
        }
        let found = descendants().unwrap();
        assert!(
            found.contains(&child) && !found.contains(&Pid::from_raw(1)) && !found.contains(&Pid::this())
        );
        for pid in under(child) {
            kill(pid, Signal::SIGKILL).unwrap();
        }
        shell.wait().unwrap();
    }

    /// A group of processes that start and reap others without end.
    struct Busy(std::process::Child);

    impl Busy {
        fn start() -> Self {
            let line = "while :; do (exec true) & (exec true) & wait; done";
            Self(std::process::Command::new("sh").args(["-c", line]).process_group(0).spawn().unwrap())
        }
    }

    impl Drop for Busy {
        fn drop(&mut self) {
            let _ = killpg(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGKILL);
            let _ = self.0.wait();
        }
    }

    #[test]
    fn however_many_are_being_reaped_only_processes_are_found() {
        let _busy = [Busy::start(), Busy::start()];
        for _ in 0..20_000 {
            assert!(descendants().unwrap().iter().all(|pid| pid.as_raw() > 0));
        }
    }

    #[test]
    fn an_end_by_a_signal_is_told_as_shells_do() {
        let ended = Ended::by_signal(Signal::SIGTERM);
        assert_eq!((ended.code, ended.signal), (143, Some(Signal::SIGTERM)));
        assert!(ended.is_from(Signal::SIGTERM) && !ended.is_from(Signal::SIGINT));
        assert!(Ended::by_itself(143).is_from(Signal::SIGTERM));
    }
}
