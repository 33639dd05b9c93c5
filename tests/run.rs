//! `quorate run` as a process, over five real servers.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not what it must be")]

mod common;

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

use common::candidate::{
    Agent, Launch, NOWHERE, Voters, ask, boot, count, eventually, field, has_lease, lines, since,
};
use nix::sys::signal::Signal;

/// Long enough for a busy machine to renew in, short enough to wait for a lapse.
const TTL: Duration = Duration::from_secs(2);
/// Where resolvers ask; nobody else's.
const NAME_SERVER: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 53, 53, 53), 53);

fn candidate(identity: &str, voters: &Voters) -> Agent {
    Launch::new(identity, voters.urls(), TTL).start()
}

#[test]
fn a_candidate_is_elected_tells_so_everywhere_and_releases_at_sigterm() {
    let voters = Voters::new(5);
    let agent = candidate("one", &voters);
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
    for server in &voters.servers {
        assert_eq!(field(server, "released"), "1");
        assert!(!has_lease(server));
    }
}

#[test]
fn a_clean_hand_over_takes_far_less_than_the_ttl_and_raises_the_term() {
    let voters = Voters::new(5);
    let first = candidate("first", &voters);
    eventually("a leader", || first.leads());
    let term = first.status()["term"].as_u64().unwrap();
    let second = candidate("second", &voters);
    eventually("the standby sees the leader", || second.status()["leader"]["identity"] == "first");
    eventually("the standby is ready", || second.code("/readyz?role=standby") == 200);
    let asked = boot();
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
    let voters = Voters::new(5);
    let agent = candidate("one", &voters);
    eventually("a leader", || agent.leads());
    // With all voters stopped the release waits for its answers, long enough for the second signal.
    voters.stop(0..5);
    agent.signal(Signal::SIGTERM);
    eventually("the end has begun", || agent.code("/readyz") == 503);
    assert!(!agent.leads(), "it withdraws its claim before it releases");
    agent.signal(Signal::SIGINT);
    let (code, log) = agent.ended();
    assert_eq!(code, Some(128 + 2), "{log}");
    let told = lines(&log, "ended at once");
    assert_eq!((told.len(), told[0]["signal"].as_str()), (1, Some("SIGINT")), "{log}");
}

/// As `nohup` starts it.
#[test]
fn sighup_ends_a_candidate_unless_it_was_ignored_from_the_start() {
    let voters = Voters::experienced(3, TTL);
    let under = |option: &'static str| Launch::new("one", voters.urls(), TTL).under("env", &[option]).start();
    let left_alone = under("--ignore-signal=HUP");
    eventually("a leader", || left_alone.leads());
    left_alone.signal(Signal::SIGHUP);
    // Whatever SIGHUP would have begun, this would be the second signal.
    let (code, log) = left_alone.end();
    assert_eq!((code, count(&log, "ending")), (Some(0), 1), "{log}");
    assert_eq!(lines(&log, "ending")[0]["signal"], "SIGTERM");
    let attached = under("--default-signal=HUP");
    attached.signal(Signal::SIGHUP);
    assert_eq!(attached.ended().0, Some(0));
}

/// A look-up cannot be ended from outside: it must not keep the process.
#[test]
fn a_name_service_that_is_silent_does_not_keep_a_candidate_from_ending() {
    let (Ok(_silent), true) = (UdpSocket::bind(NAME_SERVER), can_mount()) else {
        std::io::stderr().write_all(b"NOT TESTED HERE: a silent name service: run as root\n").unwrap();
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let configuration = directory.path().join("resolv.conf");
    let text = format!("nameserver {}\noptions timeout:30 attempts:1\n", NAME_SERVER.0);
    std::fs::write(&configuration, text).unwrap();
    let line = format!("mount --bind {} /etc/resolv.conf && exec \"$@\"", configuration.display());
    let voters = Voters::experienced(2, TTL);
    let mut urls = voters.urls();
    urls.push(("c", "redis://silent.example:6379".to_owned()));
    let agent = Launch::new("one", urls, TTL);
    let agent = agent.under("unshare", &["--mount", "sh", "-c", &line, "sh"]).start();
    eventually("it looks the name up", || agent.status()["voter"][2]["error"].is_string());
    assert_eq!(agent.end().0, Some(0));
}

fn can_mount() -> bool {
    Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success())
}

