//! A good neighbour of classic Redlock: real locks of other people, taken on the lease key, beside real candidates.
//!
//! `redlock-py` over three servers and over one; redis-py's own `Lock` and the `WATCH`/`MULTI` lock of the tutorials over
//! one, because they know no more. Pinned in scripts/test-neighbours.txt, installed by `scripts/tools.sh neighbours`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not what it must be")]

#[path = "../common/mod.rs"]
mod common;

mod lock;

use std::process::Command;
use std::time::Duration;

use common::candidate::{Agent, Launch, Voters, boot, count, eventually, field, has_lease, since};
use lock::{Kind, Lock};
use quorate::local::Memory;

/// Long enough for a busy machine to renew in.
const TTL: Duration = Duration::from_secs(2);

/// Makes one test of each of their locks from one body.
macro_rules! beside_every_lock {
    ($(#[$meta:meta])* fn $name:ident($kind:ident) $body:block) => {
        $(#[$meta])*
        mod $name {
            use super::*;
            fn body($kind: Kind) $body
            #[test]
            fn redlock_py_over_three() {
                body(Kind::RedlockPy { voters: 3 });
            }
            #[test]
            fn redlock_py_over_one() {
                body(Kind::RedlockPy { voters: 1 });
            }
            #[test]
            fn redis_py_over_one() {
                body(Kind::RedisPy);
            }
            #[test]
            fn tutorial_over_one() {
                body(Kind::Tutorial);
            }
        }
    };
}

fn start(voters: &Voters, identity: &str) -> Agent {
    let launch = Launch::new(identity, voters.urls(), TTL);
    launch.environment("QUORATE_ALLOW_SINGLE_VOTER", "true").start()
}

/// A candidate that would lead, if it were not for the lock.
fn start_and_see_the_lock(voters: &Voters) -> Agent {
    let agent = start(voters, "quorate");
    eventually("the lock is seen", || {
        let status = agent.status();
        status["voter"].as_array().unwrap().iter().all(|voter| voter["foreignKey"].is_object())
    });
    assert!(!agent.leads());
    agent
}

beside_every_lock! {
    fn their_lock_keeps_quorate_from_leading_until_it_is_given_back(kind) {
        let voters = Voters::experienced(kind.voters(), TTL);
        let mut lock = Lock::of(kind, &voters);
        // For longer than this test may wait: it ends because it is given back.
        assert!(lock.take(Some(Duration::from_mins(10))));
        let agent = start_and_see_the_lock(&voters);
        let term = field(&voters.servers[0], "term");
        assert_eq!(term, common::candidate::FORMER_TERM.to_string(), "nothing was granted");
        assert!(lock.give_back());
        eventually("it leads", || agent.leads());
        assert!(agent.term().unwrap() > common::candidate::FORMER_TERM);
    }
}

beside_every_lock! {
    fn their_lock_keeps_quorate_from_leading_until_its_ttl_has_passed(kind) {
        let voters = Voters::experienced(kind.voters(), TTL);
        let mut lock = Lock::of(kind, &voters);
        let taken = boot();
        assert!(lock.take(Some(TTL)));
        let agent = start(&voters, "quorate");
        eventually("it leads", || agent.leads());
        assert!(since(taken) >= TTL, "it led {:?} after their lock was taken", since(taken));

        // Theirs is over, and giving it back late takes nothing from us.
        lock.give_back();
        assert!(voters.servers.iter().all(has_lease));
        eventually("all are renewed", || agent.holds(kind.voters()));
        assert_eq!(count(&agent.log(), "lost"), 0);
    }
}

beside_every_lock! {
    fn while_quorate_leads_they_get_no_lock_and_afterwards_they_do(kind) {
        let voters = Voters::experienced(kind.voters(), TTL);
        let agent = start(&voters, "quorate");
        eventually("it leads", || agent.leads() && agent.holds(kind.voters()));
        let term = agent.term();
        let mut lock = Lock::of(kind, &voters);
        let begun = boot();
        // Over several renewals, and longer than a lease lasts without.
        while since(begun) < TTL * 11 / 10 {
            assert!(!lock.take(Some(TTL)), "a second holder");
        }
        assert!(agent.leads());
        assert_eq!((agent.term(), count(&agent.log(), "lost")), (term, 0));
        assert_eq!(agent.end().0, Some(0));
        assert!(lock.take(Some(TTL)), "released is free");
    }
}

/// The server that lost its memory is free for a moment; theirs takes what it can get, and it is not enough.
#[test]
fn a_voter_that_forgot_while_quorate_leads_gives_redlock_py_no_majority_and_comes_back() {
    let mut voters = Voters::experienced(3, TTL);
    let agent = start(&voters, "quorate");
    eventually("it leads", || agent.leads() && agent.holds(3));
    let term = agent.term();
    let mut lock = Lock::of(Kind::RedlockPy { voters: 3 }, &voters);
    for server in 0..3 {
        voters.servers[server].restart(Memory::Empty).unwrap();
        assert!(!lock.take(Some(TTL)), "a second holder");
        eventually("it is healed", || has_lease(&voters.servers[server]) && agent.holds(3));
    }
    assert_eq!((agent.term(), count(&agent.log(), "lost")), (term, 0));
}

/// Of the three only redis-py's own lock has no ttl unless told; Redis never ends such a key.
#[test]
fn a_lock_without_ttl_stays_until_it_is_given_back_and_everybody_is_told() {
    let voters = Voters::experienced(1, TTL);
    let mut lock = Lock::of(Kind::RedisPy, &voters);
    assert!(lock.take(None));
    let agent = start_and_see_the_lock(&voters);
    eventually("the log tells", || agent.log().contains("has no ttl"));
    eventually("the metric tells", || agent.metric("quorate_voter_foreign_key{voter=\"a\"}") > 0.0);
    let (name, url) = &voters.urls()[0];
    let mut status = Command::new(env!("CARGO_BIN_EXE_quorate"));
    status.args([
        "status",
        "--election",
        "orders",
        "--allow-single-voter",
        "--voter",
        &format!("{name}={url}"),
    ]);
    let told = String::from_utf8(status.output().unwrap().stdout).unwrap();
    assert!(told.contains("has no ttl"), "{told}");

    let begun = boot();
    // Longer than any lease of ours lasts.
    while since(begun) < TTL * 11 / 10 {
        assert!(!agent.leads());
        std::thread::sleep(TTL / 100);
    }
    assert!(lock.give_back());
    eventually("it leads", || agent.leads());
}
