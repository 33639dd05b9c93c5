//! The product's own core in simulated worlds: message loss, delay beyond the ttl, duplicates, crashes, amnesia,
//! pauses, clock steps. A small one; what it promises is in `world.rs`.
//!
//! `make simulate` runs more seeds (`QUORATE_SEEDS`, of every size); `make simulate SEED=n` (`QUORATE_SEED`) replays
//! one with a trace.
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]
#![expect(clippy::cast_precision_loss, reason = "milliseconds for people")]

#[cfg(not(feature = "planted-bugs"))]
compile_error!("the simulation plants bugs: cargo test --features planted-bugs");

mod chance;
mod faults;
mod hosts;
mod world;

use quorate::core::{Bug, Planted};
use world::{Counted, Setting, World};

/// Seeds that failed once, for whatever reason, by number of voters.
const SEEDS_THAT_FAILED: [(usize, u64); 0] = [];

fn run(voters: usize, seed: u64, planted: Planted, trace: bool) -> Result<Counted, String> {
    let mut world = World::new(Setting { seed, voters, candidates: 3, planted, trace });
    world.run().map_err(|broken| format!("N = {voters}, seed {seed}: {broken}"))?;
    Ok(world.counted)
}

/// A number from the environment; something else there fails instead of being ignored.
fn asked_for(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().filter(|text| !text.is_empty()).map(|text| text.parse().unwrap())
}

fn storm(voters: usize, seeds: u64) {
    if let Some(seed) = asked_for("QUORATE_SEED") {
        run(voters, seed, Planted::none(), true).unwrap();
        return;
    }
    let mut total = Counted::default();
    for seed in 0..asked_for("QUORATE_SEEDS").unwrap_or(seeds) {
        let counted = run(voters, seed, Planted::none(), false).unwrap();
        total.add(&counted);
    }
    println!("N = {voters}: {total:?}");
    for (what, count) in total.expected(voters) {
        assert!(count > 0, "N = {voters}: the simulation never exercised {what}: {total:?}");
    }
}

#[test]
fn one_voter_keeps_its_promises_in_storms() {
    storm(1, 300);
}

#[test]
fn three_voters_keep_their_promises_in_storms() {
    storm(3, 600);
}

#[test]
fn five_voters_keep_their_promises_in_storms() {
    storm(5, 400);
}

#[test]
fn seeds_that_failed_once_stay_mended() {
    for (voters, seed) in SEEDS_THAT_FAILED {
        run(voters, seed, Planted::none(), false).unwrap();
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    let events = |seed| run(3, seed, Planted::none(), false).unwrap().events;
    assert_eq!(events(7), events(7));
}

/// That the oracles can fail: one rule for each. All rules have directed tests beside the core.
#[test]
fn each_oracle_notices_a_rule_that_is_gone() {
    for (bug, promise) in [
        (Bug::LeadershipIsAFlag, "two leaders"),
        (Bug::QuorumOfHalf, "came twice"),
        (Bug::ReleaseBeforeStop, "before its work had stopped"),
        (Bug::VersionReset, "no leader"),
    ] {
        let mut broken = (0..100).filter_map(|seed| run(3, seed, Planted::bug(bug), false).err());
        assert!(broken.any(|broken| broken.contains(promise)), "{bug:?} was never noticed as {promise:?}");
    }
}

impl Counted {
    fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.elected += other.elected;
        self.failed_attempts += other.failed_attempts;
        self.lapsed += other.lapsed;
        self.lost += other.lost;
        self.resigned += other.resigned;
        self.adopts += other.adopts;
        self.joins += other.joins;
        self.resets_first += other.resets_first;
        self.resets_forgotten += other.resets_forgotten;
        self.resets_unreadable += other.resets_unreadable;
        self.verified += other.verified;
    }

    /// What every storm must have exercised.
    fn expected(&self, voters: usize) -> Vec<(&'static str, u64)> {
        let mut expected = vec![
            ("an election", self.elected),
            ("a failed attempt", self.failed_attempts),
            ("a lapse", self.lapsed),
            ("a loss", self.lost),
            ("a resignation", self.resigned),
            ("a join", self.joins),
            ("a first epoch", self.resets_first),
            ("a forgotten epoch", self.resets_forgotten),
            ("a verification", self.verified),
        ];
        if voters > 1 {
            expected.extend([("an adopt", self.adopts), ("an unreadable epoch", self.resets_unreadable)]);
        }
        expected
    }
}
