//! Wakes a task at an instant of `CLOCK_BOOTTIME`, to some ten microseconds.
//!
//! tokio's timers stop while the host is suspended and count whole milliseconds; the core pauses for a few hundred
//! microseconds. Waking early or twice is harmless here, waking late is measured by whoever waits.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;

use crate::core::Moment;

/// The shortest wait: a task that is always told "now" still leaves the processor to others, and 50 µs are well
/// below the round trip to any voter.
const SHORTEST_WAIT: Duration = Duration::from_micros(50);

struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// One timer of one task.
pub(crate) struct Alarm {
    timer: AsyncFd<Timer>,
    armed: Option<Moment>,
}

impl Alarm {
    /// A timer that is not armed. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// The kernel has no descriptor or no memory left.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_BOOTTIME, flags)?;
        Ok(Self { timer: watched(timer)?, armed: None })
    }

    /// Returns when `instant` is reached on one of its clocks that had not reached it at `now`. May be dropped and
    /// called again with the same instant without moving the timer.
    ///
    /// # Errors
    ///
    /// The kernel refuses the timer.
    pub(crate) async fn wait(&mut self, instant: Moment, now: Moment) -> io::Result<()> {
        if self.armed != Some(instant) {
            self.arm(now.plus(pause(instant, now)))?;
            self.armed = Some(instant);
        }
        loop {
            let mut ready = self.timer.readable().await?;
            if let Ok(rung) = ready.try_io(|timer| timer.get_ref().0.wait().map_err(io::Error::from)) {
                self.armed = None;
                return rung;
            }
        }
    }

    fn arm(&self, instant: Moment) -> io::Result<()> {
        let at = TimeSpec::from_duration(Duration::from_nanos(instant.boot_ns()));
        let timer = &self.timer.get_ref().0;
        Ok(timer.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?)
    }
}

#[expect(
    deprecated,
    reason = "its successor is `unsafe`, which this crate forbids; a `Timer` is the same open descriptor for as long as \
              it lives, which is all that the successor asks for"
)]
fn watched(timer: TimerFd) -> io::Result<AsyncFd<Timer>> {
    AsyncFd::new(Timer(timer))
}

/// How long to sleep: until the first of the two clocks gets there, or, where one is there already and the task
/// still waits, until the other does (they run at rates up to 0.05 % apart).
fn pause(instant: Moment, now: Moment) -> Duration {
    let (first, second) = (instant.observer_elapsed(now), instant.leader_elapsed(now));
    if first.is_zero() { second.max(SHORTEST_WAIT) } else { first.max(SHORTEST_WAIT) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;
    use crate::clock;

    #[tokio::test]
    async fn an_alarm_rings_at_its_instant_and_not_before() {
        let mut alarm = Alarm::new().unwrap();
        let start = clock::now().at;
        let instant = start.plus(Duration::from_micros(300));
        alarm.wait(instant, start).await.unwrap();
        assert!(clock::now().at.boot_ns() >= instant.boot_ns());
    }

    #[tokio::test]
    async fn an_instant_in_the_past_still_takes_the_shortest_wait() {
        let mut alarm = Alarm::new().unwrap();
        let start = clock::now().at;
        alarm.wait(Moment::default(), start).await.unwrap();
        assert!(clock::now().at.leader_elapsed(start) >= SHORTEST_WAIT);
    }

    #[test]
    fn where_one_clock_lags_the_wait_is_for_the_other() {
        let now = Moment::from_nanos(1_000_000_000, 900_000_000);
        let instant = Moment::from_nanos(999_000_000, 905_000_000);
        assert_eq!(pause(instant, now), Duration::from_millis(5));
    }
}
