//! What stands before the work: makes sure that the kernel kills it with whoever started it, then becomes it.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, getppid};

use super::relay::Relay;
use super::role::{Shelter, Task, init_command, work_command};
use super::{code, name_this, pid_of};
use crate::processes;

/// A hidden role of this program.
#[derive(Debug, PartialEq, Eq)]
pub enum Stage {
    /// Becomes the command, or the keeper of a namespace for it.
    Work {
        /// Whose death is to be the command's.
        parent: Pid,
        /// What keeps the command's descendants together.
        shelter: Shelter,
        /// The command.
        task: Task,
    },
    /// PID 1 of a namespace for the command.
    Init {
        /// Whose death is this one's, as `/proc` numbers it.
        keeper: Pid,
        /// The command.
        task: Task,
    },
}

impl Stage {
    /// Plays the role to its end. Answers with the exit code; a command that could be run does not come back.
    #[must_use]
    pub fn play(&self) -> u8 {
        let played = match self {
            Self::Work { parent, shelter: Shelter::Group, task } => become_command(*parent, task),
            Self::Work { parent, shelter: Shelter::Namespace, task } => keep(*parent, task),
            Self::Init { keeper, task } => begin_namespace(*keeper, task),
        };
        played.unwrap_or_else(|error| {
            complain(&error.to_string());
            code::WRAPPER
        })
    }
}

/// The kernel kills this process when the thread that started it ends; it may have ended already.
fn die_with(parent: Pid, present: impl FnOnce() -> io::Result<Pid>) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if present()? == parent { Ok(()) } else { Err(io::Error::other("whoever started this is gone")) }
}

fn become_command(parent: Pid, task: &Task) -> io::Result<u8> {
    die_with(parent, || Ok(getppid()))?;
    SigSet::empty().thread_set_mask()?;
    processes::take_time(task.nice);
    let Some((program, arguments)) = task.command.split_first() else { return Ok(code::NOT_FOUND) };
    let error = Command::new(program).args(arguments).exec();
    complain(&format!("cannot run {}: {error}", program.display()));
    Ok(if error.kind() == io::ErrorKind::NotFound { code::NOT_FOUND } else { code::NOT_EXECUTABLE })
}

/// The parent of PID 1. It stays outside, so that the kernel lets its death kill PID 1.
fn keep(parent: Pid, task: &Task) -> io::Result<u8> {
    name_this(c"quorate-keeper");
    die_with(parent, || Ok(getppid()))?;
    let relay = Relay::begin()?;
    let own = processes::own_in_proc()?;
    unshare(CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS)?;
    // The new /proc is to be seen in there alone; every other mount stays shared with the host as it was.
    mount(None::<&str>, "/proc", None::<&str>, MsFlags::MS_PRIVATE, None::<&str>)?;
    let init = init_command(own, task).spawn()?;
    Ok(relay.until_ended(pid_of(&init), None).code)
}

/// PID 1. When the command has ended, what it left behind is asked to stop as well; whoever stays longer than it may
/// is killed by the kernel with this process.
fn begin_namespace(keeper: Pid, task: &Task) -> io::Result<u8> {
    name_this(c"quorate-init");
    // The own namespace cannot see its parent, but the /proc of the keeper still can.
    die_with(keeper, || processes::parent_in_proc().map(Pid::from_raw))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)?;
    let relay = Relay::begin()?;
    // A stage of its own, because the command must not inherit the mask, and this process must not lift it.
    let command = work_command(Shelter::Group, task).process_group(0).spawn()?;
    let ended = relay.until_ended(pid_of(&command), None);
    for signal in [task.stop_signal, Signal::SIGCONT] {
        // Fails where nobody is left.
        let _ = kill(Pid::from_raw(-1), signal);
    }
    relay.until_none_left(task.stop_grace);
    Ok(ended.code)
}

fn complain(sentence: &str) {
    // At once, so that no other process writes in between. Whoever does not read it still sees the exit code.
    let _ = io::stderr().write_all(format!("quorate: {sentence}\n").as_bytes());
}
