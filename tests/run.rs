//! `quorate run` as a process, over five real servers.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not what it must be")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{PATIENT, Version};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use quorate::clock;
use quorate::core::Moment;
use quorate::local::LocalServer;
use serde_json::Value;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
/// Long enough for a busy machine to renew in, short enough to wait for a lapse.
const TTL: Duration = Duration::from_secs(2);

fn now() -> Moment {
    clock::now().at
}

fn since(begun: Moment) -> Duration {
    now().leader_elapsed(begun)
}

/// Waits for a condition.
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = now();
    while !condition() {
        assert!(since(begun) < PATIENT * 2, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn five_servers() -> Vec<LocalServer> {
    NAMES.iter().map(|_| Version::Redis70.start()).collect()
}

fn stop(servers: &[LocalServer]) {
    for server in servers {
        server.stop().unwrap();
    }
}

/// A candidate process; killed with its value.
struct Agent {
    child: Child,
    address: SocketAddr,
    log: std::thread::JoinHandle<String>,
}

impl Agent {
    fn start(identity: &str, servers: &[LocalServer]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
        command.args(["run", "--election", "orders", "--identity", identity, "--ttl", "2s"]);
        command.args(["--listen", "127.0.0.1:0", "--log-format", "json", "--log-level", "info"]);
        for (name, server) in NAMES.iter().zip(servers) {
            command.arg("--voter").arg(format!("{name}={}", server.url()));
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut told = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "ended without listening:\n{told}");
            told.push_str(&line);
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == "listening" {
                break line["address"].as_str().unwrap().parse().unwrap();
            }
        };
        // Read to the end, so that the process never waits for us.
        let log = std::thread::spawn(move || {
            log.read_to_string(&mut told).unwrap();
            told
        });
        Self { child, address, log }
    }

    /// The code, and the whole answer with its head.
    fn ask(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENT)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
    }

    fn code(&self, path: &str) -> u16 {
        self.ask(path).0
    }

    fn status(&self) -> Value {
        let (_, answer) = self.ask("/status");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn leads(&self) -> bool {
        self.code("/leaderz") == 200
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Waits for its end: the exit code, and what it logged.
    fn ended(mut self) -> (Option<i32>, String) {
        let begun = now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(since(begun) < PATIENT, "it does not end");
            std::thread::sleep(Duration::from_millis(2));
        };
        let log = std::mem::replace(&mut self.log, std::thread::spawn(String::new));
        (status.code(), log.join().unwrap())
    }

    fn end(self) -> (Option<i32>, String) {
        self.signal(Signal::SIGTERM);
        self.ended()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How often a message was logged.
fn count(log: &str, message: &str) -> usize {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["message"].as_str().is_some_and(|said| said.starts_with(message))).count()
}

#[test]
fn a_candidate_is_elected_tells_so_everywhere_and_releases_at_sigterm() {
    let servers = five_servers();
    let agent = Agent::start("one", &servers);
    eventually("a leader", || agent.leads());
    let (_, answer) = agent.ask("/leaderz");
    let status = agent.status();
    let term = status["term"].as_u64().unwrap();
    assert!(answer.contains(&format!("quorate-term: {term}\r\n")), "{answer}");
    assert!(answer.contains("quorate-leader: one\r\n"), "{answer}");
    assert_eq!((&status["role"], &status["phase"]), (&"leader".into(), &"leading".into()));
    assert_eq!((&status["quorum"], &status["voters"]), (&3.into(), &5.into()));
    assert_eq!(status["leader"]["identity"], "one");
    assert!(status["validityRemainingMs"].as_u64().unwrap() <= 2_000);
    eventually("all five held", || agent.status()["votersHeld"] == 5);
    let voter = &agent.status()["voter"][0];
    assert_eq!(
        (&voter["name"], &voter["standing"], &voter["holdsUs"]),
        (&"a".into(), &"member".into(), &true.into())
    );
    assert!(voter["version"].as_str().unwrap().starts_with("7."), "{voter}");
    assert_eq!(agent.code("/readyz"), 200);
    assert_eq!(agent.code("/livez"), 200);
    assert_eq!(agent.code(&format!("/verify?term={term}")), 200);
    assert_eq!(agent.code(&format!("/verify?term={}", term - 1)), 409);
    let (_, metrics) = agent.ask("/metrics");
    assert!(metrics.contains("quorate_is_leader{election=\"orders\"} 1"), "{metrics}");

    let (code, log) = agent.end();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!((count(&log, "elected"), count(&log, "released"), count(&log, "lost")), (1, 1, 0), "{log}");
    for server in &servers {
        let record = ["HGET", "quorate:{orders}:record", "released"];
        assert_eq!(server.command(&record).unwrap(), "1");
        assert_eq!(server.command(&["EXISTS", "quorate:{orders}:lease"]).unwrap(), "0");
    }
}

#[test]
fn a_clean_hand_over_takes_far_less_than_the_ttl_and_raises_the_term() {
    let servers = five_servers();
    let first = Agent::start("first", &servers);
    eventually("a leader", || first.leads());
    let term = first.status()["term"].as_u64().unwrap();
    let second = Agent::start("second", &servers);
    eventually("the standby sees the leader", || second.status()["leader"]["identity"] == "first");
    eventually("the standby is ready", || second.code("/readyz?role=standby") == 200);
    let asked = now();
    assert_eq!(first.end().0, Some(0));
    eventually("the next leader", || second.leads());
    assert!(since(asked) < TTL / 2, "{:?}", since(asked));
    let status = second.status();
    assert!(status["term"].as_u64().unwrap() > term);
    let elected = status["lastTransitions"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&elected["event"], &elected["reason"]), (&"elected".into(), &"released".into()));
}

#[test]
fn a_second_signal_ends_at_once() {
    let servers = five_servers();
    let agent = Agent::start("one", &servers);
    eventually("a leader", || agent.leads());
    // With all voters stopped the release waits for its answers, long enough for the second signal.
    stop(&servers);
    agent.signal(Signal::SIGTERM);
    eventually("the end has begun", || agent.code("/readyz") == 503);
    assert!(!agent.leads(), "it withdraws its claim before it releases");
    agent.signal(Signal::SIGINT);
    let (code, log) = agent.ended();
    assert_eq!(code, Some(128 + 2), "{log}");
}

#[test]
fn a_standby_leaves_at_once_and_a_leader_without_voters_within_the_voter_timeout() {
    let servers = five_servers();
    let leader = Agent::start("leader", &servers);
    eventually("a leader", || leader.leads());
    let standby = Agent::start("standby", &servers);
    eventually("the standby is ready", || standby.code("/readyz") == 200);
    stop(&servers);
    let asked = now();
    assert_eq!(standby.end().0, Some(0));
    assert_eq!(leader.end().0, Some(0));
    assert!(since(asked) < TTL / 2, "{:?}", since(asked));
}

#[test]
fn without_a_quorum_the_last_yes_comes_before_soft_and_readiness_stays() {
    let servers = five_servers();
    let agent = Agent::start("one", &servers);
    eventually("a leader", || agent.leads());
    stop(&servers[..3]);
    let stopped = now();
    while agent.leads() {
        assert!(since(stopped) < TTL, "leads for longer than any lease that it can still have");
    }
    assert_eq!(agent.code("/readyz"), 200, "voters lost later do not make it unready");
    eventually("leadership is over", || agent.status()["role"] == "standby");
    assert_eq!(agent.code("/livez"), 200);
    assert_eq!(agent.status()["voter"][0]["reachable"], false);
    for server in &servers[..3] {
        server.resume().unwrap();
    }
    eventually("a leader again", || agent.leads());
    let (_, log) = agent.end();
    assert_eq!(count(&log, "lost"), 1, "{log}");
    assert!(count(&log, "voter in trouble") <= 6, "one line at a change of state:\n{log}");
}

#[test]
fn nine_hundred_idle_clients_cost_neither_leadership_nor_an_answer() {
    let servers = five_servers();
    let agent = Agent::start("one", &servers);
    eventually("a leader", || agent.leads());
    let term = agent.status()["term"].clone();
    let idle: Vec<_> = (0..900).map(|_| TcpStream::connect(agent.address).unwrap()).collect();
    let crowded = now();
    while since(crowded) < TTL * 2 {
        assert_eq!(agent.code("/livez"), 200);
        assert!(agent.leads());
    }
    assert_eq!(agent.status()["term"], term);
    drop(idle);
    let (code, log) = agent.end();
    assert_eq!((code, count(&log, "lost")), (Some(0), 0), "{log}");
}

#[test]
fn a_taken_port_is_refused_before_anything_begins() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_quorate"))
        .args(["run", "--election", "orders", "--listen", &address])
        .args(["--voter", "a=redis://127.0.0.1:1", "--voter", "b=redis://127.0.0.1:2"])
        .args(["--voter", "c=redis://127.0.0.1:3"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("http.listen: {address}")), "{said}");
}
