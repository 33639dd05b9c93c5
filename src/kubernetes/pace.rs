//! How long to wait before a request that failed is made again.

use std::time::Duration;

/// A conflict or a blink is over by then; and a candidate that tries so often is nothing to an API server.
const SHORTEST: Duration = Duration::from_millis(200);
/// So late at most is a hint after the API server is back; three candidates that ask so often are nothing either.
const LONGEST: Duration = Duration::from_secs(10);

/// Doubles with each failure in a row.
pub(super) struct Pace {
    next: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { next: SHORTEST }
    }
}

impl Pace {
    /// Between half of the pause and all of it, so that many candidates do not ask together; no less than the server
    /// wants.
    pub(super) fn next(&mut self, least: Option<Duration>) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(LONGEST);
        // Without randomness the whole pause is as good for one.
        let share = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
        let pause = whole.mul_f64(f64::midpoint(1.0, share));
        least.map_or(pause, |least| pause.max(least + pause / 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_limit_and_no_two_are_alike() {
        let mut pace = Pace::default();
        let pauses: Vec<_> = (0..8).map(|_| pace.next(None)).collect();
        assert!(pauses[0] >= SHORTEST / 2 && pauses[0] <= SHORTEST, "{pauses:?}");
        assert!(pauses[7] >= LONGEST / 2 && pauses[7] <= LONGEST, "{pauses:?}");
        assert_ne!(pauses[6], pauses[7], "two candidates would ask together");
    }

    #[test]
    fn the_server_is_left_alone_for_as_long_as_it_asks() {
        let wanted = Duration::from_secs(30);
        assert!(Pace::default().next(Some(wanted)) >= wanted);
    }
}
