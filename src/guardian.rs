//! Who stands between the kernel and the work, so that a fence falls also while nobody of ours runs.
//!
//! ```text
//! guardian   never has threads; the entry point; forwards signals, reaps, and kills what is left when the elector ends
//! │          or has not lowered the fence in time
//! └ elector  campaigns, starts and stops the work; at the fence a timer of its own kills it
//!   └ work   a group of its own, killed by the kernel when the elector dies; or, where a PID namespace can be made:
//!   └ keeper └ init (PID 1 of it) └ work     all of which the kernel kills when the elector dies
//! ```
//!
//! The kernel drops a timer's SIGKILL for PID 1 of a PID namespace, which an entry point of a container is; hence two
//! processes. A process is forked by executing this program again under a hidden name ([`Role`]), because forking
//! without executing cannot be done in safe Rust; ADR 0008 has the alternatives.

mod deadline;
mod relay;
mod role;
mod stage;

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;

use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getppid};
use rustix::io::{FdFlags, fcntl_setfd};

use self::deadline::Deadline;
use self::relay::Relay;
use crate::processes::{self, Ended};

pub use deadline::Teller;
pub use role::{Guarded, Role, Shelter, Task, work_command};

/// Exit codes of a wrapper that could not do its part, as env(1), nohup(1) and container engines have them.
pub mod code {
    /// The wrapper itself failed.
    pub const WRAPPER: u8 = 125;
    /// The command is there and cannot be run.
    pub const NOT_EXECUTABLE: u8 = 126;
    /// There is no such command.
    pub const NOT_FOUND: u8 = 127;
}

/// Runs the same command line again as the elector, stands guard, and answers how the elector ended, once nothing of
/// what it had started is left. Must be called before there is a second thread.
///
/// # Errors
///
/// The system gives no process.
pub fn guard() -> io::Result<Ended> {
    name_this(c"quorate-guard");
    processes::adopt_orphans()?;
    processes::hear_of_children()?;
    let relay = Relay::begin()?;
    let (mut deadline, pipe) = Deadline::new()?;
    let mut elector = role::elector_command(pipe.as_raw_fd());
    fcntl_setfd(&pipe, FdFlags::empty())?;
    // Out of the terminal's group: Ctrl-C reaches the guardian, and through it the elector once.
    let elector = elector.process_group(0).spawn()?;
    drop(pipe);
    // Who is guarded hurries by itself, with those threads alone that need to.
    let _ = processes::hurry();
    let ended = relay.until_ended(pid_of(&elector), Some(&mut deadline));
    relay.end_all();
    Ok(ended)
}

/// The beginning of an elector: ends in an orderly way should its guardian be killed. Answers with how to tell that
/// where the fence is. Must be called before there is a second thread.
///
/// # Errors
///
/// The guardian is gone already.
pub fn begin_elector(guarded: Guarded) -> io::Result<Teller> {
    name_this(c"quorate");
    prctl::set_pdeathsig(Signal::SIGTERM)?;
    if getppid() != guarded.by {
        return Err(io::Error::other("the guardian is gone"));
    }
    processes::adopt_orphans()?;
    // As the guardian had them: before there is a handler they would end an elector that may only stand by. And no
    // terminal (`stty tostop`) may stop an elector that logs to it from the background.
    ENDS.into_iter().chain([Signal::SIGTTOU]).collect::<SigSet>().thread_set_mask()?;
    Ok(Teller::inherit(guarded.pipe))
}

/// What ends an elector in an orderly way, once it has its handlers.
const ENDS: [Signal; 2] = [Signal::SIGTERM, Signal::SIGINT];

/// The handlers for what ends this process are in place. For the thread that has begun it, before there are threads
/// that start processes.
///
/// # Errors
///
/// None on Linux.
pub fn hear_ends() -> io::Result<()> {
    Ok(ENDS.into_iter().collect::<SigSet>().thread_unblock()?)
}

/// What `ps` shows.
fn name_this(name: &std::ffi::CStr) {
    // Only for people.
    let _ = prctl::set_name(name);
}

fn pid_of(child: &std::process::Child) -> Pid {
    // The kernel's numbers are positive and below 2^22.
    Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX))
}
