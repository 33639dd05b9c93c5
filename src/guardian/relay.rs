//! Waits for a child, hands signals on to it, and reaps whoever else ends.
//!
//! Signals are blocked and read from a descriptor, so that none is lost, also for PID 1 of a namespace, for which the
//! kernel drops what is neither blocked nor handled. Children inherit the mask: each role clears it first.

use std::cell::Cell;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

use super::deadline::Deadline;
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

/// After so many sweeps whoever is left cannot be killed, or not yet: frozen, in an uninterruptible wait, another user's.
const SWEEPS: u32 = 200;
/// Between two looks from then on.
const LATER_PAUSE_MS: u16 = 100;

pub(super) struct Relay {
    signals: SignalFd,
    sweeps: Cell<u32>,
    told_refused: Cell<bool>,
}

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
        // Not for the work to inherit.
        let signals = SignalFd::with_flags(&heard, SfdFlags::SFD_CLOEXEC)?;
        Ok(Self { signals, sweeps: Cell::default(), told_refused: Cell::default() })
    }

    /// Hands signals on to the child until it has ended. From the deadline on, kills every descendant meanwhile.
    pub(super) fn until_ended(&self, child: Pid, mut deadline: Option<&mut Deadline>) -> Ended {
        loop {
            let is_over = deadline.as_mut().is_some_and(|deadline| deadline.has_come());
            match processes::reap() {
                Reaped::One(pid, ended) if pid == child => return ended,
                Reaped::Unnamed(ended) if kill(child, None).is_err() => return ended,
                Reaped::One(..) | Reaped::Unnamed(_) => {}
                // It cannot be: the child is reaped nowhere else.
                Reaped::NoneLeft => return Ended::unknown(),
                Reaped::StillThere if is_over => self.sweep(),
                Reaped::StillThere => {
                    let heard = self.next(PollTimeout::NONE, deadline.as_deref());
                    if let Some(signal) = heard.filter(|signal| !NOT_HANDED_ON.contains(signal)) {
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
            self.next(PollTimeout::from(SWEEP_PAUSE_MS), None);
        }
    }

    /// Kills every descendant and waits until none is left.
    pub(super) fn end_all(&self) {
        loop {
            match processes::reap() {
                Reaped::NoneLeft => return,
                Reaped::One(..) | Reaped::Unnamed(_) => {}
                Reaped::StillThere => self.sweep(),
            }
        }
    }

    /// Kills every descendant that can be found, and waits for a moment.
    fn sweep(&self) {
        match processes::signal_descendants(Signal::SIGKILL) {
            Ok(signalled) if signalled.refused > 0 && !self.told_refused.replace(true) => {
                tracing::error!(
                    processes = signalled.refused,
                    "work that became another user's may not be killed: it acts on until it ends by itself, \
                    and is waited for"
                );
            }
            Ok(_) => {}
            Err(_) => kill_without_proc(),
        }
        let swept = self.sweeps.replace(self.sweeps.get().saturating_add(1));
        let pause_ms = if swept < SWEEPS { SWEEP_PAUSE_MS } else { LATER_PAUSE_MS };
        self.next(PollTimeout::from(pause_ms), None);
    }

    /// The next signal within the limit; earlier nothing where there is news of the deadline.
    fn next(&self, limit: PollTimeout, deadline: Option<&Deadline>) -> Option<Signal> {
        let others = deadline.into_iter().flat_map(Deadline::descriptors);
        let all = std::iter::once(self.signals.as_fd()).chain(others);
        let mut ready: Vec<_> = all.map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN)).collect();
        // An interruption is as good as a time-out: all look again.
        poll(&mut ready, limit).ok()?;
        if !ready.first()?.any()? {
            return None;
        }
        let heard = self.signals.read_signal().ok().flatten()?;
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
