//! The durations: all derived from the ttl L unless given, and the ladder that they must fit in.
//!
//! The ladder (docs/configuration.md, Timing): a leader that misses one renewal must not be in jeopardy
//! already, so `2·renewInterval + voterTimeout + stopGrace + fenceMargin + (L − D) < L`.

use std::time::Duration;

use super::duration;
use super::judge::Judge;
use super::problem::Problem;
use super::values::Entry;
use crate::core::{LONGEST_TTL, SHORTEST_TTL, Timing, ladder, leader_validity};

/// Presets are names for a ttl.
const PRESETS: [(&str, Duration); 3] =
    [("fast", Duration::from_secs(5)), ("lan", DEFAULT_TTL), ("regions", Duration::from_secs(30))];
const DEFAULT_TTL: Duration = Duration::from_secs(10);

/// Shorter intervals would ask a voter more than a hundred times a second, and shorter timeouts are less than a
/// round trip over any network.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);
const LONGEST_DRAIN: Duration = Duration::from_hours(1);
const DEFAULT_DRAIN: Duration = Duration::from_secs(30);

/// All durations of one election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElectionTiming {
    /// What the core needs to know.
    pub core: Timing,
    /// What the work gets between SIGTERM and SIGKILL when leadership is being lost.
    pub stop_grace: Duration,
    /// How long before the end of validity everything must be over.
    pub fence_margin: Duration,
    /// What the work gets when we end cleanly.
    pub drain_timeout: Duration,
}

impl ElectionTiming {
    /// What is derived from a ttl.
    #[must_use]
    pub fn of_ttl(ttl: Duration) -> Self {
        Self {
            core: Timing::of_ttl(ttl),
            stop_grace: ttl * 3 / 10,
            fence_margin: ttl / 20,
            drain_timeout: DEFAULT_DRAIN,
        }
    }
}

/// The timing that was written, or nothing and the problems noted.
pub(super) fn judge(judge: &mut Judge<'_>) -> Option<ElectionTiming> {
    let known = ttl(judge);
    // The others are judged all the same, as far as that goes without it.
    let ttl = known.unwrap_or(LONGEST_TTL);
    let derived = ElectionTiming::of_ttl(ttl);
    let mut within = |key, default, shortest, longest: Duration, longest_name: &str| {
        let allowed = format!("{} to {longest_name}", duration::format(shortest));
        judge.duration(key, default, shortest, longest, &allowed)
    };
    let share = |part: u32, of_it: &str| match known {
        Some(ttl) => format!("{} ({of_it} of timing.ttl)", duration::format(ttl / part)),
        None => format!("{of_it} of timing.ttl"),
    };
    let (quarter, half) = (share(4, "a quarter"), share(2, "half"));
    let shortest = SHORTEST_INTERVAL;
    let core = derived.core;
    let renew_interval = within("timing.renewInterval", core.renew_interval, shortest, ttl / 2, &half);
    let observe_interval =
        within("timing.observeInterval", core.observe_interval, shortest, ttl / 4, &quarter);
    let voter_timeout = within("timing.voterTimeout", core.voter_timeout, shortest, ttl / 4, &quarter);
    let stop_grace = within("timing.stopGrace", derived.stop_grace, Duration::ZERO, ttl / 2, &half);
    let fence_margin = within("timing.fenceMargin", derived.fence_margin, shortest, ttl / 4, &quarter);
    let drain_timeout =
        within("timing.drainTimeout", derived.drain_timeout, Duration::ZERO, LONGEST_DRAIN, "1h");
    let timing = ElectionTiming {
        core: Timing {
            ttl: known?,
            renew_interval: renew_interval?,
            observe_interval: observe_interval?,
            voter_timeout: voter_timeout?,
        },
        stop_grace: stop_grace?,
        fence_margin: fence_margin?,
        drain_timeout: drain_timeout?,
    };
    let checked = check_ladder(&timing, |key| judge.written(key));
    judge.note(checked).map(|()| timing)
}

/// The ttl that was given, or that of the preset; the later source wins, and in one source the ttl.
fn ttl(judge: &mut Judge<'_>) -> Option<Duration> {
    let names = PRESETS.map(|(name, ttl)| (name, ttl));
    let preset = judge.choice("timing.preset", DEFAULT_TTL, &names)?;
    let preset_wins = match (judge.written("timing.preset"), judge.written("timing.ttl")) {
        (Some(preset), Some(ttl)) => preset.origin.is_stronger_than(&ttl.origin),
        (_, None) => true,
        (None, Some(_)) => false,
    };
    if preset_wins {
        return Some(preset);
    }
    let ttl = judge.duration("timing.ttl", DEFAULT_TTL, SHORTEST_TTL, LONGEST_TTL, "1s to 10m")?;
    if ttl.subsec_nanos() % 1_000_000 == 0 {
        return Some(ttl);
    }
    judge.refuse("timing.ttl", "must be whole milliseconds from 1s to 10m", "the voters count in them");
    None
}

/// `written` answers what somebody wrote for a key, so that the sentence can say where.
fn check_ladder<'a>(
    timing: &ElectionTiming,
    written: impl Fn(&str) -> Option<&'a Entry>,
) -> Result<(), Problem> {
    let ElectionTiming { core, stop_grace, fence_margin, drain_timeout: _ } = *timing;
    let clock_margin = core.ttl.saturating_sub(leader_validity(core.ttl));
    let needed = ladder(&core, stop_grace, fence_margin);
    if needed < core.ttl {
        return Ok(());
    }
    let shown = |key: &str, value: Duration| {
        let origin = written(key).map_or_else(|| "derived".to_owned(), |entry| entry.origin.to_string());
        format!("{key} ({}, {origin})", duration::format(value))
    };
    let rule = format!(
        "leaves no room for one missed renewal, because 2 × {} + {} + {} + {} + the clocks' margin ({}) make {}, which \
         must be less than {}",
        shown("timing.renewInterval", core.renew_interval),
        shown("timing.voterTimeout", core.voter_timeout),
        shown("timing.stopGrace", stop_grace),
        shown("timing.fenceMargin", fence_margin),
        duration::format(clock_margin),
        duration::format(needed),
        shown("timing.ttl", core.ttl),
    );
    let remedy = "raise timing.ttl, or lower or remove the others, which are then derived from it";
    Err(Problem::new("timing", rule, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_derived_fits_in_the_ladder_at_every_ttl() {
        for ttl_ms in (1_000..=600_000).step_by(37) {
            let timing = ElectionTiming::of_ttl(Duration::from_millis(ttl_ms));
            assert_eq!(check_ladder(&timing, |_| None), Ok(()), "{ttl_ms}");
        }
    }

    #[test]
    fn the_ladder_is_refused_at_equality() {
        let mut timing = ElectionTiming::of_ttl(Duration::from_secs(10));
        let left = Duration::from_millis(10_000 - 4_000 - 500 - 500 - 102);
        timing.stop_grace = left;
        assert!(check_ladder(&timing, |_| None).is_err());
        timing.stop_grace = left.saturating_sub(Duration::from_nanos(1));
        assert!(check_ladder(&timing, |_| None).is_ok());
    }
}
