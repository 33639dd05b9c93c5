//! The fence that falls while this process does not run: a timer of the kernel on `CLOCK_BOOTTIME` that kills it.
//!
//! Promise: unless moved or lowered before, the kernel kills this process in the middle of the fence margin, also
//! while it is stopped or frozen by cgroup v2. Not where it is PID 1 of a PID namespace, and with a v1 freezer only at
//! the thaw: there its guardian, which is told the same instant, kills its work. A process that runs lowers the fence
//! itself, between `hard` and there.

use std::io;
use std::time::Duration;

use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;

use crate::clock;
use crate::core::Moment;
use crate::election::{Alarm, Claim, Leadership};
use crate::guardian::Teller;

/// What happens when the end of a leadership comes near and the work has not been proven stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HardFence {
    /// Nothing that does not happen anyway.
    None,
    /// This process ends itself at `hard`, if it runs.
    Exit,
    /// The kernel kills this process.
    Kill,
}

/// The timer. It belongs to the process, but not to one that is executed in its place.
pub(super) struct Fence {
    timer: Option<Timer>,
    teller: Teller,
    raised: Option<Moment>,
}

impl Fence {
    /// Not raised yet.
    ///
    /// # Errors
    ///
    /// The kernel has no timer left.
    pub(super) fn new(kind: HardFence, teller: Teller) -> io::Result<Self> {
        let kills = SigevNotify::SigevSignal { signal: Signal::SIGKILL, si_value: 0 };
        let timer = match kind {
            HardFence::Kill if is_without_timer() => None,
            HardFence::Kill => Some(Timer::new(ClockId::CLOCK_BOOTTIME, SigEvent::new(kills))?),
            HardFence::None | HardFence::Exit => None,
        };
        let teller = if kind == HardFence::Kill { teller } else { Teller::default() };
        Ok(Self { timer, teller, raised: None })
    }

    /// Raises the fence where this claim has it, or moves it there.
    ///
    /// # Errors
    ///
    /// The kernel refuses, or the guardian does not listen.
    pub(super) fn raise(&mut self, claim: &Claim, now: Moment) -> io::Result<()> {
        let instant = instant(claim);
        if self.raised == Some(instant) {
            return Ok(());
        }
        self.set(now.boot_ns() + nanos(instant.observer_elapsed(now)).max(1))?;
        self.raised = Some(instant);
        Ok(())
    }

    /// Nothing is left that has to be fenced in.
    ///
    /// # Errors
    ///
    /// As of [`Fence::raise`].
    pub(super) fn lower(&mut self) -> io::Result<()> {
        self.raised = None;
        self.set(0)
    }

    /// 0 disarms.
    fn set(&mut self, boot_ns: u64) -> io::Result<()> {
        if let Some(timer) = &mut self.timer {
            let at = TimeSpec::from_duration(Duration::from_nanos(boot_ns));
            timer.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        }
        self.teller.tell(boot_ns)
    }
}

/// Planted by tests where no freezer of version 1 withholds the timer's kill.
fn is_without_timer() -> bool {
    cfg!(feature = "planted-bugs") && std::env::var_os("PLANTED_FENCE_WITHOUT_TIMER").is_some()
}

/// Half-way between `hard`, at which a process that runs has begun to kill, and `until`, before which a guardian must
/// have killed.
fn instant(claim: &Claim) -> Moment {
    claim.hard.plus(claim.until.leader_elapsed(claim.hard) / 2)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// For a candidate without a command: keeps the fence around the process itself. Ends where [`HardFence::Exit`] wants
/// the process to end, or in an error. Its timer stays with the thread that polls this.
///
/// # Errors
///
/// The kernel refuses a timer.
pub async fn surround(leadership: Leadership, kind: HardFence, teller: Teller) -> io::Result<()> {
    if kind == HardFence::None {
        std::future::pending::<()>().await;
    }
    let (mut fence, mut alarm, mut moves) = (Fence::new(kind, teller)?, Alarm::new()?, leadership.moves());
    loop {
        let now = clock::now().at;
        match leadership.claim() {
            Some(claim) if !claim.is_past_hard(now) => {
                fence.raise(&claim, now)?;
                tokio::select! {
                    rung = alarm.wait(claim.hard, now) => rung?,
                    _ = moves.changed() => {}
                }
            }
            Some(_) if kind == HardFence::Exit => return Ok(()),
            // Since `soft` nobody has been told "leader", and this process runs.
            Some(_) | None => {
                fence.lower()?;
                drop(moves.changed().await);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::Margins;

    #[test]
    fn the_fence_is_in_the_middle_of_the_margin() {
        let at = |ms| Moment::default().plus(Duration::from_millis(ms));
        let margins =
            Margins { stop_grace: Duration::from_millis(300), fence_margin: Duration::from_millis(50) };
        assert_eq!(instant(&Claim::new(1, at(0), 0, at(1000), margins)), at(975));
    }
}
