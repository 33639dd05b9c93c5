//! One leadership in time: the instants at which it must be given up, in their order.

use std::time::Duration;

use crate::core::{Moment, Term};

/// How long before its end a leadership is given up; both from configuration, in wall time of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margins {
    /// What the work gets between being told to stop and being killed.
    pub stop_grace: Duration,
    /// Between being killed and the end of validity.
    pub fence_margin: Duration,
}

/// A leadership as of its last renewal. Every question takes the instant at which it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its term.
    pub term: Term,
    /// When it began.
    pub since: Moment,
    /// When it began, in microseconds since 1970; for people.
    pub since_wall_us: u64,
    /// Nobody else can hold a lease before this instant.
    pub until: Moment,
    /// From here on work must not run: `until` − fence margin.
    pub hard: Moment,
    /// From here on work must be stopping: `hard` − stop grace.
    pub soft: Moment,
    /// It is being given up: renewals still move `until` and `hard`, but no longer `soft`.
    pub sealed: bool,
}

/// What work that cannot go on once it was told to stop is told.
#[cfg(feature = "cli")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Footing {
    /// It may go on.
    Leads,
    /// It must stop: the time says so, and the election has to hear of it.
    RanOut,
    /// It must stop: the election has said so, or is about to.
    GivenUp,
}

impl Claim {
    /// A leadership that begins.
    #[must_use]
    pub fn new(term: Term, since: Moment, since_wall_us: u64, until: Moment, margins: Margins) -> Self {
        let hard = until.minus(margins.fence_margin);
        let soft = hard.minus(margins.stop_grace);
        Self { term, since, since_wall_us, until, hard, soft, sealed: false }
    }

    /// The same leadership after a renewal landed at `now`. One that lands past `hard` seals it: watchers were told
    /// that it is over, and it must not come back.
    #[must_use]
    pub fn extended(self, now: Moment, until: Moment, margins: Margins) -> Self {
        let renewed = Self::new(self.term, self.since, self.since_wall_us, until, margins);
        if self.sealed || !now.is_before(self.hard) {
            return Self { soft: self.soft, sealed: true, ..renewed };
        }
        renewed
    }

    /// The same leadership, being given up from `now` on.
    #[must_use]
    pub fn given_up(self, now: Moment) -> Self {
        Self { soft: self.soft.earliest(now), sealed: true, ..self }
    }

    /// It is certainly still valid.
    #[must_use]
    pub fn holds(&self, now: Moment) -> bool {
        now.is_before(self.until)
    }

    /// Work may begin and go on.
    #[must_use]
    pub fn leads_before_soft(&self, now: Moment) -> bool {
        now.is_before(self.soft)
    }

    /// Work must not run any more, by the clock that says so first.
    #[must_use]
    pub fn is_past_hard(&self, now: Moment) -> bool {
        !now.is_before(self.hard)
    }

    /// What is left of its validity, by the clock that gives less.
    #[must_use]
    pub fn remaining(&self, now: Moment) -> Duration {
        self.until.observer_elapsed(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARGINS: Margins =
        Margins { stop_grace: Duration::from_secs(3), fence_margin: Duration::from_millis(500) };

    fn at(seconds: u64) -> Moment {
        Moment::default().plus(Duration::from_secs(seconds))
    }

    #[test]
    fn soft_hard_and_until_follow_each_other_by_grace_and_margin() {
        let claim = Claim::new(7, at(0), 0, at(10), MARGINS);
        assert!(claim.leads_before_soft(at(6)) && !claim.leads_before_soft(at(7)));
        assert!(!claim.is_past_hard(at(9)) && claim.is_past_hard(at(10)));
        assert!(claim.holds(at(9)) && !claim.holds(at(10)));
        assert_eq!(claim.remaining(at(8)), Duration::from_secs(2));
        assert_eq!(claim.remaining(at(11)), Duration::ZERO);
    }

    #[test]
    fn a_leadership_ends_by_whichever_clock_says_so_first() {
        let claim = Claim::new(7, at(0), 0, at(10), MARGINS);
        let raw_ran_ahead = Moment::from_nanos(5_000_000_000, 10_000_000_000);
        assert!(!claim.holds(raw_ran_ahead) && claim.is_past_hard(raw_ran_ahead));
        assert_eq!(claim.remaining(raw_ran_ahead), Duration::ZERO);
    }

    #[test]
    fn a_renewal_before_hard_restores_and_one_after_hard_does_not() {
        let claim = Claim::new(7, at(0), 0, at(10), MARGINS);
        let restored = claim.extended(at(8), at(17), MARGINS);
        assert!(restored.leads_before_soft(at(13)) && !restored.sealed);
        let late = Moment::default().plus(Duration::from_millis(9_600));
        let sealed = claim.extended(late, at(18), MARGINS);
        assert!(sealed.sealed && sealed.holds(at(17)) && !sealed.leads_before_soft(late));
    }

    #[test]
    fn what_is_being_given_up_is_not_restored_by_a_renewal() {
        let given_up = Claim::new(7, at(0), 0, at(10), MARGINS).given_up(at(1));
        assert!(!given_up.leads_before_soft(at(1)) && given_up.holds(at(9)));
        assert!(!given_up.extended(at(2), at(12), MARGINS).leads_before_soft(at(2)));
    }
}
