//! Real candidates and real servers on hosts of their own, while everything befalls them: one leader at a time, terms
//! that grow, and a leader again soon after it is calm.
//!
//! All hosts are on this machine, so that `CLOCK_BOOTTIME` is true time for all of them. `make chaos` goes on for
//! `CHAOS_SECONDS` from `CHAOS_SEED`; without them it is a short form. The same seed strikes with the same faults in the
//! same order; what real processes make of it differs.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not what it must be")]

#[path = "../common/mod.rs"]
mod common;

mod faults;
mod network;
mod world;

use std::process::{Command, Stdio};
use std::time::Duration;

use common::PATIENT;
use common::candidate::{boot, since};
use common::onlookers::{Asked, Onlookers, Yes, never_two_leaders};
use faults::{Count, Dice, storm};
use quorate::core::observer_wait;
use world::{TTL, World};

const SHORT: u64 = 11;
const STORM: Duration = Duration::from_secs(10);
/// Says that this process is in a network namespace of its own.
const INSIDE: &str = "CHAOS_INSIDE";

fn asked(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}: {text:?}")))
}

/// The longest way after a storm: a voter that forgot is waited for, and so is the ballot of a leader that died.
fn calm_bound() -> Duration {
    3 * observer_wait(TTL) + 2 * PATIENT
}

fn is_calm_again(world: &World) -> Duration {
    let begun = boot();
    while world.leader().is_none() {
        assert!(since(begun) < calm_bound(), "no leader {:?} after the storm", since(begun));
        std::thread::sleep(Duration::from_millis(10));
    }
    let took = since(begun);
    world.wait_until_all_remember();
    took
}

fn go_on_for(whole: Duration, seed: u64) {
    network::build_bridges();
    let mut world = World::new();
    let mut dice = Dice::of_seed(seed);
    let mut count = Count::new();
    is_calm_again(&world);
    let begun = boot();
    let (mut storms, mut slowest, mut yeses) = (0, Duration::ZERO, 0);
    while since(begun) < whole {
        let onlookers = Onlookers::at(world.addresses());
        storm(&mut world, &mut dice, STORM, &mut count);
        slowest = slowest.max(is_calm_again(&world));
        let told = onlookers.finish();
        assert!(!told.is_empty(), "nobody was seen to lead");
        (storms, yeses) = (storms + 1, yeses + told.len());
    }
    let (struck, took) = (count.values().sum::<usize>(), since(begun).as_secs());
    assert!(struck > 0, "nothing befell anybody");
    println!("{struck} faults in {storms} storms survived in {took} s, {yeses} yeses, never two leaders;");
    println!("a leader at most {slowest:?} after a storm");
    for (kind, times) in count {
        println!("{times:>6}  {kind}");
    }
}

#[test]
fn one_leader_at_a_time_whatever_befalls_processes_clocks_and_network() {
    let seed = asked("CHAOS_SEED").unwrap_or(1);
    if std::env::var_os(INSIDE).is_some() {
        go_on_for(Duration::from_secs(asked("CHAOS_SECONDS").unwrap_or(SHORT)), seed);
        return;
    }
    println!("seed {seed}");
    // Whoever is not root is so in a namespace of users, where the system lets everybody make one.
    let may_already = Command::new("unshare").args(["--net", "true"]).stderr(Stdio::null()).status().unwrap();
    let as_root: &[&str] = if may_already.success() { &[] } else { &["--user", "--map-root-user"] };
    let inside = Command::new("unshare")
        .args(as_root)
        .args(["--net", "--"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--nocapture",
            "--exact",
            "one_leader_at_a_time_whatever_befalls_processes_clocks_and_network",
        ])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(inside.success(), "again: make chaos CHAOS_SEED={seed}");
}

/// What the observer would make of these: who, in which term, asked and answered when, in milliseconds.
fn is_accepted(seen: &[(&str, u64, u64, u64)]) -> bool {
    let yes = |&(identity, term, sent, received): &(&str, u64, u64, u64)| Yes {
        identity: identity.to_owned(),
        asked: Asked::Leaderz,
        term: Some(term),
        sent: Duration::from_millis(sent),
        received: Duration::from_millis(received),
        validity: Duration::ZERO,
    };
    let seen: Vec<_> = seen.iter().map(yes).collect();
    std::panic::catch_unwind(|| never_two_leaders(&seen)).is_ok()
}

#[test]
fn the_observer_sees_two_leaders_and_terms_that_repeat_or_fall() {
    assert!(is_accepted(&[("a", 1, 0, 2), ("a", 1, 4, 9), ("b", 2, 8, 10), ("b", 2, 12, 14)]));
    assert!(!is_accepted(&[("a", 1, 0, 2), ("b", 2, 4, 6), ("a", 1, 8, 10)]), "two at once");
    assert!(!is_accepted(&[("a", 1, 0, 2), ("b", 1, 4, 6)]), "a term that repeats");
    assert!(!is_accepted(&[("a", 2, 0, 2), ("b", 1, 4, 6)]), "a term that falls");
}
