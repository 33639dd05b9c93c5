//! The live demo in a real terminal, with real servers, candidates and keys.

use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::remains::Place;
use crate::terminal::Terminal;

/// Who leads, as the screen shows it.
fn leader(seen: &str) -> Option<String> {
    let row = seen.lines().find(|line| line.contains(" LEADER "))?;
    row.trim_start_matches('▶').split_whitespace().next().map(str::to_owned)
}

/// What the row of somebody says.
fn row(seen: &str, name: &str) -> Option<String> {
    let mut rows = seen.lines().map(|line| line.trim_start_matches('▶').trim_start());
    rows.find(|line| line.starts_with(name)).map(str::to_owned)
}

/// A demo that somebody has begun, with a leader.
fn begun(place: &Place) -> (Terminal, String) {
    let mut terminal = Terminal::run(80, 24, place.path());
    terminal.shows("Any key begins, q quits.");
    terminal.press(" ");
    let first = terminal.until("a leader", leader);
    (terminal, first)
}

fn signal(terminal: &Terminal, signal: Signal) {
    let pid = terminal.child.process_id().unwrap();
    kill(Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
}

#[test]
fn a_leader_killed_by_key_is_followed_by_another_and_q_leaves_nothing() {
    let place = Place::alone();
    let (mut terminal, first) = begun(&place);
    let pid = terminal.child.process_id().unwrap();
    assert_eq!(place.servers(pid).len(), 5);

    terminal.press("k");
    let is_other = |seen: &str| leader(seen).filter(|name| *name != first);
    terminal.until("another leader", is_other);
    terminal.until("the dead one is down", |seen| row(seen, &first)?.contains(" down ").then_some(()));
    terminal.press("n");
    terminal.until("it is back", |seen| row(seen, &first)?.contains(" standby ").then_some(()));

    terminal.press("1d");
    terminal.shows("You restarted v1 with its data");
    terminal.shows("v1 votes again");
    terminal.press("2e");
    terminal.shows("You restarted v2 empty");
    terminal.shows("v2 votes again");

    terminal.resize(60, 12);
    terminal.shows("This needs 80 columns and 22 lines, and there are 60 and 12");
    terminal.resize(100, 30);
    terminal.until("a leader", leader);

    terminal.press("q");
    let status = terminal.ends();
    assert_eq!(status.exit_code(), 0, "{}", terminal.seen());
    assert!(terminal.is_restored());
    terminal.has_shown("never two leaders at once; 2 terms");
    place.has_nothing(pid);
}

#[test]
fn a_stopped_leader_is_deposed_and_knows_it_when_it_goes_on() {
    let place = Place::alone();
    let (mut terminal, first) = begun(&place);
    terminal.press("s");
    terminal.shows(&format!("You stopped {first}"));
    let is_other = |seen: &str| leader(seen).filter(|name| *name != first);
    terminal.until("another leader", is_other);
    // Chosen by the first letter of its name: the leader is somebody else by now.
    let letter = &first[..1];
    terminal.press(&format!("{letter}r"));
    terminal.shows(&format!("{first} leads no more"));
    terminal.until("it stands by", |seen| row(seen, &first)?.contains(" standby ").then_some(()));
    terminal.press("\u{3}");
    assert_eq!(terminal.ends().exit_code(), 0);
    assert!(terminal.is_restored());
    place.has_nothing(terminal.child.process_id().unwrap());
}

#[test]
fn sigterm_and_a_lost_terminal_restore_it_and_leave_nothing() {
    for ending in [Signal::SIGTERM, Signal::SIGHUP] {
        let place = Place::alone();
        let (mut terminal, _) = begun(&place);
        signal(&terminal, ending);
        assert_eq!(terminal.ends().exit_code(), 0, "{ending}");
        assert!(terminal.is_restored(), "{ending}");
        place.has_nothing(terminal.child.process_id().unwrap());
    }
}

#[test]
fn a_second_signal_restores_the_terminal_and_leaves_no_process() {
    let place = Place::alone();
    let (mut terminal, _) = begun(&place);
    signal(&terminal, Signal::SIGTERM);
    signal(&terminal, Signal::SIGINT);
    // The first one may have been enough by then.
    let code = terminal.ends().exit_code();
    assert!(matches!(code, 0 | 130 | 143), "{code}");
    assert!(terminal.is_restored());
    place.has_no_process(terminal.child.process_id().unwrap());
}

#[test]
fn without_a_terminal_it_names_the_script_and_ends_with_2() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_quorate")).arg("demo").stdin(Stdio::null()).output().unwrap();
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{sentence}");
    assert!(sentence.contains("quorate demo --script"), "{sentence}");
    assert_eq!(sentence.lines().count(), 1);
}
