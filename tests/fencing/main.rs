//! Terms at the resource: the examples of docs/fencing.md, run by `quorate exec` against the real thing. What a deposed
//! leader sent in time and what arrives late is refused.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not what it must be")]

#[path = "../common/mod.rs"]
mod common;

mod documented;
mod resource;

use std::time::Duration;

use common::candidate::{Agent, Launch, Voters, eventually};
use resource::{File, Postgres, Redis, Resource, Service, example};

/// Long enough for a busy machine to renew in.
const TTL: Duration = Duration::from_secs(2);

/// A candidate whose work counts upwards in the resource.
fn counter(voters: &Voters, identity: &str, resource: &dyn Resource) -> Agent {
    let (worker, ask) = (example("worker.sh"), example(resource.example()));
    let urls = voters.urls().into_iter().take(3);
    let mut launch = Launch::exec(identity, urls, TTL, &[], &[&worker, &ask]);
    for (name, value) in resource.environment() {
        launch = launch.environment(name, &value);
    }
    launch.start()
}

/// Waits for a value. Each look is a process.
fn until_it_reads(resource: &dyn Resource, what: &str, is_it: impl Fn(u64) -> bool) {
    eventually(what, || {
        std::thread::sleep(Duration::from_millis(50));
        is_it(resource.read())
    });
}

/// The term that a candidate leads, once the counter moves.
fn counts(agent: &Agent, resource: &dyn Resource) -> u64 {
    eventually("it leads", || agent.leads());
    let before = resource.read();
    until_it_reads(resource, "it counts", |value| value >= before + 2);
    agent.term().unwrap()
}

/// A write that was sent while its sender led arrives under the next leader.
fn a_late_write_of_a_deposed_leader_is_refused(resource: &dyn Resource) {
    let voters = Voters::experienced(3, TTL);
    let first = counter(&voters, "first", resource);
    let term = counts(&first, resource);
    let second = counter(&voters, "second", resource);
    eventually("the second sees the first", || second.sees("first"));
    let late = resource.send_late(term, 1_000_000);
    first.end();
    let next = counts(&second, resource);
    assert!(next > term);
    let (is_taken, said) = late.arrive();
    assert!(!is_taken && said.contains("refused") && said.contains(&term.to_string()), "{said}");
    let value = resource.read();
    assert!(value < 1_000_000, "{value}");
    // The next leader is not disturbed by it.
    until_it_reads(resource, "it counts on", |read| read > value);
    second.end();
}

/// Why to claim first: a leader that only reads can be overtaken by a late write of the one before.
fn whoever_claims_before_reading_cannot_be_overtaken(resource: &dyn Resource) {
    assert_eq!(resource.ask(10, &["write", "7"]).1, "7");
    let read = resource.read();
    // Term 11 leads now, has read, and has not written yet.
    assert_eq!(
        resource.ask(10, &["write", "8"]),
        (true, "8".to_owned()),
        "nothing tells the resource of term 11"
    );
    assert_ne!(resource.read(), read, "what term 11 has read is no longer so");
    // Term 12 claims.
    assert_eq!(resource.ask(12, &["claim"]), (true, "8".to_owned()));
    for term in [10, 11] {
        let (is_taken, said) = resource.ask(term, &["write", "9"]);
        assert!(!is_taken && said.contains("refused"), "{term}: {said}");
        assert!(!resource.ask(term, &["claim"]).0);
    }
    assert_eq!(resource.read(), 8, "what term 12 has read is so");
    assert_eq!(resource.ask(12, &["write", "9"]), (true, "9".to_owned()));
}

#[test]
fn postgresql_refuses_what_comes_late() {
    let resource = Postgres::start();
    a_late_write_of_a_deposed_leader_is_refused(&resource);
}

#[test]
fn redis_refuses_what_comes_late() {
    let resource = Redis::start();
    a_late_write_of_a_deposed_leader_is_refused(&resource);
}

#[test]
fn an_http_service_refuses_what_comes_late() {
    let resource = Service::start();
    a_late_write_of_a_deposed_leader_is_refused(&resource);
}

#[test]
fn a_file_behind_a_shell_script_refuses_what_comes_late() {
    let resource = File::new();
    a_late_write_of_a_deposed_leader_is_refused(&resource);
}

#[test]
fn whoever_claims_first_reads_what_stays_so() {
    whoever_claims_before_reading_cannot_be_overtaken(&Postgres::start());
    whoever_claims_before_reading_cannot_be_overtaken(&Redis::start());
    whoever_claims_before_reading_cannot_be_overtaken(&Service::start());
    whoever_claims_before_reading_cannot_be_overtaken(&File::new());
}

/// A service that forgets the largest term forgets to refuse.
#[test]
fn the_service_remembers_the_largest_term_over_a_restart() {
    let mut service = Service::start();
    assert!(service.ask(12, &["write", "9"]).0);
    service.restart();
    assert_eq!(service.read(), 9);
    assert!(!service.ask(11, &["write", "10"]).0);
}
