//! How long to stand back after work that did not last.

use std::time::Duration;

/// Doubles with each time in a row, up to a limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    shortest: Duration,
    longest: Duration,
    next: Duration,
}

impl Pause {
    pub(super) fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest, next: shortest }
    }

    /// The pause after work that lasted so long. What outlasted the longest pause begins anew.
    pub(super) fn after(&mut self, lasted: Duration) -> Duration {
        if lasted > self.longest {
            self.next = self.shortest;
        }
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_its_limit_and_begins_anew_after_work_that_lasted() {
        let seconds = Duration::from_secs;
        let mut pause = Pause::new(seconds(1), seconds(5));
        let pauses: Vec<_> = [0, 1, 2, 5, 6, 0].map(|lasted| pause.after(seconds(lasted))).to_vec();
        assert_eq!(pauses, [1, 2, 4, 5, 1, 2].map(seconds));
    }
}
