//! `quorate check`, through the real binary, over real servers: what is wrong, why it matters, what to do.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where a value is not what it must be")]

mod common;

use std::process::Command;
use std::time::Duration;

use common::candidate::{LETTERS, Launch, Voters, eventually};
use common::{RIGHTS, Version, start};
use quorate::local::{LocalServer, Memory, ServerOptions};
use serde_json::Value;

const TTL: Duration = Duration::from_secs(10);
const RECORD: &str = "quorate:{orders}:record";
const LEASE: &str = "quorate:{orders}:lease";

fn command(urls: &[String], more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    // As patient as the ladder allows: the machine may be busy.
    command.env_clear().env("QUORATE_TIMING_VOTER_TIMEOUT", "2s").args(["check", "--election=orders"]);
    for (name, url) in LETTERS.iter().zip(urls) {
        command.arg(format!("--voter={name}={url}"));
    }
    command.args(more);
    command
}

fn said(urls: &[String], more: &[&str]) -> (String, Option<i32>) {
    let output = command(urls, more).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

fn json(urls: &[String], more: &[&str]) -> (Value, Option<i32>) {
    let (text, code) = said(urls, &[&["-o", "json"], more].concat());
    (serde_json::from_str(&text).unwrap(), code)
}

/// Severity and words of what is found about a voter (or none) under a topic.
fn found(verdict: &Value, voter: Option<&str>, topic: &str) -> (String, String) {
    let findings = verdict["findings"].as_array().unwrap();
    let is_it = |finding: &&Value| finding["topic"] == topic && finding["voter"].as_str() == voter;
    let finding =
        findings.iter().find(is_it).unwrap_or_else(|| panic!("no {topic} of {voter:?} in {verdict:#}"));
    for said in ["what", "why", "remedy"] {
        assert!(finding[said].as_str().unwrap().len() > 10, "{finding}");
    }
    let text = |name: &str| finding[name].as_str().unwrap().to_owned();
    (text("severity"), text("what") + " | " + &text("remedy"))
}

fn is_found(verdict: &Value, voter: &str, topic: &str, severity: &str, words: &str) {
    let (grade, said) = found(verdict, Some(voter), topic);
    assert!(grade == severity && said.contains(words), "{voter} {topic}: {grade}, {said}");
}

/// The three kinds of servers, under three names of this machine.
struct Trio {
    servers: Vec<LocalServer>,
    urls: Vec<String>,
}

impl Trio {
    fn with(options: impl Fn(Version) -> ServerOptions) -> Self {
        let versions = [Version::Redis62, Version::Redis70, Version::Valkey81];
        let servers: Vec<_> = versions.into_iter().map(|version| start(options(version))).collect();
        let mut urls: Vec<_> = servers.iter().map(LocalServer::url).collect();
        urls[1] = urls[1].replace("127.0.0.1", "localhost");
        urls[2] = format!("unix://{}", servers[2].socket().display());
        Self { servers, urls }
    }

    fn new() -> Self {
        Self::with(Version::options)
    }

    /// How often anything was written, and what is there.
    fn traces(&self) -> Vec<String> {
        let of = |server: &LocalServer| {
            let info = server.command(&["INFO", "persistence"]).unwrap();
            let changes = info.lines().find(|line| line.starts_with("rdb_changes_since_last_save"));
            let record = server.command(&["DUMP", RECORD]).unwrap();
            format!("{} {} {record}", changes.unwrap(), server.command(&["DBSIZE"]).unwrap())
        };
        self.servers.iter().map(of).collect()
    }
}

#[test]
fn before_the_first_start_all_is_well_also_strictly_and_nothing_is_written() {
    let trio = Trio::with(|version| version.options().line(format!("user quorate on >secret {RIGHTS}")));
    let mut urls = trio.urls.clone();
    urls[0] = urls[0].replace("://", "://quorate:secret@");
    urls[1] = urls[1].replace("://", "://quorate:secret@");
    let before = trio.traces();
    let (text, code) = said(&urls, &["--strict"]);
    for part in [
        "3 of 3 answer, quorum 2",
        "amnesia",
        "Redis 6.2.",
        "Redis 7.0.",
        "Valkey 8.1.",
        // What is so of all is told once.
        "note     a, b, c: has no memory of this election",
        "no failure, no warning",
    ] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    assert_eq!((code, text.contains('\x1b')), (Some(0), false), "{text}");
    assert_eq!(trio.traces(), before);
}

#[test]
fn beside_a_leader_it_tells_who_is_seen_and_disturbs_nobody() {
    let voters = Voters::experienced(3, TTL);
    let leader = Launch::new("leader", voters.urls(), TTL).environment("QUORATE_CLUSTER", "eu").start();
    eventually("all three held", || leader.holds(3));
    let urls: Vec<_> = voters.urls().into_iter().map(|(_, url)| url).collect();
    let (verdict, code) = json(&urls, &[]);
    assert_eq!((&verdict["state"], code), (&"leading".into(), Some(0)), "{verdict:#}");
    assert_eq!(
        (&verdict["leader"]["identity"], &verdict["leader"]["cluster"]),
        (&"leader".into(), &"eu".into())
    );
    assert_eq!(verdict["seen"][0]["voters"], serde_json::json!(["a", "b", "c"]));
    let a = &verdict["voter"][0];
    assert_eq!(
        (&a["electorate"], &a["state"], &a["listening"]),
        (&"1 a,b,c".into(), &"member".into(), &1.into())
    );
    for number in ["roundTripMs", "connectMs", "clockOffsetMs"] {
        assert!(a[number].is_number(), "{a}");
    }
    // Three names of one machine.
    assert_eq!(found(&verdict, None, "domain").0, "warning");
    assert_eq!(said(&urls, &["--strict"]).1, Some(1), "warnings count");
    let (text, _) = said(&urls, &[]);
    assert!(text.contains("seen      leader (eu, ") && text.contains("at a, b, c"), "{text}");

    // A candidate of another ttl would be inert.
    let (verdict, code) = json(&urls, &["--ttl", "30s"]);
    assert_eq!((found(&verdict, None, "ttl").0.as_str(), code), ("failure", Some(1)));
    assert_eq!((leader.leads(), leader.end().0), (true, Some(0)));
}

#[test]
fn what_is_set_up_wrongly_is_found_by_voter_with_severity_and_remedy() {
    let trio = Trio::new();
    let [one, two, three] = trio.servers.as_slice() else { panic!("three servers") };
    one.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).unwrap();
    one.command(&["SET", LEASE, "redlock"]).unwrap();
    two.command(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]).unwrap();
    two.command(&["SET", LEASE, "redlock", "PX", "600000"]).unwrap();
    three.command(&["HSET", RECORD, "format", "1", "electorate", "1 a,b,d", "voter", "c"]).unwrap();
    let (verdict, code) = json(&trio.urls, &[]);
    is_found(&verdict, "a", "eviction", "failure", "allkeys-lru");
    is_found(&verdict, "a", "standing", "note", "no memory");
    is_found(&verdict, "b", "eviction", "warning", "volatile-ttl");
    is_found(&verdict, "c", "electorate", "failure", "1 a,b,d");
    is_found(&verdict, "c", "electorate", "failure", "quorate reset");
    assert_eq!((found(&verdict, None, "quorum").0.as_str(), code), ("warning", Some(1)));

    three.command(&["HSET", RECORD, "format", "2"]).unwrap();
    let (verdict, _) = json(&trio.urls, &[]);
    is_found(&verdict, "c", "electorate", "failure", "format there: 2, here: 1");
}

