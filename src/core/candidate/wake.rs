//! When to wake a candidate.

use crate::core::time::Moment;

/// Collects the instants at which something becomes due, and keeps the earliest that is not past.
///
/// An instant is past when both clocks have reached it. Where they have come apart, by a suspend, the one that is
/// reached first is kept as it is: a mixture of two could be past although neither of them is, and waking at once
/// would be of no use for as long as that lasts.
pub(super) struct Wake {
    now: Moment,
    next: Option<Moment>,
    wait_ns: u64,
}

impl Wake {
    pub(super) fn at_once() -> Self {
        Self { now: Moment::default(), next: None, wait_ns: 0 }
    }

    pub(super) fn after(now: Moment) -> Self {
        Self { now, next: None, wait_ns: u64::MAX }
    }

    pub(super) fn at(&mut self, due: Moment) {
        let wait_ns = due.ns_until_reached(self.now);
        if wait_ns > 0 && wait_ns < self.wait_ns {
            (self.next, self.wait_ns) = (Some(due), wait_ns);
        }
    }

    /// Whether anything that was collected may be due by now, though the clocks may have come apart since. Each lay at
    /// least `wait_ns` ahead on one of them.
    pub(super) fn may_be_due(&self, now: Moment) -> bool {
        now.ns_since(self.now) >= self.wait_ns
    }

    pub(super) fn next(&self) -> Option<Moment> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_past_wakes_nobody_and_the_earliest_of_the_rest_does() {
        let at = |ms: u64| Moment::from_nanos(ms * 1_000_000, ms * 1_000_000);
        let mut wake = Wake::after(at(10));
        for due in [at(9), at(10), at(30), at(20), at(40)] {
            wake.at(due);
        }
        assert_eq!(wake.next(), Some(at(20)));
    }

    #[test]
    fn what_was_collected_cannot_be_due_before_its_time_has_passed_on_the_faster_clock() {
        let mut wake = Wake::after(Moment::from_nanos(100, 100));
        wake.at(Moment::from_nanos(110, 130));
        assert!(!wake.may_be_due(Moment::from_nanos(129, 129)));
        assert!(wake.may_be_due(Moment::from_nanos(130, 101)));
    }

    #[test]
    fn after_a_suspend_no_mixture_of_two_instants_is_waited_for() {
        let now = Moment::from_nanos(9_000, 500);
        let (before_the_suspend, after_it) = (Moment::from_nanos(4_000, 900), Moment::from_nanos(9_001, 499));
        let mut wake = Wake::after(now);
        wake.at(before_the_suspend);
        wake.at(after_it);
        assert_eq!(wake.next(), Some(after_it));
    }
}