#[test]
fn a_standby_leaves_at_once_and_a_leader_without_voters_within_the_voter_timeout() {
    let voters = Voters::new(5);
    let leader = candidate("leader", &voters);
    eventually("a leader", || leader.leads());
    let standby = candidate("standby", &voters);
    eventually("the standby is ready", || standby.code("/readyz") == 200);
    voters.stop(0..5);
    let asked = boot();
    assert_eq!(standby.end().0, Some(0));
    let (code, log) = leader.end();
    assert_eq!(code, Some(0));
    assert!(since(asked) < TTL / 2, "{:?}", since(asked));
    // It does not claim what no voter has heard.
    let told = ["releasing", "released", "no voter acknowledged"].map(|message| count(&log, message));
    assert_eq!(told, [1, 0, 1], "{log}");
}

#[test]
fn a_release_that_some_voters_did_not_hear_names_them() {
    let voters = Voters::experienced(3, TTL);
    // On a busy machine the others, too, may take long.
    let patient = Launch::new("one", voters.urls(), TTL).environment("QUORATE_TIMING_VOTER_TIMEOUT", "400ms");
    let agent = patient.start();
    eventually("all three held", || agent.holds(3));
    voters.stop(1..2);
    let (code, log) = agent.end();
    let told = lines(&log, "released at 2 of 3 voters");
    assert_eq!((code, told.len()), (Some(0), 1), "{log}");
    assert_eq!(told[0]["silent"], "b");
}

#[test]
fn a_password_on_the_command_line_is_worth_a_warning_that_does_not_show_it() {
    let voters = Voters::experienced(3, TTL);
    for server in &voters.servers {
        server.command(&["ACL", "SETUSER", "shown", "on", ">s3cret", "~*", "&*", "+@all"]).unwrap();
    }
    let urls = voters.urls().into_iter().map(|(name, url)| (name, url.replace("://", "://shown:s3cret@")));
    let agent = Launch::new("one", urls, TTL).start();
    eventually("a leader", || agent.leads());
    let (_, log) = agent.end();
    assert_eq!(count(&log, "--voter has a password"), 1, "{log}");
    assert!(!log.contains("s3cret"), "{log}");
    let (_, log) = candidate("two", &voters).end();
    assert_eq!(count(&log, "--voter has a password"), 0, "{log}");
}

/// A right that is not needed to vote costs hand-overs their speed.
#[test]
fn hints_that_cannot_be_heard_are_told_and_counted_once() {
    let voters = Voters::experienced(3, TTL);
    voters.servers[1].command(&["ACL", "SETUSER", "default", "-subscribe"]).unwrap();
    let agent = candidate("one", &voters);
    eventually("a leader of all", || agent.holds(3));
    let told = |agent: &Agent| lines(&agent.log(), "hints of this voter cannot be heard");
    eventually("it says so", || !told(&agent).is_empty());
    assert!(agent.metric("quorate_voter_errors_total{voter=\"b\",kind=\"noperm\"}") > 0.0);
    let told = told(&agent);
    assert_eq!(
        (told.len(), told[0]["voter"].as_str(), told[0]["kind"].as_str()),
        (1, Some("b"), Some("noperm"))
    );
    assert_eq!(agent.end().0, Some(0));
}

#[test]
fn without_a_quorum_the_last_yes_comes_before_soft_and_readiness_stays() {
    let voters = Voters::new(5);
    let agent = candidate("one", &voters);
    eventually("a leader", || agent.leads());
    voters.stop(0..3);
    let stopped = boot();
    while agent.leads() {
        assert!(since(stopped) < TTL, "leads for longer than any lease that it can still have");
    }
    assert_eq!(agent.code("/readyz"), 200, "voters lost later do not make it unready");
    eventually("leadership is over", || agent.status()["role"] == "standby");
    assert_eq!(agent.code("/livez"), 200);
    assert_eq!(agent.status()["voter"][0]["reachable"], false);
    voters.resume(0..3);
    eventually("a leader again", || agent.leads());
    let (_, log) = agent.end();
    assert_eq!(count(&log, "lost"), 1, "{log}");
    assert!(count(&log, "voter in trouble") <= 6, "one line at a change of state:\n{log}");
}

