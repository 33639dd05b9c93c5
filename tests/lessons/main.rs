//! How others failed their users, and that Quorate does not: real servers, real candidates.
//!
//! | behaviour that others showed | test here, or where else |
//! |---|---|
//! | a cached "I am leader" outlives the lease | `loss::a_leader_that_was_stopped_…`, `restarts::a_candidate_restarted_after_a_crash_…` |
//! | the lease is released before the work has stopped | `tests/exec/stops.rs`: `the_lease_is_held_beyond_its_ttl_…`, `what_a_command_leaves_behind_…`; `core` tests `a_lapsed_lease_is_released_only_after_…`, `a_resigning_leader_renews_until_…`; for renewals `loss::a_failing_renewal_…` |
//! | told after the fact, two leaders where only the leader is cut off | `loss::when_only_the_leader_is_cut_off_…` |
//! | the clock is looked at once a second | `loss::when_the_voters_stop_…` (its watchers) |
//! | one frozen voter costs the lease | `faults::one_frozen_voter_of_five_…` |
//! | five voters restarted empty one after another | `restarts::five_voters_restarted_empty_…` |
//! | work starts on a lock that has expired already | a round trip that long is beyond the voter timeout: `core` test `validity_counts_from_before_the_verifying_confirm_was_sent` |
//! | the drain is unbounded | `tests/exec/stops.rs`: `a_drain_that_takes_too_long_…`; `election` tests; `run.rs`: `a_standby_leaves_at_once_and_a_leader_without_voters_within_…` |
//! | one-shot elector | `loss::after_a_loss_…` |
//! | a renewal error kills a healthy leader | `faults::a_blip_of_a_majority_…` |
//! | an expired lock cannot be renewed, the process stays leader in its own eyes | `loss::after_a_loss_…`, `loss::a_leader_that_was_stopped_…` |
//! | the child outlives the lock; two pods keep the label; leader-only readiness | children: `tests/exec/stops.rs`, `tests/exec/fence.rs`; Kubernetes: `tests/cluster`, `tests/kubernetes` |
//! | SIGTERM leaves the lease behind | `run.rs`: `a_candidate_is_elected_tells_so_everywhere_and_releases_at_sigterm` |
//! | an unconditional write lets two win | `elections::of_candidates_that_start_at_once_…` |
//! | one hung voter slows every operation | `faults::elections_with_a_hung_voter_…` |
//! | a 600 ms blip deletes the own lease | `faults::a_blip_of_a_majority_…`, `loss::a_failing_renewal_…` |
//! | an expired lock is returned as valid | `loss::when_the_voters_stop_…` |
//! | loss is noticed late or never | `loss::when_the_voters_stop_…` |
//! | a split vote waits out the ttl | `elections::of_twenty_hand_overs_…` |
//! | one voter down makes acquisition fail and orphans keys | `elections::with_one_voter_down_from_the_start_…` |
//! | renewal busy-loops | `elections::renewals_and_observations_…` |
//! | lost keys are never healed | `restarts::spaced_restarts_…`, `failover::a_fail_over_…` |
//! | healed keys are counted as renewals | order of messages: `core` tests `nothing_is_adopted_without_fresh_confirms_of_a_quorum`, `a_renewal_counts_from_when_it_was_sent`, and those of the ledger |
//! | a watchdog extends without comparing the owner; different values per server; a blind or unguarded release | `voter_scripts` and `voter_model.rs`, operation by operation |
//! | a replica that lost the last writes | `failover::…` |
//! | the same server twice; other voters; another ttl | `misfits::…` |
//! | every trouble is "not acquired" | `troubles::…`; each kind on each server version: `voter_connection` |
//! | standbys export no metrics; stale series after a loss | `series::…`, `loss::after_a_loss_…` |
//! | automatic fail-back | `restarts::a_leader_that_returns_…` |
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
