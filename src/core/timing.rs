//! The durations of the protocol, all derived from the ttl L.

use std::time::Duration;

/// The shortest ttl that configuration and voters accept.
pub const SHORTEST_TTL: Duration = Duration::from_secs(1);
/// The longest ttl that configuration and voters accept.
pub const LONGEST_TTL: Duration = Duration::from_mins(10);

/// ρ, the bound on how far a clock's rate may be off: 5 in 1000 = 0.5 %. Both sides take 2ρ, because both clocks
/// may be off, in opposite directions.
const RATE_ERROR_PER_MILLE: u32 = 5;
/// What reading a clock, and a server that counts whole milliseconds, may add on each side.
const GRANULARITY: Duration = Duration::from_millis(2);

/// D = L·(1 − 2ρ) − 2 ms: how long after sending a renewal its leader may rely on it, of its own ttl.
#[must_use]
pub fn leader_validity(ttl: Duration) -> Duration {
    (ttl * (1000 - 2 * RATE_ERROR_PER_MILLE) / 1000).saturating_sub(GRANULARITY)
}

/// O = L·(1 + 2ρ) + 2 ms: how long an observer must have watched one unchanged record before it may take it, of the
/// ttl in that record.
#[must_use]
pub fn observer_wait(ttl: Duration) -> Duration {
    ttl * (1000 + 2 * RATE_ERROR_PER_MILLE) / 1000 + GRANULARITY
}

/// The ladder: 2·renewal interval + voter timeout + what the work takes to stop + fence margin + (L − D). It must be
/// less than L, so that a leader that misses one renewal is not in jeopardy already.
#[must_use]
pub fn ladder(timing: &Timing, stop_grace: Duration, fence_margin: Duration) -> Duration {
    let clock_margin = timing.ttl.saturating_sub(leader_validity(timing.ttl));
    timing.renew_interval * 2 + timing.voter_timeout + stop_grace + fence_margin + clock_margin
}

/// How often and how patiently a candidate speaks with its voters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// L, between [`SHORTEST_TTL`] and [`LONGEST_TTL`].
    pub ttl: Duration,
    /// Between two renewals of a leader; L/5 unless configured.
    pub renew_interval: Duration,
    /// Between two observations of a voter; L/20 unless configured.
    pub observe_interval: Duration,
    /// How long one question to a voter may take, connecting included; L/20 unless configured.
    pub voter_timeout: Duration,
}

impl Timing {
    /// The default timing of a ttl.
    #[must_use]
    pub fn of_ttl(ttl: Duration) -> Self {
        Self {
            ttl,
            renew_interval: ttl / 5,
            observe_interval: ttl / 20,
            voter_timeout: (ttl / 20).max(Duration::from_millis(50)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leader_gives_up_before_any_observer_whose_clock_is_within_the_bound_may_take_over() {
        for ttl in [SHORTEST_TTL, Duration::from_secs(10), LONGEST_TTL] {
            let rho = f64::from(RATE_ERROR_PER_MILLE) / 1000.0;
            let slowest_leader = leader_validity(ttl).as_secs_f64() / (1.0 - rho);
            let fastest_observer = observer_wait(ttl).as_secs_f64() / (1.0 + rho);
            assert!(slowest_leader < ttl.as_secs_f64() && ttl.as_secs_f64() < fastest_observer);
        }
    }

    #[test]
    fn ten_seconds_are_believed_for_9_898_ms_and_watched_for_10_102_ms() {
        assert_eq!(leader_validity(Duration::from_secs(10)), Duration::from_millis(9_898));
        assert_eq!(observer_wait(Duration::from_secs(10)), Duration::from_millis(10_102));
    }
}
