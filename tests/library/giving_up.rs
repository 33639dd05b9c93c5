//! How a leadership ends: nothing is released before the work that it was given to has stopped.

use std::time::Duration;

use quorate::{EndReason, Error, Leadership, Phase};

use crate::common::candidate::{Voters as Servers, boot, eventually, field, since};
use crate::{TTL, block_on, candidate, connect, elected, soon};

/// Two programs, the first of which leads, and the campaign of the second.
struct Pair {
    servers: Servers,
    first: quorate::Election,
    leadership: Leadership,
    second: tokio::task::JoinHandle<(quorate::Election, Leadership)>,
}

impl Pair {
    async fn new(servers: Servers) -> Self {
        let mut first = candidate("first").start(&connect(&servers)).unwrap();
        let leadership = elected(&mut first).await;
        let mut second = candidate("second").start(&connect(&servers)).unwrap();
        let second = tokio::spawn(async move {
            let leadership = second.campaign().await.unwrap();
            (second, leadership)
        });
        Self { servers, first, leadership, second }
    }
}

#[test]
fn the_lease_is_released_when_the_last_part_of_the_work_has_let_go_and_not_before() {
    let servers = Servers::experienced(3, TTL);
    block_on(async {
        let Pair { servers, leadership, second, first } = Pair::new(servers).await;
        let (term, part) = (leadership.term(), leadership.clone());
        let resigning = tokio::spawn(leadership.resign());
        assert_eq!(soon(part.wait()).await, EndReason::Resigned);

        // Longer than any lease lasts without renewal.
        let begun = boot();
        tokio::time::sleep(TTL * 3 / 2).await;
        assert!(part.holds() && !part.remaining().is_zero(), "renewed while the work stops");
        assert!(!resigning.is_finished() && !second.is_finished());
        assert_eq!(field(&servers.servers[0], "released"), "0");

        let let_go = boot();
        drop(part);
        soon(resigning).await.unwrap();
        assert_eq!(first.status().phase, Phase::Resigned);
        let (_second, next) = soon(second).await.unwrap();
        assert!(next.term() > term);
        assert!(since(let_go) < since(begun));
        soon(next.resign()).await;
    });
}

#[test]
fn a_leadership_that_was_only_dropped_is_kept_until_what_it_promised_has_passed() {
    let servers = Servers::experienced(3, TTL);
    block_on(async {
        let Pair { servers: _servers, leadership, second, mut first } = Pair::new(servers).await;
        let term = leadership.term();
        let promised = boot() + leadership.remaining();
        drop(leadership);
        let (_second, next) = soon(second).await.unwrap();
        assert!(boot() >= promised, "another leads too early");
        assert!(next.term() > term);
        let waiting = tokio::time::timeout(TTL / 4, first.campaign()).await;
        assert!(waiting.is_err(), "it may campaign again, and waits its turn: {waiting:?}");
    });
}

#[test]
fn while_it_is_held_nobody_campaigns_again_and_then_the_next_term_is_larger() {
    let servers = Servers::experienced(3, TTL);
    block_on(async {
        let mut election = candidate("alone").start(&connect(&servers)).unwrap();
        let leadership = elected(&mut election).await;
        let term = leadership.term();
        assert_eq!(election.campaign().await.unwrap_err(), Error::StillHeld { term });
        assert!(leadership.holds(), "asking in vain changes nothing");
        assert!(leadership.verify().await);
        leadership.resign().await;
        let next = elected(&mut election).await;
        assert!(next.term() > term);
        assert_eq!(election.leader().unwrap().term, next.term());
    });
}

#[test]
fn when_renewals_fail_the_work_is_told_while_there_is_time_and_the_leadership_does_not_come_back() {
    let servers = Servers::experienced(3, TTL);
    block_on(async {
        // Twice the time to be told in: the machine may be busy.
        let mut election = candidate("alone").ttl(TTL * 2).start(&connect(&servers)).unwrap();
        let leadership = elected(&mut election).await;
        servers.stop(1..3);
        assert!(!leadership.verify().await, "silence is not agreement");
        let reason = soon(leadership.wait()).await;
        let left = leadership.remaining();
        assert_eq!(reason, EndReason::Lapsed);
        assert!(!left.is_zero() && left <= TTL * 7 / 10, "{left:?}");
        servers.resume(1..3);
        let is_answered = async { while leadership.holds() && !leadership.verify().await {} };
        soon(is_answered).await;
        assert_ne!(election.status().phase, Phase::Leading, "renewals land again, and bring nothing back");
        assert_eq!(soon(leadership.wait()).await, EndReason::Lapsed, "told again to whoever asks late");
        let term = leadership.term();
        drop(leadership);
        assert!(elected(&mut election).await.term() > term);
    });
}