#[test]
fn locks_of_other_clients_and_voters_that_forgot_are_found() {
    let mut voters = Voters::experienced(3, TTL);
    let urls: Vec<_> = voters.urls().into_iter().map(|(_, url)| url).collect();
    voters.servers[0].command(&["SET", LEASE, "redlock"]).unwrap();
    voters.servers[1].command(&["SET", LEASE, "redlock", "PX", "600000"]).unwrap();
    voters.servers[2].command(&["HSET", RECORD, "standing", "joining"]).unwrap();
    let (verdict, code) = json(&urls, &[]);
    is_found(&verdict, "a", "foreignKey", "failure", "has no ttl");
    is_found(&verdict, "b", "foreignKey", "warning", "ms more");
    is_found(&verdict, "c", "standing", "warning", "forgot");
    assert_eq!(code, Some(1));
    voters.servers[2].restart(Memory::Empty).unwrap();
    is_found(&json(&urls, &[]).0, "c", "standing", "note", "no memory");
}

#[test]
fn servers_that_are_no_independent_voters_are_found() {
    let trio = Trio::new();
    let mut urls = trio.urls.clone();
    urls[2] = format!("unix://{}?db=1", trio.servers[0].socket().display());
    let (verdict, code) = json(&urls, &[]);
    is_found(&verdict, "a", "distinct", "failure", "same server as c");
    is_found(&verdict, "c", "distinct", "failure", "same server as a");
    assert_eq!(code, Some(1), "where nobody has voted yet, two of them still answer");

    trio.servers[1].replicate(Some(&trio.servers[0])).unwrap();
    let linked =
        || trio.servers[1].command(&["INFO", "replication"]).unwrap().contains("master_link_status:up");
    eventually("the replica has its history", linked);
    let (verdict, _) = json(&trio.urls, &[]);
    is_found(&verdict, "b", "role", "failure", "is a replica of 127.0.0.1");
    is_found(&verdict, "b", "distinct", "failure", "shares its history of writes with a");
    is_found(&verdict, "a", "role", "note", "has 1 replica");

    let cluster = start(Version::Redis70.options().line("cluster-enabled yes"));
    let (verdict, _) = json(&[trio.urls[0].clone(), trio.urls[2].clone(), cluster.url()], &[]);
    is_found(&verdict, "c", "cluster", "failure", "standalone");
}

