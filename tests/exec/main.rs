//! `quorate exec` as a process: real servers, real children, real signals.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not what it must be")]

#[path = "../common/mod.rs"]
mod common;

mod ends;
mod fence;
mod files;
mod freezer;
mod guarded;
mod harness;
mod health;
mod stops;
mod waits;

use std::time::Duration;

/// Long enough for a busy machine to renew in, short enough to wait for a lapse.
const TTL: Duration = Duration::from_secs(2);
