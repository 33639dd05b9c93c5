//! Real servers for the tests: Redis 6.2, Redis 7.0 and Valkey 8.1.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where a value is not what it must be")]

pub mod candidate;
pub mod failover;
pub mod forwarder;
pub mod onlookers;
pub mod wall_clock;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use quorate::core::{Answer, Ballot, GrantTerm, HighWater, Instance, Observation, Operation, Question, Seen};
use quorate::local::{LocalServer, ServerOptions};
use quorate::voter::{Endpoint, Reply, Scope, Voter, VoterSettings};

/// Longer than anything on loopback takes on a busy machine.
pub const PATIENT: Duration = Duration::from_secs(5);
pub const TTL: Duration = Duration::from_secs(10);
pub const WHO: &str = r#"{"identity":"tester"}"#;
/// The line of docs/operations.md. Without `resetchannels` 6.2 refuses it, because its users begin with all channels.
pub const RIGHTS: &str = "~quorate:* resetchannels &quorate:* +eval +evalsha +script|load +hget +hmget +hset +hincrby \
                          +persist +set +get +del +pttl +pexpire +time +info +publish +subscribe +unsubscribe +ping +hello";
pub const NAMES: [&str; 3] = ["c", "a", "b"];

/// A server version that is promised to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Redis62,
    Redis70,
    Valkey81,
}

impl Version {
    pub fn binary(self) -> PathBuf {
        let (variable, default) = match self {
            Self::Redis62 => ("QUORATE_TEST_REDIS_62", ".tools/redis-6.2/redis-server"),
            Self::Redis70 => ("QUORATE_TEST_REDIS_70", "redis-server"),
            Self::Valkey81 => ("QUORATE_TEST_VALKEY_81", ".tools/valkey-8.1/valkey-server"),
        };
        let path = std::env::var_os(variable).map_or_else(|| PathBuf::from(default), PathBuf::from);
        let is_name = path.components().count() == 1;
        if is_name || path.is_absolute() { path } else { Path::new(env!("CARGO_MANIFEST_DIR")).join(path) }
    }

    pub fn options(self) -> ServerOptions {
        ServerOptions::new(self.binary())
    }

    pub fn start(self) -> LocalServer {
        start(self.options())
    }

    /// It has a server's answer before a script begins: `#!lua` flags.
    pub fn knows_flags(self) -> bool {
        self != Self::Redis62
    }
}

/// A missing program tells how to install it.
pub fn start(options: ServerOptions) -> LocalServer {
    LocalServer::start(options).unwrap_or_else(|error| panic!("{error}"))
}

/// Makes one test of each server version from one body.
#[macro_export]
macro_rules! on_every_server {
    ($(#[$meta:meta])* async fn $name:ident($version:ident) $body:block) => {
        $(#[$meta])*
        mod $name {
            use super::*;
            async fn body($version: $crate::common::Version) $body
            #[tokio::test]
            async fn redis_6_2() {
                body($crate::common::Version::Redis62).await;
            }
            #[tokio::test]
            async fn redis_7_0() {
                body($crate::common::Version::Redis70).await;
            }
            #[tokio::test]
            async fn valkey_8_1() {
                body($crate::common::Version::Valkey81).await;
            }
        }
    };
}

pub fn settings(url: &str) -> VoterSettings {
    let (endpoint, credentials) = Endpoint::parse(url).unwrap();
    VoterSettings { name: "a".to_owned(), endpoint, credentials }
}

pub fn scope() -> Scope {
    Scope::new("quorate", "orders", NAMES, "a")
}

/// A server, a voter that speaks with it, and one election.
pub struct Rig {
    pub server: LocalServer,
    pub voter: Voter,
    pub scope: Scope,
}

impl Rig {
    pub fn new(version: Version) -> Self {
        Self::with(version.options())
    }

    pub fn with(options: ServerOptions) -> Self {
        let server = start(options);
        let voter = Voter::new(settings(&server.url()));
        Self { server, voter, scope: scope() }
    }

    /// With a member that nobody holds: the first thing a candidate does.
    pub async fn joined(version: Version) -> Self {
        let rig = Self::new(version);
        rig.join(100).await;
        rig
    }

    pub async fn join(&self, term: u64) -> Observation {
        let instance = self.propose(1).await.seen.instance;
        let answer = self.ask(Operation::Join { instance, term, ttl: TTL }).await;
        assert_eq!(answer, Answer::Joined);
        self.observe().await
    }

    pub async fn put(&self, operation: Operation, high_water: Option<HighWater>) -> Reply {
        let question = Question { operation, high_water };
        self.voter.ask(&self.scope, &question, WHO, PATIENT).await
    }

    pub async fn ask(&self, operation: Operation) -> Answer {
        let reply = self.put(operation, None).await;
        assert_ne!(reply.answer, Answer::Silent, "{operation:?}: {:?}", reply.trouble);
        reply.answer
    }

    pub async fn observe(&self) -> Observation {
        observation(self.ask(Operation::Observe { proposal: None }).await)
    }

    pub async fn propose(&self, bits: u128) -> Observation {
        observation(self.ask(Operation::Observe { proposal: Some(bits) }).await)
    }

    pub async fn grant(&self, ballot: u128, hint: u64, seen: Seen) -> Answer {
        self.ask(grant(ballot, GrantTerm::Hint(hint), seen)).await
    }

    pub async fn confirm(&self, ballot: u128, term: u64) -> Answer {
        self.ask(Operation::Confirm { ballot: Ballot(ballot), term, ttl: TTL }).await
    }

    pub async fn release(&self, ballot: u128) -> Answer {
        self.ask(Operation::Release { ballot: Ballot(ballot) }).await
    }

    pub async fn taken_by(&self, ballot: u128) -> Observation {
        let answer = self.grant(ballot, 0, self.observe().await.seen).await;
        assert!(matches!(answer, Answer::Granted { .. }), "{answer:?}");
        self.observe().await
    }

    pub fn redis(&self, words: &[&str]) -> String {
        self.server.command(words).unwrap()
    }

    pub fn lease(&self) -> String {
        self.redis(&["GET", self.scope.lease_key()])
    }

    pub fn field(&self, name: &str) -> String {
        self.redis(&["HGET", self.scope.record_key(), name])
    }

    /// The whole record and the lease key, to see that nothing changed.
    pub fn everything(&self) -> String {
        let record = self.redis(&["HGETALL", self.scope.record_key()]);
        format!("{record}\n-\n{}", self.lease())
    }
}

pub fn grant(ballot: u128, term: GrantTerm, seen: Seen) -> Operation {
    Operation::Grant { ballot: Ballot(ballot), ttl: TTL, seen, key_stood_still: false, term }
}

pub fn observation(answer: Answer) -> Observation {
    match answer {
        Answer::Observed(observation) => observation,
        other => panic!("not observed but {other:?}"),
    }
}

pub fn above(instance: Instance, version: u64) -> HighWater {
    HighWater { instance, version }
}

/// A port on which every connection is told the same, until the test ends.
pub fn port_that_says(what: Vec<u8>, is_endless: bool) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 64];
            // Whoever is gone already need not be told.
            let _ = stream.read(&mut request);
            while stream.write_all(&what).is_ok() && is_endless {}
        }
    });
    port
}

/// Waits for a condition, within twice [`PATIENT`].
#[expect(clippy::disallowed_methods, reason = "how long a test waits")]
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENT * 2;
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
