//! One voter, knowingly (`allowSingleVoter`): no fault is tolerated, but whatever its server forgets, nobody leads until
//! whoever led before cannot believe it any more, and terms grow.
//!
//! Time is `CLOCK_BOOTTIME`, which on a host that is not suspended runs as `CLOCK_MONOTONIC` does: all processes of
//! this host agree on it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not what it must be")]

#[path = "common/mod.rs"]
mod common;

use std::process::Command;
use std::time::Duration;

use common::candidate::{Agent, Launch, Voters, boot, count, eventually, field};
use common::failover::{World, version};
use common::forwarder::Forwarder;
use common::onlookers::{Onlookers, Yes};
use quorate::core::observer_wait;
use quorate::local::{LocalServer, Memory};

/// Long enough for a busy machine to renew in, short enough to wait for a quarantine.
const TTL: Duration = Duration::from_secs(2);

fn start(launch: Launch) -> Agent {
    launch.environment("QUORATE_ALLOW_SINGLE_VOTER", "true").start()
}

fn launch(voters: &Voters, identity: &str) -> Launch {
    Launch::new(identity, voters.urls(), TTL)
}

/// Waits for a leader of a later term than this one.
fn next_term(agents: &[&Agent], former: u64) -> u64 {
    let leading = || agents.iter().filter_map(|agent| agent.term()).find(|term| *term > former);
    eventually("a leader of a later term", || leading().is_some());
    leading().unwrap_or_else(|| panic!("it lost the leadership at once"))
}

/// Nobody says yes in a later term before whoever led may have stopped to believe.
fn nobody_led_before(seen: &[Yes], forgotten: Duration, former: u64) {
    let later: Vec<_> = seen.iter().filter(|yes| yes.term.is_some_and(|term| term > former)).collect();
    assert!(!later.is_empty(), "nobody was seen to lead again");
    for yes in later {
        let waited = yes.received.saturating_sub(forgotten);
        assert!(waited >= observer_wait(TTL), "{yes:?} only {waited:?} after the voter had forgotten");
    }
}

/// Two candidates at one voter, one of which leads, and what becomes of them when the voter forgets.
fn after(forget: impl FnOnce(&mut LocalServer)) {
    let mut voters = Voters::experienced(1, TTL);
    let leader = start(launch(&voters, "leader"));
    eventually("it leads", || leader.leads());
    let standby = start(launch(&voters, "standby"));
    eventually("the standby sees it", || standby.sees("leader"));
    let term = leader.term().unwrap();
    let onlookers = Onlookers::watch(&[&leader, &standby]);
    let forgotten = boot();
    forget(&mut voters.servers[0]);
    next_term(&[&leader, &standby], term);
    nobody_led_before(&onlookers.finish(), forgotten, term);
    assert_eq!(count(&leader.log(), "lost"), 1);
}

#[test]
fn a_voter_restarted_empty_has_no_leader_until_the_former_one_cannot_believe_any_more() {
    after(|voter| voter.restart(Memory::Empty).unwrap());
}

/// What it wrote down may be older than what it said.
#[test]
fn a_voter_restarted_with_its_data_has_no_leader_for_as_long() {
    after(|voter| voter.restart(Memory::Saved).unwrap());
}

#[test]
fn a_voter_that_was_flushed_has_no_leader_for_as_long() {
    after(|voter| drop(voter.command(&["FLUSHALL"]).unwrap()));
}

/// The leader knows nothing of it: only the wait keeps the other one from leading beside it.
#[test]
fn a_leader_that_is_cut_off_while_the_voter_is_flushed_is_alone_until_it_has_stopped() {
    let voters = Voters::experienced(1, TTL);
    let line = Forwarder::to(voters.servers[0].port());
    let leader = start(Launch::new("leader", [("a", line.url())], TTL));
    eventually("it leads", || leader.leads());
    let standby = start(launch(&voters, "standby"));
    eventually("the standby sees it", || standby.sees("leader"));
    let term = leader.term().unwrap();
    let onlookers = Onlookers::watch(&[&leader, &standby]);
    let renewals = version(&voters.servers[0]);
    eventually("a renewal", || version(&voters.servers[0]) > renewals);
    line.cut();
    let forgotten = boot();
    voters.servers[0].command(&["FLUSHALL"]).unwrap();
    eventually("the standby leads", || standby.leads());
    line.heal();
    let seen = onlookers.finish();
    nobody_led_before(&seen, forgotten, term);
    believed_on(&seen, forgotten);
}

