//! `quorate status`, through the real binary, against real servers: what it says, and that it changes nothing.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test ends where a value is not what it must be")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;

use common::{PATIENT, TTL, Version, eventually, observation, settings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use quorate::core::{Answer, Ballot, GrantTerm, Operation, Question};
use quorate::local::{LocalServer, Memory};
use quorate::voter::{Scope, Voter};
use serde_json::{Value, json};

const VOTERS: [&str; 3] = ["a", "b", "c"];
const WHO: &str =
    r#"{"identity":"orders-1","cluster":"eu","address":"10.1.2.3:9797","since":"2026-01-02T03:04:05.678Z"}"#;

/// Three servers and an election on them.
struct Trio {
    servers: Vec<LocalServer>,
    urls: Vec<String>,
}

impl Trio {
    fn new() -> Self {
        let servers: Vec<_> = VOTERS.iter().map(|_| Version::Redis70.start()).collect();
        let urls = servers.iter().map(LocalServer::url).collect();
        Self { servers, urls }
    }

    /// All are members and held by ballot 1, term 101.
    async fn led() -> Self {
        let trio = Self::new();
        for index in 0..VOTERS.len() {
            trio.take(index).await;
        }
        trio
    }

    async fn ask(&self, index: usize, operation: Operation) -> Answer {
        let scope = Scope::new("quorate", "orders", VOTERS, VOTERS[index]);
        let question = Question { operation, high_water: None };
        Voter::new(settings(&self.urls[index])).ask(&scope, &question, WHO, PATIENT).await.answer
    }

    async fn propose(&self, index: usize) -> quorate::core::Observation {
        observation(self.ask(index, Operation::Observe { proposal: Some(1) }).await)
    }

    async fn take(&self, index: usize) {
        let instance = self.propose(index).await.seen.instance;
        assert_eq!(self.ask(index, Operation::Join { instance, term: 100, ttl: TTL }).await, Answer::Joined);
        let seen = self.propose(index).await.seen;
        let taken = self.ask(index, common::grant(1, GrantTerm::Hint(101), seen)).await;
        assert_eq!(taken, Answer::Granted { term: 101, version: 3 });
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
        // As patient as the ladder allows: the machine may be busy.
        command.env_clear().env("QUORATE_TIMING_VOTER_TIMEOUT", "2s").args(["status", "--election=orders"]);
        for (name, url) in VOTERS.iter().zip(&self.urls) {
            command.arg(format!("--voter={name}={url}"));
        }
        command.args(more);
        command
    }

    fn told(&self) -> (String, Option<i32>) {
        let Output { status, stdout, stderr } = self.command(&[]).output().unwrap();
        assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
        (String::from_utf8(stdout).unwrap(), status.code())
    }

    fn json(&self) -> (Value, Option<i32>) {
        let output = self.command(&["-o", "json"]).output().unwrap();
        (serde_json::from_slice(&output.stdout).unwrap(), output.status.code())
    }

    /// Everything on every server, but for what is left of the keys' ttl.
    fn everything(&self) -> Vec<String> {
        let of = |server: &LocalServer| {
            let keys = server.command(&["KEYS", "*"]).unwrap();
            let mut keys: Vec<&str> = keys.lines().collect();
            keys.sort_unstable();
            keys.iter().map(|key| server.command(&["DUMP", key]).unwrap()).collect::<Vec<_>>().join("\n")
        };
        self.servers.iter().map(of).collect()
    }
}

/// A watching process, ended with the test.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The JSON documents that a process writes, one a line.
fn documents(stdout: ChildStdout) -> mpsc::Receiver<Value> {
    let (sender, documents) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            // Nobody waits for it where the test has ended.
            let _ = sender.send(serde_json::from_str(&line.unwrap()).unwrap());
        }
    });
    documents
}

