//! The instant at which a guardian kills by itself, whatever has become of its elector.
//!
//! The kernel keeps a timer's SIGKILL from an elector that a freezer of version 1 holds until the thaw, while the work
//! may run on. So the elector also tells its guardian where the fence is, through a pipe: eight bytes each time,
//! nanoseconds of `CLOCK_BOOTTIME`, of which the last ones count, and 0 where nothing has to be fenced in.
//!
//! Promise: no instant passes unseen while the guardian runs, and none that was moved in time counts: what was told is
//! heard before the timer is believed. A guardian that did not run for so long that the pipe is full makes the elector
//! fail to move the fence, and kills at an earlier instant than it might.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
use nix::unistd::close;
use rustix::io::ioctl_fionbio;

const BYTES: usize = size_of::<u64>();
/// So many instants are read at once.
const INSTANTS: usize = 64;

/// As the guardian knows it.
pub(super) struct Deadline {
    /// Until the elector has closed it.
    told: Option<PipeReader>,
    timer: TimerFd,
    has_come: bool,
}

impl Deadline {
    /// None yet; and what an elector is to inherit, to tell of one.
    ///
    /// # Errors
    ///
    /// The system has no descriptor left.
    pub(super) fn new() -> io::Result<(Self, PipeWriter)> {
        let (told, inherited) = io::pipe()?;
        ioctl_fionbio(&told, true)?;
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_BOOTTIME, flags)?;
        Ok((Self { told: Some(told), timer, has_come: false }, inherited))
    }

    /// What to wait for.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.told.iter().map(AsFd::as_fd).chain([self.timer.as_fd()])
    }

    /// Whether the instant has come that the elector told last. Once it has, nothing takes it back.
    pub(super) fn has_come(&mut self) -> bool {
        if !self.has_come {
            if let Some(boot_ns) = self.heard() {
                // Without its timer a guardian cannot tell when: better too early.
                self.has_come = self.set(boot_ns).is_err();
            }
            self.has_come |= self.timer.wait().is_ok();
        }
        self.has_come
    }

    /// The last of what has been told since.
    fn heard(&mut self) -> Option<u64> {
        let mut last = None;
        let mut bytes = [0; INSTANTS * BYTES];
        while let Some(told) = &mut self.told {
            match told.read(&mut bytes) {
                Ok(0) => self.told = None,
                // Each was written at once, so none is torn.
                Ok(length) => last = bytes[..length].as_chunks().0.last().copied().or(last),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.told = None,
            }
        }
        last.map(u64::from_ne_bytes)
    }

    fn set(&self, boot_ns: u64) -> nix::Result<()> {
        if boot_ns == 0 {
            return self.timer.unset();
        }
        let at = TimeSpec::from_duration(Duration::from_nanos(boot_ns));
        self.timer.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)
    }
}

/// As the elector tells its guardian.
#[derive(Debug, Default)]
pub struct Teller {
    /// While somebody listens.
    pipe: Option<File>,
    told: u64,
}

impl Teller {
    /// Takes over what [`Deadline::new`] left to be inherited, so that nobody else inherits it. Tells nobody where
    /// there is no `/proc`. Must be called before there is a second thread.
    pub(super) fn inherit(descriptor: RawFd) -> Self {
        let own = File::options().write(true).open(format!("/proc/self/fd/{descriptor}"));
        // It fails only where it is not there.
        let _ = close(descriptor);
        let pipe = own.and_then(|pipe| ioctl_fionbio(&pipe, true).map(|()| pipe).map_err(io::Error::from));
        Self { pipe: pipe.ok(), told: 0 }
    }

    /// Whether a guardian listens.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.pipe.is_some()
    }

    /// Tells where the fence is now; 0: nowhere. Never waits.
    ///
    /// # Errors
    ///
    /// The guardian has not listened for long: it still believes what it was told before.
    pub fn tell(&mut self, boot_ns: u64) -> io::Result<()> {
        let Some(pipe) = self.pipe.as_mut().filter(|_| self.told != boot_ns) else { return Ok(()) };
        match pipe.write_all(&boot_ns.to_ne_bytes()) {
            Ok(()) => self.told = boot_ns,
            // The guardian is gone; the kernel has told us to end.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.pipe = None,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
    use super::*;
    use nix::time::{ClockId as Clock, clock_gettime};
    use std::os::fd::IntoRawFd;

    fn pair() -> (Deadline, Teller) {
        let (deadline, inherited) = Deadline::new().unwrap();
        (deadline, Teller::inherit(inherited.into_raw_fd()))
    }

    fn now_ns() -> u64 {
        u64::try_from(Duration::from(clock_gettime(Clock::CLOCK_BOOTTIME).unwrap()).as_nanos()).unwrap()
    }

    /// The kernel may take a moment to see that an instant has passed.
    fn comes(deadline: &mut Deadline) {
        while !deadline.has_come() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn an_instant_comes_unless_it_was_moved_or_taken_back() {
        let (mut deadline, mut teller) = pair();
        let (past, future) = (now_ns() - 1, now_ns() + 3_600_000_000_000);
        assert!(teller.is_heard() && !deadline.has_come(), "none was told");
        teller.tell(future).unwrap();
        assert!(!deadline.has_come());
        for moved in [future, 0] {
            teller.tell(past).unwrap();
            teller.tell(moved).unwrap();
            assert!(!deadline.has_come(), "what is told last counts");
        }
        teller.tell(past).unwrap();
        comes(&mut deadline);
        teller.tell(future).unwrap();
        assert!(deadline.has_come(), "nothing takes it back");
    }

    #[test]
    fn an_instant_that_has_come_unseen_does_not_count_where_it_was_moved() {
        let (mut deadline, mut teller) = pair();
        teller.tell(now_ns() + 1_000_000).unwrap();
        assert!(!deadline.has_come());
        std::thread::sleep(Duration::from_millis(5));
        teller.tell(now_ns() + 3_600_000_000_000).unwrap();
        assert!(!deadline.has_come());
    }

    #[test]
    fn who_has_stopped_telling_is_still_believed() {
        let (mut deadline, mut teller) = pair();
        teller.tell(now_ns() + 5_000_000).unwrap();
        drop(teller);
        assert!(!deadline.has_come());
        assert_eq!(deadline.descriptors().count(), 1, "a closed pipe would wake for ever");
        comes(&mut deadline);
    }

    #[test]
    fn a_guardian_that_does_not_listen_makes_the_fence_stay_where_it_was() {
        let (mut deadline, mut teller) = pair();
        let told = (1..1_000_000).find(|&instant| teller.tell(instant).is_err()).unwrap();
        assert!(teller.tell(now_ns() + 3_600_000_000_000).is_err());
        assert!(told > 1);
        comes(&mut deadline);
        teller.tell(0).unwrap();
    }

    #[test]
    fn who_has_no_guardian_tells_nobody() {
        let (deadline, mut teller) = pair();
        drop(deadline);
        teller.tell(1).unwrap();
        assert!(!teller.is_heard());
        assert!(Teller::default().tell(1).is_ok());
    }
}
