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
mod observer;
mod resource;
mod world;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::PATIENT;
use common::candidate::{boot, since};
use common::onlookers::{Asked, Yes, never_two_leaders};
use faults::{Count, Dice, storm};
use observer::Observer;
use quorate::core::observer_wait;
use resource::Resource;
use world::{CANDIDATES, TTL, World};

const SHORT: u64 = 11;
const STORM: Duration = Duration::from_secs(9);
/// After so many storms everything is forgotten on purpose.
const RESET_AFTER: usize = 3;
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

/// As the manual has it: all candidates are stopped, the voters forget, the candidates are started again.
fn reset(world: &mut World) {
    (0..CANDIDATES).for_each(|candidate| world.end(candidate, true));
    world.begin_reset(0);
    assert!(world.end_reset(), "nothing kept it from removing everything");
    (0..CANDIDATES).for_each(|candidate| world.start(candidate));
    is_calm_again(world);
}

fn go_on_for(whole: Duration, seed: u64) {
    network::build_bridges();
    let mut world = World::new();
    let (mut dice, mut count) = (Dice::of_seed(seed), Count::new());
    // One for all storms: terms grow through resets, too.
    let resource = Arc::new(Resource::default());
    is_calm_again(&world);
    let begun = boot();
    let (mut storms, mut slowest, mut yeses) = (0, Duration::ZERO, [0, 0]);
    while since(begun) < whole {
        let observer = Observer::at(&world.addresses(), &resource);
        storm(&mut world, &mut dice, STORM, &mut count);
        slowest = slowest.max(is_calm_again(&world));
        storms += 1;
        if storms % RESET_AFTER == 0 {
            reset(&mut world);
            *count.entry("resets of everything").or_default() += 1;
        }
        let told = observer.finish();
        assert!(told.iter().all(|times| *times > 0), "nobody was seen to lead: {told:?}");
        yeses = [yeses[0] + told[0], yeses[1] + told[1]];
    }
    let (struck, took) = (count.values().sum::<usize>(), since(begun).as_secs());
    assert!(struck > 0, "nothing befell anybody");
    let ([answers, events], (acts, refused)) = (yeses, resource.counts());
    println!(
        "{struck} faults in {storms} storms survived in {took} s, never two leaders by {answers} answers,"
    );
    println!("{events} events and {acts} acts; {refused} late acts refused;");
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
