//! Everything that a server can answer instead of voting: one line when it begins, a count, and the others carry on.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::candidate;
use crate::common::candidate::{Agent, LETTERS, Voters, eventually, lines};
use crate::common::forwarder::Forwarder;
use crate::common::{Version, port_that_says, start};
use quorate::local::{LocalServer, Memory};

/// How long the log is watched for a flood.
const WATCHED: Duration = Duration::from_secs(3);
/// Of nine voters the first five stay well.
const WELL: usize = 5;

/// A candidate over five well voters and four others.
fn leader_over(well: &Voters, others: [String; 4]) -> Agent {
    let urls: Vec<_> = well.urls().into_iter().chain(LETTERS[WELL..].iter().copied().zip(others)).collect();
    let leader = candidate("leader", &urls);
    eventually("a leader", || leader.leads());
    leader
}

/// Each voter from `f` on is in this trouble: counted, told once, and nobody else cares.
fn told_once_and_counted(leader: &Agent, term: Option<u64>, troubles: [&str; 4]) {
    for (voter, kind) in LETTERS[WELL..].iter().zip(troubles) {
        let series = format!("quorate_voter_errors_total{{voter=\"{voter}\",kind=\"{kind}\"}}");
        eventually(&series, || leader.metric(&series) >= 1.0);
    }
    std::thread::sleep(WATCHED);
    assert_eq!((leader.leads(), leader.term()), (true, term));
    let log = leader.log();
    let told = lines(&log, "voter in trouble");
    for voter in LETTERS {
        let of_it = told.iter().filter(|line| line["voter"] == voter).count();
        let is_well = LETTERS[..WELL].contains(&voter);
        assert_eq!(of_it, usize::from(!is_well), "lines about {voter}:\n{log}");
    }
    assert!(lines(&log, "lost").is_empty());
}

/// A server that takes seconds to load its data, and answers all the while.
fn slow_to_load() -> quorate::local::ServerOptions {
    let options = Version::Redis70.options().line("key-load-delay 100").line("rdbcompression no");
    options.line("loading-process-events-interval-bytes 65536")
}

fn url(server: &LocalServer) -> String {
    server.url()
}

/// No library tells these apart; rslock and redlock-py fold them into "not acquired".
#[test]
fn a_voter_without_rights_time_memory_or_data_is_told_once_and_counted() {
    let well = Voters::new(WELL);
    let rights = Version::Redis70.start();
    let time = start(Version::Redis70.options().line("lua-time-limit 20"));
    // Newer servers vote although they are full.
    let memory = Version::Redis62.start();
    let mut data = start(slow_to_load());
    data.command(&["DEBUG", "POPULATE", "30000", "key", "1024"]).unwrap();
    let leader = leader_over(&well, [url(&rights), url(&time), url(&memory), url(&data)]);
    eventually("all nine held", || leader.holds(9));
    let term = leader.term();
    rights.command(&["ACL", "SETUSER", "default", "-evalsha"]).unwrap();
    memory.command(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    let mut somebody = UnixStream::connect(time.socket()).unwrap();
    somebody.write_all(b"EVAL \"while true do end\" 0\r\n").unwrap();
    data.restart(Memory::Saved).unwrap();
    told_once_and_counted(&leader, term, ["noperm", "busy", "oom", "loading"]);
    rights.command(&["ACL", "SETUSER", "default", "+evalsha"]).unwrap();
    memory.command(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    time.command(&["SCRIPT", "KILL"]).unwrap();
    eventually("all that are well again are held again", || {
        let status = leader.status();
        (0..8).all(|voter| status["voter"][voter]["holdsUs"] == true)
    });
    assert_eq!(leader.term(), term);
    eventually("recoveries are told", || lines(&leader.log(), "voter answers again").len() >= 3);
}

/// The same for what is not a server of ours at all, or does not let us in.
#[test]
fn a_voter_with_another_protocol_scheme_name_or_password_is_told_once_and_counted() {
    let well = Voters::new(WELL);
    let (plain, moved, locked) =
        (Version::Redis70.start(), Version::Redis70.start(), Version::Redis70.start());
    let address = Forwarder::to(moved.port());
    let encrypted = plain.url().replace("redis://", "rediss://");
    let nowhere = "redis://no-such-host.invalid:6379".to_owned();
    let leader = leader_over(&well, [address.url(), encrypted, nowhere, url(&locked)]);
    eventually("all that can be are held", || leader.holds(7));
    let term = leader.term();
    address.redirect(port_that_says(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), false));
    locked.command(&["CONFIG", "SET", "requirepass", "x"]).unwrap();
    for kind in ["normal", "pubsub"] {
        locked.commands(&[&["AUTH", "x"], &["CLIENT", "KILL", "TYPE", kind]]).unwrap();
    }
    let scheme = leader.metric("quorate_voter_errors_total{voter=\"g\",kind=\"tls\"}") > 0.0;
    told_once_and_counted(
        &leader,
        term,
        ["garbage", if scheme { "tls" } else { "timeout" }, "dns", "noauth"],
    );
    address.redirect(moved.port());
    eventually("what is back is held again", || leader.status()["voter"][WELL]["holdsUs"] == true);
    assert_eq!(leader.term(), term);
}