#[test]
fn a_candidate_that_starts_without_a_quorum_says_so_once_all_were_asked() {
    let voters = Voters::experienced(3, TTL);
    voters.stop(0..2);
    let agent = candidate("one", &voters);
    let without = |agent: &Agent| count(&agent.log(), "fewer than a quorum of voters answer");
    eventually("it says so", || without(&agent) == 1);
    assert_eq!(count(&agent.log(), "voter in trouble"), 2, "not before each has failed or answered");
    assert_eq!(agent.status()["lastTransitions"][0]["event"], "no-quorum");
    voters.resume(0..2);
    eventually("a leader", || agent.leads());
    assert_eq!(without(&agent), 1);
    assert_eq!(agent.end().0, Some(0));
}

#[test]
fn nine_hundred_idle_clients_cost_neither_leadership_nor_an_answer() {
    let voters = Voters::new(5);
    let agent = candidate("one", &voters);
    eventually("a leader", || agent.leads());
    let term = agent.status()["term"].clone();
    let idle: Vec<_> = (0..900).map(|_| TcpStream::connect(agent.address).unwrap()).collect();
    let crowded = boot();
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
    let said = Launch::new("one", NOWHERE, TTL).listen(&address).refused();
    assert!(said.contains(&format!("http.listen: {address}")), "{said}");
}

#[test]
fn a_log_that_nobody_reads_stops_neither_the_election_nor_the_end() {
    let voters = Voters::experienced(3, TTL);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_unread, mut full) = std::io::pipe().unwrap();
    // What a pipe holds on Linux: the next byte would block.
    full.write_all(&vec![b'x'; 65_536]).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(["run", "--election", "orders", "--ttl", "2s", "--listen", &free.to_string()]);
    for (name, url) in voters.urls() {
        command.arg("--voter").arg(format!("{name}={url}"));
    }
    let mut child = command.stderr(full).spawn().unwrap();
    let leads = || ask(free, "/leaderz").is_ok_and(|(code, _)| code == 200);
    eventually("a leader that cannot log", leads);
    let elected = boot();
    while since(elected) < TTL * 2 {
        assert!(leads());
    }
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
    eventually("the end", || child.try_wait().unwrap().is_some());
}

/// Anybody who may write to a voter may write the name of a leader there.
#[test]
fn a_forged_name_cannot_move_the_cursor_of_whoever_reads_it() {
    let voters = Voters::experienced(3, TTL);
    let leader = candidate("leader", &voters);
    eventually("a leader", || leader.leads());
    let standby = candidate("standby", &voters);
    eventually("the standby sees it", || standby.sees("leader"));
    for server in &voters.servers {
        let who = r#"{"identity":"\u001b]0;owned\u0007\r\nx"}"#;
        server.command(&["HSET", "quorate:{orders}:record", "who", who]).unwrap();
    }
    let shown = r"\u{1b}]0;owned\u{7}\u{d}\u{a}x";
    eventually("the forged name", || standby.sees(shown));
    let (code, answer) = standby.ask("/leaderz");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!((code, body), (503, format!("not leading; the leader is {shown}\n").as_str()));
    assert!(head.contains(&format!("quorate-leader: {shown}")), "{head}");
}

#[test]
fn a_hang_up_of_the_terminal_is_a_clean_end() {
    let voters = Voters::experienced(3, TTL);
    let agent = candidate("one", &voters);
    eventually("a leader", || agent.leads());
    agent.signal(Signal::SIGHUP);
    let (code, log) = agent.ended();
    assert_eq!((code, count(&log, "released")), (Some(0), 1), "{log}");
}
