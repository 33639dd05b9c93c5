//! The library as a program uses it: through its public surface, against real servers.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not what it must be")]

#[path = "../common/mod.rs"]
mod common;

mod example;
mod giving_up;
mod many;
mod settings;

use std::future::Future;
use std::time::Duration;

use common::candidate::Voters as Servers;
use quorate::{Election, ElectionBuilder, Leadership, Voters};

/// Long enough for a busy machine to renew in, short enough to wait for a lapse.
const TTL: Duration = Duration::from_secs(3);
/// More than a voter on a busy machine takes, which is what is not tested here.
const VOTER_TIMEOUT: Duration = Duration::from_millis(500);
/// Longer than anything that is waited for here.
const PATIENCE: Duration = Duration::from_secs(30);

/// A set of connections of its own, as another program would have.
fn connect(servers: &Servers) -> Voters {
    Voters::new(servers.urls()).unwrap()
}

fn candidate(identity: &str) -> ElectionBuilder {
    Election::builder("orders").ttl(TTL).voter_timeout(VOTER_TIMEOUT).identity(identity)
}

async fn elected(election: &mut Election) -> Leadership {
    soon(election.campaign()).await.unwrap()
}

/// The outcome, or the end of the test.
async fn soon<T>(outcome: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, outcome).await.unwrap()
}

/// As a program's `main` would: several threads, everything enabled.
fn block_on<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test)
}
