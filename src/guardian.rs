//! Who stands between the kernel and the work, so that a fence falls also while nobody of ours runs.
//!
//! ```text
//! guardian   never has threads; the entry point; forwards signals, reaps, and kills what is left when the elector ends
//! └ elector  campaigns, starts and stops the work; at the fence a timer of its own kills it
//!   └ work   a group of its own, killed by the kernel when the elector dies; or, where a PID namespace can be made:
//!   └ keeper └ init (PID 1 of it) └ work     all of which the kernel kills when the elector dies
//! ```
//!
//! The kernel drops a timer's SIGKILL for PID 1 of a PID namespace, which an entry point of a container is; hence two
//! processes. A process is forked by executing this program again under a hidden name ([`Role`]), because forking
//! without executing cannot be done in safe Rust; ADR 0008 has the alternatives.

mod relay;
mod role;
mod stage;

use std::io;
use std::os::unix::process::CommandExt;

use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getppid};

use self::relay::Relay;
use crate::processes::{self, Ended};

pub use role::{Role, Shelter, Task, work_command};

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
    let relay = Relay::begin()?;
    let mut elector = role::elector_command();
    // Out of the terminal's group: Ctrl-C reaches the guardian, and through it the elector once.
    let elector = elector.process_group(0).spawn()?;
    // Who is guarded hurries by itself, with those threads alone that need to.
    let _ = processes::hurry();
    let ended = relay.until_ended(pid_of(&elector));
    relay.end_all();
    Ok(ended)
}

/// The beginning of an elector: ends in an orderly way should its guardian be killed. Must be called before there is
/// a second thread.
///
/// # Errors
///
/// The guardian is gone already.
pub fn begin_elector(guardian: Pid) -> io::Result<()> {
    name_this(c"quorate");
    prctl::set_pdeathsig(Signal::SIGTERM)?;
    if getppid() != guardian {
        return Err(io::Error::other("the guardian is gone"));
    }
    processes::adopt_orphans()?;
    Ok(SigSet::empty().thread_set_mask()?)
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
