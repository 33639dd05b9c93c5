//! Instants on two clocks, and the only arithmetic on them.
//!
//! A candidate reads its elapsed time on `CLOCK_BOOTTIME` and `CLOCK_MONOTONIC_RAW` together and believes
//! whichever is worse for itself: a leader the *larger* elapsed time, an observer the *smaller*. All sums
//! saturate, so that a nonsensical duration can make a candidate too careful but never wrap around.

use std::time::Duration;

/// One instant on this candidate's own host, read on both clocks.
///
/// The order is partial on purpose: where the clocks disagree, neither instant is certainly the earlier one, and
/// the questions below then answer `false`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    boot_ns: u64,
    raw_ns: u64,
}

impl Moment {
    /// An instant from the nanoseconds shown by `CLOCK_BOOTTIME` and by `CLOCK_MONOTONIC_RAW`.
    #[must_use]
    pub const fn from_nanos(boot_ns: u64, raw_ns: u64) -> Self {
        Self { boot_ns, raw_ns }
    }

    /// Nanoseconds on `CLOCK_BOOTTIME`, for deadlines that other processes read.
    #[must_use]
    pub const fn boot_ns(self) -> u64 {
        self.boot_ns
    }

    /// Nanoseconds on `CLOCK_MONOTONIC_RAW`.
    #[must_use]
    pub const fn raw_ns(self) -> u64 {
        self.raw_ns
    }

    /// Certainly earlier: on both clocks.
    #[must_use]
    pub const fn is_before(self, other: Self) -> bool {
        self.boot_ns < other.boot_ns && self.raw_ns < other.raw_ns
    }

    /// Certainly not later: on neither clock.
    #[must_use]
    pub const fn is_at_or_before(self, other: Self) -> bool {
        self.boot_ns <= other.boot_ns && self.raw_ns <= other.raw_ns
    }

    /// Time since `earlier` as a leader must count it: the larger of the two clocks; zero if `earlier` is later.
    #[must_use]
    pub fn leader_elapsed(self, earlier: Self) -> Duration {
        let (boot, raw) = self.differences(earlier);
        Duration::from_nanos(boot.max(raw))
    }

    /// Time since `earlier` as an observer must count it: the smaller of the two clocks; zero if `earlier` is later.
    #[must_use]
    pub fn observer_elapsed(self, earlier: Self) -> Duration {
        let (boot, raw) = self.differences(earlier);
        Duration::from_nanos(boot.min(raw))
    }

    /// This instant moved later on both clocks.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let ns = nanos(duration);
        Self { boot_ns: self.boot_ns.saturating_add(ns), raw_ns: self.raw_ns.saturating_add(ns) }
    }

    /// This instant moved earlier on both clocks, not before their zero.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let ns = nanos(duration);
        Self { boot_ns: self.boot_ns.saturating_sub(ns), raw_ns: self.raw_ns.saturating_sub(ns) }
    }

    /// The earlier of two instants on each clock: what to wake up for when either will do.
    #[must_use]
    pub fn earliest(self, other: Self) -> Self {
        Self { boot_ns: self.boot_ns.min(other.boot_ns), raw_ns: self.raw_ns.min(other.raw_ns) }
    }

    /// The later of two instants on each clock.
    #[must_use]
    pub fn latest(self, other: Self) -> Self {
        Self { boot_ns: self.boot_ns.max(other.boot_ns), raw_ns: self.raw_ns.max(other.raw_ns) }
    }

    /// How long after `now` both clocks will have reached this instant; 0 if they have.
    pub(super) fn ns_until_reached(self, now: Self) -> u64 {
        self.ns_since(now)
    }

    /// Nanoseconds since `earlier` on the clock that counted more; 0 if it is later on both.
    pub(super) fn ns_since(self, earlier: Self) -> u64 {
        let (boot, raw) = self.differences(earlier);
        boot.max(raw)
    }

    fn differences(self, earlier: Self) -> (u64, u64) {
        (self.boot_ns.saturating_sub(earlier.boot_ns), self.raw_ns.saturating_sub(earlier.raw_ns))
    }
}

/// What a candidate's clocks showed at one instant: the two that measure, and the wall clock, which only feeds the
/// trip-wire and the floor of an epoch reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The clocks that measure.
    pub at: Moment,
    /// Unix time in microseconds.
    pub wall_us: u64,
}

/// A duration in whole nanoseconds, saturating (584 years).
pub(crate) fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_leader_believes_the_faster_clock_and_an_observer_the_slower() {
        let start = Moment::from_nanos(1_000, 2_000);
        let later = Moment::from_nanos(1_500, 2_300);
        assert_eq!(later.leader_elapsed(start), Duration::from_nanos(500));
        assert_eq!(later.observer_elapsed(start), Duration::from_nanos(300));
    }

    #[test]
    fn where_the_clocks_disagree_neither_instant_is_certainly_earlier() {
        let a = Moment::from_nanos(10, 20);
        let b = Moment::from_nanos(20, 10);
        assert!(!a.is_before(b) && !b.is_before(a));
        assert!(!a.is_at_or_before(b) && !b.is_at_or_before(a));
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        let end = Moment::from_nanos(u64::MAX, u64::MAX);
        assert_eq!(end.plus(SECOND), end);
        assert_eq!(Moment::default().minus(SECOND), Moment::default());
        assert_eq!(Moment::default().leader_elapsed(end), Duration::ZERO);
    }
}
