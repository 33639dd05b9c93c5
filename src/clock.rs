//! The host's clocks, read together.

use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

use crate::core::{Moment, Now};

/// The clocks of the lease protocol, now.
///
/// `CLOCK_BOOTTIME` and `CLOCK_MONOTONIC_RAW` exist on every Linux that Quorate runs on; should the kernel refuse
/// one, its reading is the end of time, at which nobody leads and nobody's watch has begun to run out.
#[must_use]
pub fn now() -> Now {
    let boot_ns = nanos(ClockId::CLOCK_BOOTTIME);
    let raw_ns = nanos(ClockId::CLOCK_MONOTONIC_RAW);
    Now { at: Moment::from_nanos(boot_ns, raw_ns), wall_us: nanos(ClockId::CLOCK_REALTIME) / 1000 }
}

fn nanos(clock: ClockId) -> u64 {
    clock_gettime(clock).ok().and_then(|time| u64::try_from(time.num_nanoseconds()).ok()).unwrap_or(u64::MAX)
}
