//! When work that was asked to stop is killed.

use std::time::Duration;

use crate::core::{EndReason, Moment};
use crate::election::Claim;

/// The instant of killing, at the latest; `hard` counts as well, which moves while renewals succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit(Moment);

impl Limit {
    /// Leadership may go on until then.
    pub(super) fn after(now: Moment, patience: Duration) -> Self {
        Self(now.plus(patience))
    }

    /// `soft` has passed: no renewal gives the work more than the grace it was promised.
    pub(super) fn hard(claim: &Claim) -> Self {
        Self(claim.hard)
    }

    /// What the election says about the end.
    pub(super) fn of(reason: EndReason, claim: &Claim, now: Moment, drain_timeout: Duration) -> Self {
        match reason {
            EndReason::Resigned => Self::after(now, drain_timeout),
            // Whoever took over may not lead before `until`.
            EndReason::Lost | EndReason::Lapsed => Self::hard(claim),
            // The clock by which one could wait is not to be trusted.
            EndReason::ClockDiverged | EndReason::ClockStood => Self(now),
        }
    }

    /// Both at once: whichever comes first.
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0.earliest(other.0))
    }

    pub(super) fn instant(self, claim: &Claim) -> Moment {
        self.0.earliest(claim.hard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::Margins;

    const MARGINS: Margins =
        Margins { stop_grace: Duration::from_secs(3), fence_margin: Duration::from_millis(500) };

    fn at(ms: u64) -> Moment {
        Moment::default().plus(Duration::from_millis(ms))
    }

    #[test]
    fn a_drain_outlasts_the_ttl_while_renewals_succeed_and_ends_at_hard_when_they_do_not() {
        let claim = Claim::new(7, at(0), 0, at(10_000), MARGINS).given_up(at(1_000));
        let limit = Limit::of(EndReason::Resigned, &claim, at(1_000), Duration::from_secs(30));
        assert_eq!(limit.instant(&claim), at(9_500));
        let renewed = claim.extended(at(3_000), at(12_900), MARGINS);
        assert_eq!(limit.instant(&renewed), at(12_400));
        let much_later = renewed.extended(at(30_000), at(41_000), MARGINS);
        assert_eq!(limit.instant(&much_later), at(31_000));
    }

    #[test]
    fn past_soft_a_renewal_gives_no_more_than_the_grace() {
        let claim = Claim::new(7, at(0), 0, at(10_000), MARGINS);
        let limit = Limit::hard(&claim);
        let renewed = claim.given_up(at(6_500)).extended(at(6_600), at(16_000), MARGINS);
        assert_eq!(limit.instant(&renewed), at(9_500));
        let also_drained = limit.and(Limit::after(at(6_600), Duration::from_secs(30)));
        assert_eq!(also_drained.instant(&renewed), at(9_500));
    }

    #[test]
    fn a_clock_that_cannot_be_trusted_leaves_no_time() {
        let claim = Claim::new(7, at(0), 0, at(10_000), MARGINS);
        for reason in [EndReason::ClockDiverged, EndReason::ClockStood] {
            let limit = Limit::of(reason, &claim, at(2_000), Duration::from_secs(30));
            assert_eq!(limit.instant(&claim), at(2_000));
        }
        assert_eq!(Limit::of(EndReason::Lost, &claim, at(2_000), Duration::ZERO).instant(&claim), at(9_500));
    }
}
