//! A simulated clock: runs at a rate of its own, which a fault may change or set to nothing.

use crate::chance::Chance;

/// The rate at which a clock stands still.
pub const STOPPED_PPM: i64 = -1_000_000;

/// A clock, linear from one change of its rate to the next.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// True time of the last change.
    changed_ns: u64,
    /// What it showed then.
    shown_ns: u64,
    /// By how many millionths it runs too fast.
    rate_ppm: i64,
}

impl Clock {
    /// Off by at most `bound_ppm` either way.
    pub fn drawn(chance: &mut Chance, bound_ppm: i64) -> Self {
        let shown_ns = chance.between(1_000_000_000_000, 1_000_000_000_000_000);
        Self { changed_ns: 0, shown_ns, rate_ppm: chance.either_way(bound_ppm) }
    }

    /// What it shows. True times before the last change are not asked for.
    #[must_use]
    pub fn read(&self, true_ns: u64) -> u64 {
        let since = true_ns.saturating_sub(self.changed_ns);
        let drift = since.cast_signed() * self.rate_ppm / 1_000_000;
        self.shown_ns.saturating_add(since).saturating_add_signed(drift)
    }

    /// The first true time at which it shows at least this, if its rate stays; the end of time if never.
    #[must_use]
    pub fn when(&self, shown_ns: u64) -> u64 {
        let rate = 1_000_000 + self.rate_ppm;
        let wait = shown_ns.saturating_sub(self.shown_ns).cast_signed();
        if rate <= 0 || wait > i64::MAX / 1_000_000 {
            return if wait == 0 { self.changed_ns } else { u64::MAX };
        }
        let estimate = self.changed_ns + (wait * 1_000_000 / rate).unsigned_abs().saturating_sub(2);
        // Rounding is off by at most these.
        (estimate..estimate.saturating_add(8))
            .find(|&true_ns| self.read(true_ns) >= shown_ns)
            .unwrap_or(u64::MAX)
    }

    /// From now on it runs at this rate.
    pub fn run_at(&mut self, true_ns: u64, rate_ppm: i64) {
        *self = Self { changed_ns: true_ns, shown_ns: self.read(true_ns), rate_ppm };
    }

    /// By how many millionths it runs too fast.
    #[must_use]
    pub fn rate_ppm(&self) -> i64 {
        self.rate_ppm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_tells_when_it_will_show_a_time() {
        let mut chance = Chance::of_seed(1);
        for _ in 0..1000 {
            let mut clock = Clock::drawn(&mut chance, 100_000);
            clock.run_at(chance.below(1_000_000_000), chance.either_way(100_000));
            let shown = clock.read(2_000_000_000) + chance.below(1_000_000_000_000);
            let when = clock.when(shown);
            assert!(clock.read(when) >= shown && clock.read(when - 1) < shown);
        }
    }

    #[test]
    fn a_stopped_clock_shows_what_it_showed_and_never_more() {
        let mut clock = Clock::drawn(&mut Chance::of_seed(1), 0);
        let shown = clock.read(1_000);
        clock.run_at(1_000, STOPPED_PPM);
        assert_eq!(clock.read(1_000_000), shown);
        assert_eq!((clock.when(shown), clock.when(shown + 1)), (1_000, u64::MAX));
    }
}