#[test]
fn servers_that_do_not_let_us_in_or_do_not_answer_are_found_and_a_lost_quorum_is_69() {
    let mut trio = Trio::new();
    let rights = RIGHTS.replace("+hset ", "").replace("+subscribe ", "");
    trio.servers[0].command(&["CONFIG", "SET", "requirepass", "tops3cret"]).unwrap();
    trio.servers[1]
        .command(
            &[&["ACL", "SETUSER", "modest", "on", ">modest"][..], &rights.split(' ').collect::<Vec<_>>()]
                .concat(),
        )
        .unwrap();
    let mut urls = trio.urls.clone();
    urls[0] = urls[0].replace("://", "://:wr0ngone@");
    urls[1] = urls[1].replace("://", "://modest:modest@");
    let (verdict, code) = json(&urls, &[]);
    is_found(&verdict, "a", "connection", "failure", "WRONGPASS");
    is_found(&verdict, "b", "rights", "failure", "lacks +hset");
    is_found(&verdict, "b", "hints", "warning", "not heard");
    assert_eq!(code, Some(1));
    assert!(!verdict.to_string().contains("wr0ngone") && !verdict.to_string().contains("tops3cret"));
    trio.servers[2].kill();
    let (verdict, code) = json(&urls, &[]);
    is_found(&verdict, "c", "connection", "failure", "nothing listens");
    assert_eq!((found(&verdict, None, "quorum").0.as_str(), code), ("failure", Some(69)));
}

#[test]
fn a_voter_that_is_slower_than_the_timing_allows_is_found() {
    let voters = Voters::experienced(3, TTL);
    let mut urls: Vec<_> = voters.urls().into_iter().map(|(_, url)| url).collect();
    let slow = common::forwarder::Forwarder::slow(voters.servers[1].port(), Duration::from_millis(60));
    urls[1] = slow.url();
    let mut command = command(&urls, &["-o", "json"]);
    let output = command.env("QUORATE_TIMING_VOTER_TIMEOUT", "100ms").output().unwrap();
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    is_found(&verdict, "b", "roundTrip", "failure", "timing.voterTimeout is 100ms");
    is_found(&verdict, "b", "connection", "failure", "to connect takes");
    assert!(verdict["voter"][1]["roundTripMs"].as_f64().unwrap() >= 120.0, "{verdict:#}");
}

#[test]
fn a_full_server_that_would_not_vote_is_found() {
    let full = start(Version::Redis62.options().line("maxmemory 1"));
    let others = [Version::Redis70.start(), Version::Valkey81.start()];
    let urls = [full.url(), others[0].url(), others[1].url()];
    let (verdict, code) = json(&urls, &[]);
    is_found(&verdict, "a", "writes", "failure", "OOM");
    is_found(&verdict, "a", "memory", "warning", "90 %");
    assert_eq!(code, Some(1));
}