/// As in a program that blocks its only thread: nobody is there to take the leadership back.
#[test]
fn without_voters_and_without_a_runtime_it_holds_no_longer_than_it_said() {
    let servers = Servers::experienced(3, TTL);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_election, leadership) = runtime.block_on(async {
        let mut election = candidate("alone").start(&connect(&servers)).unwrap();
        let leadership = elected(&mut election).await;
        (election, leadership)
    });
    let end = boot() + leadership.remaining();
    assert!(leadership.holds());
    while boot() < end {
        std::thread::sleep(TTL / 100);
    }
    assert!(!leadership.holds() && leadership.remaining().is_zero());
}

#[test]
fn when_a_majority_forgets_the_leadership_is_over_at_once() {
    let mut servers = Servers::experienced(3, TTL);
    block_on(async {
        let mut election = candidate("alone").start(&connect(&servers)).unwrap();
        let leadership = elected(&mut election).await;
        for server in &mut servers.servers[..2] {
            server.restart(quorate::local::Memory::Empty).unwrap();
        }
        let reason = soon(leadership.wait()).await;
        // Where the restarts took longer than the ttl on a busy machine, it lapsed instead.
        assert!(matches!(reason, EndReason::Lost | EndReason::Lapsed), "{reason:?}");
        let term = leadership.term();
        soon(leadership.resign()).await;
        assert!(elected(&mut election).await.term() > term);
    });
}

/// However a campaign is given up, nothing stays behind that would keep others from leading.
#[test]
fn a_campaign_that_nobody_waits_for_is_given_up_at_whatever_point() {
    let servers = Servers::experienced(3, TTL);
    block_on(async {
        let mut fickle = candidate("fickle").start(&connect(&servers)).unwrap();
        let mut won = 0;
        // Down to a patience that nobody is elected in, so that the last thing is to give up.
        for patience in (0..40).rev().map(|step| Duration::from_micros(step * 150)) {
            if let Ok(leadership) = tokio::time::timeout(patience, fickle.campaign()).await {
                won += 1;
                leadership.unwrap().resign().await;
            }
        }
        assert!(won < 40, "not one was given up");
        let mut steady = candidate("steady").start(&connect(&servers)).unwrap();
        let leadership = elected(&mut steady).await;
        eventually("the other one sees it", || {
            fickle.leader().is_some_and(|it| it.term == leadership.term())
        });
        assert_eq!(fickle.status().phase, Phase::Resigned);
    });
}

#[test]
fn an_election_that_nobody_has_any_more_hands_over_and_ends() {
    let servers = Servers::experienced(3, TTL);
    block_on(async {
        let Pair { servers: _servers, leadership, second, first } = Pair::new(servers).await;
        drop(first);
        assert!(leadership.holds() && leadership.verify().await, "what is held goes on");
        soon(leadership.resign()).await;
        drop(soon(second).await.unwrap());
    });
}

#[test]
fn a_record_that_is_not_ours_is_an_error_that_names_both() {
    let servers = Servers::experienced(3, TTL);
    block_on(async {
        let urls = servers.urls().into_iter().zip(["x", "y", "z"]).map(|((_, url), name)| (name, url));
        let voters = quorate::Voters::new(urls).unwrap();
        let mut election = candidate("stranger").start(&voters).unwrap();
        let error = soon(election.campaign()).await.unwrap_err();
        let (theirs, ours) = ("a,b,c".to_owned(), "x,y,z".to_owned());
        assert_eq!(error, Error::OtherVoters { theirs, ours });

        for server in &servers.servers {
            server.command(&["HSET", "quorate:{orders}:record", "format", "2"]).unwrap();
        }
        let mut election = candidate("old").start(&connect(&servers)).unwrap();
        let error = soon(election.campaign()).await.unwrap_err();
        assert_eq!(error, Error::OtherFormat { theirs: "2".to_owned() });
    });
}
