//! Waits for a child, hands signals on to it, and reaps whoever else ends.
//!
//! Signals are blocked and read from a descriptor, so that none is lost, also for PID 1 of a namespace, for which the
//! kernel drops what is neither blocked nor handled. Children inherit the mask: each role clears it first.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::unistd::Pid;

use crate::processes::{self, Ended, Reaped};

/// Nobody hands these on: faults belong to who made them, a stop would leave the other unguarded, the rest says
/// nothing to the work.
const NOT_HEARD: [Signal; 9] = [
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGTRAP,
    Signal::SIGABRT,
    Signal::SIGSYS,
    Signal::SIGKILL,
    Signal::SIGSTOP,
];
const NOT_HANDED_ON: [Signal; 6] =
    [Signal::SIGCHLD, Signal::SIGPIPE, Signal::SIGURG, Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU];
/// Between two looks for descendants to kill: one that forks while being looked for is found by the next.
const SWEEP_PAUSE_MS: u16 = 5;

pub(super) struct Relay(SignalFd);

impl Relay {
    /// From now on signals wait to be handed on. What was ignored before (`nohup`) stays so.
    ///
    /// # Errors
    ///
    /// The system has no descriptor left.
    pub(super) fn begin() -> io::Result<Self> {
        let mut heard = SigSet::all();
        let deaf = Signal::iterator().filter(|&signal| processes::is_ignored(signal)).chain(NOT_HEARD);
        deaf.for_each(|signal| heard.remove(signal));
        heard.add(Signal::SIGCHLD);
        heard.thread_set_mask()?;
        Ok(Self(SignalFd::new(&heard)?))
    }

    /// Hands signals on to the child until it has ended.
    pub(super) fn until_ended(&self, child: Pid) -> Ended {
        loop {
            match processes::reap() {
                Reaped::One(pid, ended) if pid == child => return ended,
                Reaped::Unnamed(ended) if kill(child, None).is_err() => return ended,
                Reaped::One(..) | Reaped::Unnamed(_) => {}
                // It cannot be: the child is reaped nowhere else.
                Reaped::NoneLeft => return Ended::unknown(),
                Reaped::StillThere => {
                    let heard = self.next(PollTimeout::NONE).filter(|signal| !NOT_HANDED_ON.contains(signal));
                    if let Some(signal) = heard {
                        // The child may be ending.
                        let _ = kill(child, signal);
                    }
                }
            }
        }
    }

    /// Waits until no child is left, but no longer than the limit, and hurries nobody.
    #[expect(clippy::disallowed_methods, reason = "no validity rests on it")]
    pub(super) fn until_none_left(&self, limit: Duration) {
        let begun = Instant::now();
        while processes::reap() != Reaped::NoneLeft && begun.elapsed() < limit {
            self.next(PollTimeout::from(SWEEP_PAUSE_MS));
        }
    }

    /// Kills every descendant and waits until none is left.
    pub(super) fn end_all(&self) {
        loop {
            match processes::reap() {
                Reaped::NoneLeft => return,
                Reaped::One(..) | Reaped::Unnamed(_) => {}
                Reaped::StillThere => {
                    if processes::signal_descendants(Signal::SIGKILL).is_err() {
                        kill_without_proc();
                    }
                    self.next(PollTimeout::from(SWEEP_PAUSE_MS));
                }
            }
        }
    }

    /// The next signal within the limit.
    fn next(&self, limit: PollTimeout) -> Option<Signal> {
        let mut ready = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        // An interruption is as good as a time-out: all look again.
        if poll(&mut ready, limit).ok()? == 0 {
            return None;
        }
        let heard = self.0.read_signal().ok().flatten()?;
        Signal::try_from(i32::try_from(heard.ssi_signo).ok()?).ok()
    }
}

/// Where nobody can be found one by one, PID 1 may still kill its whole namespace.
fn kill_without_proc() {
    if Pid::this() == Pid::from_raw(1) {
        // Fails where nobody is left.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    }
}
