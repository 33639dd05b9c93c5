//! The clock of the demo and its limits, all derived from the ttl.

use std::time::Duration;

use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

use super::page::UNBROKEN;
use crate::config::ElectionTiming;
use crate::core::{leader_validity, observer_wait};

/// The shortest ttl in whole seconds that stayed calm on two cores with four busy loops beside the demo: at 2 s one
/// run of four lost a leader because no voter got the processor in time.
pub(super) const TTL: Duration = Duration::from_secs(3);
/// L/10 and not the default L/20, for the same reason: here all voters and candidates share one processor or two.
pub(super) const VOTER_TIMEOUT: Duration = Duration::from_millis(300);
/// Between two requests to one candidate's `/leaderz`: about the time of a clean hand-over, so that what is measured
/// is not mostly waiting for the next request; more requests would disturb what they measure.
pub(super) const SAMPLE_INTERVAL: Duration = Duration::from_millis(5);
/// Between two looks at what was sampled.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// How long a candidate may take from its start to being able to take part; about 30 ms on an idle machine.
pub(super) const START_LIMIT: Duration = Duration::from_secs(10);
/// How long one HTTP answer may take; a tenth of a millisecond on an idle machine.
pub(super) const ASK_LIMIT: Duration = Duration::from_secs(1);

/// `CLOCK_MONOTONIC`: true time for all processes of one host.
pub(super) fn now() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).ok();
    time.and_then(|time| u64::try_from(time.num_nanoseconds()).ok())
        .map_or(Duration::MAX, Duration::from_nanos)
}

/// What the protocol promises about times, for [`TTL`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// D: how long a leader may rely on a renewal after sending it.
    pub(super) validity: Duration,
    /// O: how long others must watch a record that stands still.
    pub(super) watch: Duration,
    /// L/5.
    pub(super) renew: Duration,
    /// How long before the end of its validity a leader stops saying that it leads: its work gets that time to stop.
    pub(super) head_start: Duration,
    /// From being able to campaign to a leader where there was none: O, two round trips, and as much as a busy
    /// machine may take. Also from the last renewal of a leader that crashed to the next leader.
    pub(super) election_limit: Duration,
    /// From SIGTERM at the leader to the next one. No lapse can be that fast: it is taken over O after a renewal,
    /// and the last one is at most L/5 older than the signal.
    pub(super) hand_over_limit: Duration,
    /// From answering again to being a member with the lease: two renewals.
    pub(super) rejoin_limit: Duration,
    /// How long a leader leads before something is done to it, so that it has renewed its lease.
    pub(super) calm: Duration,
    /// How long a leader is watched to see that nothing changes: longer than any lease that was granted before.
    pub(super) hold: Duration,
}

impl Times {
    pub(super) fn derived() -> Self {
        let timing = ElectionTiming::of_ttl(TTL);
        let (validity, watch) = (leader_validity(TTL), observer_wait(TTL));
        Self {
            validity,
            watch,
            renew: timing.core.renew_interval,
            head_start: timing.stop_grace + timing.fence_margin,
            election_limit: watch + TTL,
            hand_over_limit: TTL / 2,
            rejoin_limit: timing.core.renew_interval * 2,
            calm: TTL / 2,
            hold: TTL * 3 / 2,
        }
    }
}

/// A limit by its name, never broken.
pub(super) fn named(name: &str, limit: Duration) -> String {
    format!("{name}{UNBROKEN}={UNBROKEN}{}", precise(limit))
}

/// A duration as people read it: two or three digits and a unit.
pub(super) fn shown(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    match ms {
        ..10.0 => format!("{ms:.1}{UNBROKEN}ms"),
        10.0..1000.0 => format!("{ms:.0}{UNBROKEN}ms"),
        _ => format!("{:.2}{UNBROKEN}s", ms / 1e3),
    }
}

/// A duration where a millisecond matters.
pub(super) fn precise(duration: Duration) -> String {
    format!("{:.3}{UNBROKEN}s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_over_within_its_limit_cannot_have_been_a_lapse() {
        let times = Times::derived();
        assert!(times.hand_over_limit < times.watch.saturating_sub(times.renew));
    }

    #[test]
    fn a_leader_renews_before_it_is_disturbed_and_is_watched_for_longer_than_a_lease() {
        let times = Times::derived();
        assert!(times.hold > times.watch);
        assert!(times.calm > times.renew * 2);
    }

    #[test]
    fn people_read_two_or_three_digits() {
        let texts =
            [2_345, 45_600, 2_187_000].map(|us| shown(Duration::from_micros(us)).replace(UNBROKEN, " "));
        assert_eq!(texts, ["2.3 ms", "46 ms", "2.19 s"]);
    }
}