fn says(text: &str, all: &[&str]) {
    for part in all {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

#[test]
fn before_the_first_election_it_says_so_and_writes_nothing() {
    let trio = Trio::new();
    let (text, code) = trio.told();
    says(&text, &["no voter may vote yet", "amnesia", "quorum 2"]);
    assert_eq!(code, Some(0));
    assert!(trio.servers.iter().all(|server| server.command(&["DBSIZE"]).unwrap() == "0"));
}

#[tokio::test]
async fn a_leader_is_told_with_term_validity_and_margin_and_nothing_is_changed() {
    let trio = Trio::led().await;
    let before = trio.everything();
    let (text, code) = trio.told();
    says(&text, &["orders-1 (eu, 10.1.2.3:9797)", "101", "2026-01-02T03:04:05.678Z", " left of 10.0 s"]);
    says(
        &text,
        &["3 of 3 can vote, quorum 2: 1 more may fail", "3 hold the leader, 1 more than needed", "7.0."],
    );
    assert!(!text.contains('\x1b'), "no colours where nobody can see them");
    assert_eq!(code, Some(0));
    trio.json();
    assert_eq!(trio.everything(), before);
}

#[tokio::test]
async fn the_json_has_the_shape_of_slash_status() {
    let trio = Trio::led().await;
    let (mut found, _) = trio.json();
    assert!(found["validityRemainingMs"].as_u64().unwrap() > 0);
    found["validityRemainingMs"] = json!(0);
    for voter in found["voter"].as_array_mut().unwrap() {
        for moving in ["leaseRemainingMs", "roundTripMs", "clockOffsetMs"] {
            assert!(voter[moving].is_number(), "{moving}: {voter}");
            voter[moving] = json!(0);
        }
        assert!(voter["version"].as_str().unwrap().starts_with("7.0."));
        voter["version"] = json!("");
    }
    let voter = |name: &str| {
        json!({"name": name, "reachable": true, "standing": "member", "state": "member", "holdsLeader": true,
            "leaseRemainingMs": 0, "term": 101, "recordVersion": 3, "roundTripMs": 0, "clockOffsetMs": 0,
            "version": "", "evictionPolicy": "noeviction", "foreignKey": null, "error": null})
    };
    let expected = json!({
        "election": "orders", "identity": null, "role": null, "phase": null, "state": "leading", "term": 101,
        "since": "2026-01-02T03:04:05.678Z", "validityRemainingMs": 0, "ttlMs": 10000, "quorum": 2, "voters": 3,
        "votersAnswering": 3, "votersHeld": 3, "margin": {"mayFail": 1, "spare": 1},
        "leader": {"identity": "orders-1", "cluster": "eu", "address": "10.1.2.3:9797",
            "since": "2026-01-02T03:04:05.678Z", "term": 101},
        "lastHolder": null, "voter": [voter("a"), voter("b"), voter("c")], "notes": [], "lastTransitions": null,
    });
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_voter_down_costs_margin_and_a_quorum_down_is_69_with_names_and_reasons() {
    let mut trio = Trio::led().await;
    trio.servers[2].kill();
    let (text, code) = trio.told();
    says(&text, &["orders-1", "2 of 3 can vote, quorum 2: no more may fail", "c: nothing listens"]);
    assert_eq!(code, Some(0));
    trio.servers[1].stop().unwrap();
    let (text, code) = trio.told();
    says(&text, &["unknown: 1 of 3 voters answer, and 2 are needed", "b: ", "c: nothing listens"]);
    assert_eq!(code, Some(69));
    let (found, code) = trio.json();
    assert_eq!((found["state"].as_str(), code), (Some("noQuorum"), Some(69)));
    assert_eq!(found["leader"], Value::Null);
}

#[tokio::test]
async fn a_voter_that_forgot_is_joining_and_its_leader_stays() {
    let mut trio = Trio::led().await;
    trio.servers[0].restart(Memory::Empty).unwrap();
    says(&trio.told().0, &["a: has no memory of this election"]);
    trio.propose(0).await;
    let (text, code) = trio.told();
    says(&text, &["orders-1", "joining", "a: forgot, and may not vote", "2 of 3 can vote"]);
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn a_released_and_an_expired_lease_are_told_apart() {
    let trio = Trio::led().await;
    for server in &trio.servers {
        server.command(&["DEL", "quorate:{orders}:lease"]).unwrap();
    }
    says(&trio.told().0, &["none: the lease of orders-1 (eu, 10.1.2.3:9797), term 101, has expired"]);
    for index in 0..VOTERS.len() {
        trio.ask(index, Operation::Release { ballot: Ballot(1) }).await;
    }
    let (text, code) = trio.told();
    says(&text, &["none: term 101 was released by orders-1"]);
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn a_record_of_other_voters_shows_both_lists() {
    let trio = Trio::led().await;
    trio.servers[1].command(&["HSET", "quorate:{orders}:record", "electorate", "1 a,b,d"]).unwrap();
    says(&trio.told().0, &["mismatch", "1 a,b,d", "1 a,b,c", "orders-1"]);
}

#[tokio::test]
async fn a_replica_counts_for_nothing() {
    let trio = Trio::led().await;
    let elsewhere = Version::Redis70.start();
    trio.servers[2].replicate(Some(&elsewhere)).unwrap();
    let (text, code) = trio.told();
    says(&text, &["it is a replica; a voter must be a primary of its own", "orders-1", "2 of 3 can vote"]);
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn one_server_under_two_names_counts_as_none() {
    let mut trio = Trio::led().await;
    // Neither address nor database is the same, only the process.
    trio.urls[1] = format!("unix://{}?db=1", trio.servers[0].socket().display());
    trio.propose(1).await;
    let (text, code) = trio.told();
    says(&text, &["a: is the same server as b", "b: is the same server as a", "duplicate"]);
    assert_eq!(code, Some(69));
}

#[tokio::test]
async fn a_foreign_key_that_never_ends_and_a_policy_that_forgets_are_told_by_voter() {
    let trio = Trio::led().await;
    trio.servers[0].command(&["SET", "quorate:{orders}:lease", "redlock"]).unwrap();
    trio.servers[1].command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).unwrap();
    let (text, _) = trio.told();
    says(&text, &["a: the lease key belongs to a client that is not Quorate and has no ttl", "foreign"]);
    says(&text, &["b: maxmemory-policy allkeys-lru may throw away the voter's memory"]);
    assert_eq!(trio.servers[0].command(&["GET", "quorate:{orders}:lease"]).unwrap(), "redlock");
}

#[tokio::test]
async fn a_password_is_never_shown() {
    let mut trio = Trio::led().await;
    trio.servers[0].command(&["CONFIG", "SET", "requirepass", "tops3cret"]).unwrap();
    trio.urls[0] = trio.urls[0].replace("://", "://:wr0ngone@");
    for more in [["-o", "table"], ["-o", "json"]] {
        let output = trio.command(&more).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        says(&text, &["WRONGPASS"]);
        assert!(!text.contains("wr0ngone") && !text.contains("tops3cret"), "{text}");
    }
}

#[tokio::test]
async fn a_watch_tells_each_change_once_and_ends_when_told_to() {
    let mut trio = Trio::led().await;
    let mut child = trio.command(&["--watch", "-o", "json"]).stdout(Stdio::piped()).spawn().unwrap();
    let documents = documents(child.stdout.take().unwrap());
    let mut watching = Watching(child);
    let next = || documents.recv_timeout(PATIENT * 4).unwrap();
    assert_eq!(next()["state"], "leading");
    trio.servers[2].kill();
    let changed = next();
    assert_eq!((&changed["voter"][2]["state"], &changed["margin"]["mayFail"]), (&json!("silent"), &json!(0)));
    for index in 0..2 {
        trio.ask(index, Operation::Release { ballot: Ballot(1) }).await;
    }
    // It may have looked between the two releases.
    let mut after = next();
    while after["voter"][1]["leaseRemainingMs"] != Value::Null {
        after = next();
    }
    assert_eq!(after["state"], "released");
    let pid = Pid::from_raw(i32::try_from(watching.0.id()).unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    assert_eq!(watching.0.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_watch_that_nobody_reads_ends() {
    let trio = Trio::led().await;
    let mut child = trio.command(&["--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut watching = Watching(child);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    says(&line, &["orders-1", "term 101", "3 of 3 can vote"]);
    drop(reader);
    // Though nothing changes.
    eventually("it ends", || watching.0.try_wait().unwrap().is_some()).await;
}