/// Otherwise the test before has shown nothing.
fn believed_on(seen: &[Yes], forgotten: Duration) {
    let is_believer = |yes: &Yes| yes.identity == "leader" && yes.sent > forgotten + TTL / 4;
    assert!(seen.iter().any(is_believer), "the leader stepped down early");
}

/// The replica knows nothing of the leadership at all, and neither do the candidates that find it.
#[test]
fn a_fail_over_that_loses_the_last_writes_gives_no_leader_too_early_and_no_smaller_term() {
    let world = World::new(1, 1, TTL);
    world.split(0);
    let leader = start(world.launch("leader"));
    eventually("it leads", || leader.leads());
    let standby = start(world.launch("standby"));
    eventually("the standby sees it", || standby.sees("leader"));
    let term = leader.term().unwrap();
    assert!(field(&world.replicas[0], "term").parse::<u64>().unwrap() < term, "the replica missed it");
    let onlookers = Onlookers::watch(&[&leader, &standby]);
    let forgotten = boot();
    world.fail_over(0);
    let next = next_term(&[&leader, &standby], term);
    nobody_led_before(&onlookers.finish(), forgotten, term);

    // Now with nobody left who remembers.
    leader.crash();
    standby.crash();
    let stranger = start(world.launch("stranger"));
    eventually("it leads", || stranger.leads());
    assert!(stranger.term().unwrap() > next);
}

#[test]
fn a_fail_over_there_and_back_is_forgotten_twice_and_shared_never() {
    let world = World::new(1, 1, TTL);
    let (primary, replica) = (&world.voters.servers[0], &world.replicas[0]);
    let leader = start(world.launch("leader"));
    eventually("it leads", || leader.leads());
    let standby = start(world.launch("standby"));
    eventually("the standby sees it", || standby.sees("leader"));
    let agents = [&leader, &standby];
    let first = leader.term().unwrap();

    let onlookers = Onlookers::watch(&agents);
    world.split(0);
    let then = version(replica);
    eventually("the replica misses two renewals", || version(primary) >= then + 2);
    let forgotten = boot();
    world.fail_over(0);
    let second = next_term(&agents, first);
    nobody_led_before(&onlookers.finish(), forgotten, first);

    let onlookers = Onlookers::watch(&agents);
    world.split_back(0);
    let then = version(primary);
    eventually("the old primary misses two renewals", || version(replica) >= then + 2);
    let forgotten = boot();
    world.fail_back(0);
    next_term(&agents, second);
    nobody_led_before(&onlookers.finish(), forgotten, second);
}

/// The same process again, without the leadership that it had written down: nobody spoke with the replica, and whoever
/// comes now has seen nothing before. Only its history is another.
#[test]
fn a_fail_over_there_and_back_that_nobody_saw_gives_a_newcomer_no_lease_that_somebody_believes_in() {
    let world = World::new(1, 1, TTL);
    world.split(0);
    let line = Forwarder::to(world.voters.servers[0].port());
    let leader = start(Launch::new("leader", [("a", line.url())], TTL));
    eventually("it leads", || leader.leads());
    let term = leader.term().unwrap();
    let renewals = version(&world.voters.servers[0]);
    eventually("a renewal", || version(&world.voters.servers[0]) > renewals);
    line.cut();
    let forgotten = boot();
    world.split_back(0);
    assert_eq!(field(&world.voters.servers[0], "released"), "1", "as before anybody led");
    let newcomer = start(world.launch("newcomer"));
    let onlookers = Onlookers::watch(&[&leader, &newcomer]);
    eventually("the newcomer leads", || newcomer.leads());
    let seen = onlookers.finish();
    assert!(newcomer.term().unwrap() > term);
    nobody_led_before(&seen, forgotten, term);
    believed_on(&seen, forgotten);
}

#[test]
fn status_says_what_one_voter_does_not_promise() {
    let voters = Voters::experienced(1, TTL);
    let (name, url) = &voters.urls()[0];
    let status = |format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
        command.args(["status", "--election", "orders", "--allow-single-voter", "true", "-o", format]);
        let output = command.args(["--voter", &format!("{name}={url}")]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    for told in [status("table"), status("json")] {
        assert!(told.contains("a: is the only voter"), "{told}");
        assert!(told.contains("nobody leads for about one ttl"), "{told}");
    }
}
