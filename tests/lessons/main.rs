//! How others failed their users, and that Quorate does not: real servers, real candidates.
//!
//! TABLE
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not what it must be")]

#[path = "../common/mod.rs"]
mod common;

mod elections;
mod failover;
mod faults;
mod loss;
mod misfits;
mod restarts;
mod series;
mod troubles;

use std::fmt::Display;
use std::time::Duration;

use common::candidate::{Agent, Launch};

/// Long enough for a busy machine to renew in, short enough to wait for a lapse.
const TTL: Duration = Duration::from_secs(2);

fn candidate<U: Display>(identity: &str, urls: &[(&'static str, U)]) -> Agent {
    Launch::new(identity, urls.iter().map(|(name, url)| (name, url)), TTL).start()
}
