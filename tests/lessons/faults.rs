//! A minority of voters that hangs, and a majority that hangs for a moment.

use std::time::Duration;

use super::{TTL, candidate};
use crate::common::PATIENT;
use crate::common::candidate::{Voters, boot, count, eventually, field, has_lease, since};
use crate::common::onlookers::{Asked, Onlookers};

/// redsync with go-redis's 5 s read timeout and redlock-universal lose a lease that is being renewed.
#[test]
fn one_frozen_voter_of_five_costs_the_leader_nothing() {
    let voters = Voters::experienced(5, TTL);
    let leader = candidate("leader", &voters.urls());
    eventually("all five held", || leader.holds(5));
    let term = leader.term();
    voters.stop(0..1);
    let onlookers = Onlookers::watch(&[&leader]);
    std::thread::sleep(TTL * 2);
    let seen = onlookers.finish();
    assert_eq!((leader.leads(), leader.term()), (true, term));
    // D − renewInterval is about four fifths of the ttl; a renewal that waited for the slowest would come too late.
    let least = seen.iter().filter(|yes| yes.asked == Asked::Status).map(|yes| yes.validity).min().unwrap();
    assert!(least > TTL / 2, "{least:?} of validity left");
    eventually("only the frozen one is not held", || leader.holds(4) || leader.holds(5));
    voters.resume(0..1);
    eventually("all five held again", || leader.holds(5));
    assert_eq!((leader.term(), count(&leader.log(), "lost")), (term, 0));
}

/// One hung voter slows every operation: 501 ms with rslock, 5 s with redlock-universal, for ever with redlock-py.
#[test]
fn elections_with_a_hung_voter_do_not_wait_for_it() {
    const ROUNDS: usize = 5;
    let voters = Voters::experienced(5, TTL);
    let mut leader = candidate("0", &voters.urls());
    eventually("a leader", || leader.leads());
    voters.stop(4..5);
    let mut took = Vec::new();
    for round in 1..=ROUNDS {
        let next = candidate(&round.to_string(), &voters.urls());
        let knows_the_others = || {
            let status = next.status();
            let seen =
                status["voter"].as_array().unwrap().iter().filter(|voter| voter["standing"] == "member");
            seen.count() == 4 && next.sees(&leader.identity)
        };
        let begun = boot();
        while !knows_the_others() {
            assert!(since(begun) < PATIENT, "{}\n{}\n{}", next.status(), leader.log(), next.log());
        }
        let asked = boot();
        leader.signal(nix::sys::signal::Signal::SIGTERM);
        eventually("the next leader", || next.leads());
        took.push(since(asked));
        assert_eq!(std::mem::replace(&mut leader, next).ended().0, Some(0));
    }
    took.sort();
    // Waiting for the hung one takes a voterTimeout, ttl/20.
    assert!(took[ROUNDS / 2] < TTL / 20, "{took:?}");
}

/// rslock deletes its own lease at a 600 ms blip with 8.6 s left; cert-manager#7082, client-go#879 and Kong#3124 let
/// a renewal error kill a healthy leader.
#[test]
fn a_blip_of_a_majority_keeps_leader_term_and_lease() {
    let voters = Voters::experienced(5, TTL);
    let leader = candidate("leader", &voters.urls());
    eventually("all five held", || leader.holds(5));
    let standby = candidate("standby", &voters.urls());
    eventually("the standby sees it", || standby.sees("leader"));
    let term = leader.term();
    let onlookers = Onlookers::watch(&[&leader, &standby]);
    voters.stop(0..3);
    std::thread::sleep(Duration::from_millis(600));
    voters.resume(0..3);
    eventually("all five held again", || leader.holds(5));
    std::thread::sleep(TTL / 2);
    let seen = onlookers.finish();
    assert!(seen.iter().all(|yes| yes.identity == "leader" && (yes.term.is_none() || yes.term == term)));
    assert_eq!((leader.leads(), leader.term(), count(&leader.log(), "lost")), (true, term, 0));
    for server in &voters.servers {
        assert!(has_lease(server) && field(server, "released") == "0");
    }
}
