//! The two trip-wires: a leader that can no longer trust its own clocks steps down and is elected again.

use std::time::Duration;

use super::Candidate;
use crate::core::time::Now;

/// How far two clocks may come apart before the leader distrusts its own.
pub(super) const CLOCK_TRIP: Duration = Duration::from_millis(250);

impl Candidate {
    /// The median of the voters' clocks ran on further than the own since the last round.
    pub(super) fn voters_clocks_ran_ahead(&self) -> bool {
        let answered = self.watched.iter().filter_map(|watched| watched.time_excess);
        let (ahead, all) =
            answered.fold((0, 0), |(ahead, all), excess| (ahead + usize::from(excess > CLOCK_TRIP), all + 1));
        all >= self.quorum() && ahead * 2 > all
    }
}

/// Whether the wall clock and the boot clock came apart since `before`.
pub(super) fn diverged(before: Now, now: Now) -> bool {
    let boot = Duration::from_nanos(now.at.boot_ns().saturating_sub(before.at.boot_ns()));
    let wall_before = Duration::from_micros(before.wall_us);
    let wall = Duration::from_micros(now.wall_us);
    (wall_before + boot).abs_diff(wall) > CLOCK_TRIP
}
