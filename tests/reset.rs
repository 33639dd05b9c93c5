//! `quorate reset`, through the real binary, over real servers and candidates.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test ends where a value is not what it must be")]

mod common;

use std::fmt::Display;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::candidate::{Agent, LETTERS, Launch, Voters, boot, count, eventually, field, since};
use common::forwarder::Forwarder;
use common::onlookers::Onlookers;
use common::{RIGHTS, Version};
use quorate::core::observer_wait;
use quorate::local::{LocalServer, Memory};

const TTL: Duration = Duration::from_secs(1);
const RECORD: &str = "quorate:{orders}:record";

/// A user who cannot see who listens: only the watch is left to find candidates.
fn with_modest_user(count: usize) -> Voters {
    let options = || Version::Redis70.options().line(format!("user quorate on >secret {RIGHTS}"));
    Voters { servers: (0..count).map(|_| common::start(options())).collect() }
}

fn modest(urls: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    urls.into_iter().map(|(name, url)| (name, url.replace("://", "://quorate:secret@"))).collect()
}

fn command<U: Display>(urls: &[(&'static str, U)], more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.env_clear().args(["reset", "--election=orders", "--ttl=1s"]).args(more).stdin(Stdio::null());
    for (name, url) in urls {
        command.arg(format!("--voter={name}={url}"));
    }
    command
}

/// The code, and everything said.
fn reset<U: Display>(urls: &[(&'static str, U)], more: &[&str]) -> (Option<i32>, String) {
    let output = command(urls, more).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

fn candidate<U: Display>(identity: &str, urls: &[(&'static str, U)]) -> Agent {
    Launch::new(identity, urls.iter().map(|(name, url)| (name, url)), TTL).start()
}

fn remembers(server: &LocalServer) -> bool {
    server.command(&["EXISTS", RECORD]).unwrap() == "1"
}

fn says(said: &str, all: &[&str]) {
    for part in all {
        assert!(said.contains(part), "no {part:?} in:\n{said}");
    }
}

#[test]
fn a_leader_is_not_forgotten_whether_it_is_seen_to_listen_or_to_renew() {
    let voters = with_modest_user(3);
    voters.educate(TTL);
    let leader = candidate("leader", &voters.urls());
    eventually("all three held", || leader.holds(3));
    let term = leader.term();
    let (code, said) = reset(&voters.urls(), &["--yes"]);
    says(&said, &["nothing was removed: one candidate listens at a"]);
    assert_eq!(code, Some(1));
    let (code, said) = reset(&modest(voters.urls()), &["--yes"]);
    says(&said, &["cannot be seen at a, b and c", "moves, so leader leads", "stop all candidates"]);
    assert_eq!(code, Some(1));
    assert!(voters.servers.iter().all(remembers));
    assert_eq!((leader.leads(), leader.term()), (true, term));
}

#[test]
fn nothing_is_forgotten_while_a_leader_that_is_cut_off_may_still_believe() {
    const TTL: Duration = Duration::from_secs(3);
    let voters = with_modest_user(3);
    voters.educate(TTL);
    let wires: Vec<_> = voters.servers.iter().map(|server| Forwarder::to(server.port())).collect();
    let leader =
        Launch::new("leader", LETTERS.into_iter().zip(wires.iter().map(Forwarder::url)), TTL).start();
    eventually("all three held", || leader.holds(3));
    let onlookers = Onlookers::watch(&[&leader]);
    wires.iter().for_each(Forwarder::cut);
    let cut = boot();
    let mut child = command(&modest(voters.urls()), &["--yes"]).stdout(Stdio::null()).spawn().unwrap();
    eventually("somebody forgot", || !voters.servers.iter().all(remembers));
    let forgot = boot();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let seen = onlookers.finish();
    assert!(seen.iter().any(|yes| yes.sent > cut), "it believed for a while");
    assert!(seen.iter().all(|yes| yes.sent < forgot), "it believed when it was forgotten");
}

#[test]
fn other_voters_are_refused_by_candidates_until_a_reset_names_both_lists_and_terms_still_grow() {
    let voters = Voters::experienced(3, TTL);
    let first = candidate("first", &voters.urls());
    eventually("all three held", || first.holds(3));
    let before = first.term().unwrap();
    assert_eq!(first.end().0, Some(0));
    let another = Version::Redis70.start();
    let mut urls = voters.urls();
    urls[2] = ("d", another.url());
    let misfit = candidate("misfit", &urls);
    eventually("it says that it is inert", || count(&misfit.log(), "inert") > 0);
    says(&reset(&urls, &["--yes"]).1, &["one candidate listens at a"]);
    assert_eq!(misfit.end().0, Some(0));

    let (code, said) = reset(&urls, &["--yes"]);
    says(
        &said,
        &["voters a, b, d", "voters a, b, c at a and b, other than the configured ones", "of first ("],
    );
    says(&said, &["at a        member, released", "removed from a", "no lease key of ours"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!remembers(&voters.servers[0]) && !remembers(&voters.servers[1]));
    assert!(remembers(&voters.servers[2]), "a server that is not configured is not asked");
    let next = candidate("next", &urls);
    eventually("it leads", || next.leads());
    assert!(next.term().unwrap() > before, "{:?} after {before}", next.term());
    assert_eq!(field(&another, "electorate"), "1 a,b,d");
}

#[test]
fn a_leader_that_may_live_on_voters_that_cannot_be_read_is_not_forgotten_unless_they_are_gone() {
    let voters = Voters::experienced(3, TTL);
    let others = [Version::Redis70.start(), Version::Redis70.start()];
    let urls = [("a", voters.servers[0].url()), ("d", others[0].url()), ("e", others[1].url())];
    let (code, said) = reset(&urls, &["--yes"]);
    says(&said, &["belong to the voters a, b and c", "may live on b and c", "--gone b --gone c"]);
    assert_eq!((code, remembers(&voters.servers[0])), (Some(1), true));
    let (code, said) = reset(&urls, &["--yes", "--gone=a"]);
    says(&said, &["--gone a: it is there and answers"]);
    assert_eq!(code, Some(1));
    says(&reset(&urls, &["--yes", "--gone=x"]).1, &["--gone x: no record names such a voter"]);
    // One of the two leaves no quorum to the other.
    let (code, said) = reset(&urls, &["--yes", "--gone=b"]);
    assert_eq!((code, remembers(&voters.servers[0])), (Some(0), false), "{said}");
}

#[test]
fn a_halt_is_lifted_by_a_reset_after_which_terms_still_grow() {
    let mut voters = with_modest_user(3);
    voters.educate(TTL);
    let start = |identity, voters: &Voters| {
        Launch::new(identity, voters.urls(), TTL).environment("QUORATE_ON_EPOCH_RESET", "halt").start()
    };
    let first = start("first", &voters);
    eventually("all three held", || first.holds(3));
    let before = first.term().unwrap();
    assert_eq!(first.end().0, Some(0));
    // A restart is an amnesia that leaves the term behind as a hint, so that everybody knows that one was forgotten.
    voters.servers.iter_mut().for_each(|server| server.restart(Memory::Saved).unwrap());
    let halted = start("halted", &voters);
    eventually("it halts", || count(&halted.log(), "halted") > 0);
    says(&halted.log(), &["run `quorate reset`"]);
    // While it runs, the election begins anew under it; where nobody can see it listen, that is noticed afterwards.
    let (code, said) = reset(&modest(voters.urls()), &["--yes"]);
    says(&said, &["a candidate still runs and has begun the election anew"]);
    assert_eq!(code, Some(1));
    assert_eq!(halted.end().0, Some(0));
    let (code, said) = reset(&voters.urls(), &["--yes"]);
    says(&said, &["forgot, joining", "removed from a, b and c"]);
    assert_eq!(code, Some(0), "{said}");
    let next = start("next", &voters);
    eventually("it leads", || next.leads());
    assert!(next.term().unwrap() > before, "{:?} after {before}", next.term());
}

#[test]
fn without_a_quorum_a_yes_or_anything_to_remove_it_says_so() {
    let mut voters = Voters::experienced(3, TTL);
    let (code, said) = reset(&voters.urls(), &[]);
    says(&said, &["there is no terminal to ask at; give --yes"]);
    assert_eq!((code, voters.servers.iter().all(remembers)), (Some(2), true));

    voters.servers[0].command(&["HSET", RECORD, "term", "9007199254740990"]).unwrap();
    let (code, said) = reset(&voters.urls(), &["--yes"]);
    says(&said, &["9007199254740990 at a, is beyond the voters' clocks"]);
    assert_eq!(code, Some(1));
    voters.servers[0].command(&["HSET", RECORD, "term", "7", "format", "2"]).unwrap();
    let (code, said) = reset(&voters.urls(), &["--yes"]);
    says(&said, &["the record at a has format 2, and this version of Quorate knows format 1"]);
    assert_eq!(code, Some(1));
    voters.servers[0].command(&["HSET", RECORD, "format", "1"]).unwrap();

    voters.servers[2].kill();
    let begun = boot();
    let (code, said) = reset(&voters.urls(), &["--yes"]);
    says(&said, &["removed from a and b", "not removed from c, which could not be read"]);
    assert_eq!(code, Some(1), "not everything is gone");
    assert!(since(begun) > observer_wait(TTL));
    voters.servers[2].restart(Memory::Empty).unwrap();
    let (code, said) = reset(&voters.urls(), &["--yes"]);
    says(&said, &["no voter that answers remembers orders: there is nothing to remove"]);
    assert_eq!(code, Some(0));
    voters.servers[2].kill();
    says(&reset(&voters.urls(), &["--yes"]).1, &["there is nothing to remove", "not removed from c"]);
    voters.servers[1].kill();
    let (code, said) = reset(&voters.urls(), &["--yes"]);
    says(&said, &["1 of 3 voters can be read, and 2 are needed", "c: nothing listens at the address"]);
    assert_eq!(code, Some(69));
}
