//! What the voters said, made up, and what is made of it.
#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::time::Duration;

use super::report::{Condition, Report, Sight, State};
use super::table::{line, table};
use crate::cli::paint::Paint;
use crate::core::{Answer, Ballot, Instance, LeaseKey, Observation, Run, Seen, Standing};
use crate::voter::Details;

/// 2026-01-02T03:04:05Z
const WALL_US: u64 = 1_767_323_045_000_000;
const WHO: &str =
    r#"{"identity":"orders-1","cluster":"eu","address":"10.1.2.3:9797","since":"2026-01-02T03:03:00Z"}"#;

fn run(server: u8) -> Run {
    Run { process: [server; 20], history: [1; 20] }
}

/// Server `n`, a member, held by the ballot with so many milliseconds left.
fn held(n: u8, ballot: u128, left_ms: u64) -> Observation {
    let instance = Instance { proposal: 1, time_us: 1, run: run(n) };
    Observation {
        standing: Standing::Member,
        seen: Seen { instance, holder: Some(Ballot(ballot)), version: 7, released: false },
        term: 100 + u64::try_from(ballot).unwrap(),
        ttl: Some(Duration::from_secs(10)),
        key: LeaseKey::Holders { left: Duration::from_millis(left_ms) },
        time_us: WALL_US,
        run: run(n),
    }
}

fn expired(n: u8, ballot: u128) -> Observation {
    Observation { key: LeaseKey::Free, ..held(n, ballot, 0) }
}

fn released(n: u8, ballot: u128) -> Observation {
    let before = expired(n, ballot);
    Observation { seen: Seen { released: true, ..before.seen }, ..before }
}

fn sight(name: &str, answer: Answer) -> Sight {
    let details = Details {
        who: WHO.to_owned(),
        electorate: None,
        foreign_format: None,
        eviction_policy: "noeviction".to_owned(),
        server_version: "7.0.15".to_owned(),
    };
    let is_silent = answer == Answer::Silent;
    Sight {
        name: name.to_owned(),
        answer,
        details: matches!(answer, Answer::Observed(_)).then_some(details),
        trouble: is_silent.then(|| "no answer in time".to_owned()),
        round_trip: (!is_silent).then_some(Duration::from_micros(310)),
        clock_offset_us: (!is_silent).then_some(-200),
    }
}

fn report(answers: &[Answer]) -> Report {
    let sights: Vec<_> = ["a", "b", "c", "d", "e"].iter().zip(answers).map(|(n, a)| sight(n, *a)).collect();
    Report::new("orders", &sights)
}

fn observed(observations: &[Observation]) -> Report {
    report(&observations.iter().map(|one| Answer::Observed(*one)).collect::<Vec<_>>())
}

#[test]
fn a_ballot_that_holds_a_quorum_leads_until_the_qth_largest_ttl_left() {
    let report = observed(&[held(1, 1, 9_000), held(2, 1, 4_000), held(3, 1, 8_000)]);
    assert_eq!((report.state, report.validity_remaining_ms, report.term), (State::Leading, 8_000, Some(101)));
    assert_eq!((report.margin.may_fail, report.margin.spare, report.voters_held), (Some(1), Some(1), 3));
    let text = table(&report, WALL_US, Paint::Plain);
    assert!(text.contains("orders-1 (eu, 10.1.2.3:9797)\n"), "{text}");
    assert!(text.contains("2026-01-02T03:03:00Z (1m5s ago)"), "{text}");
    assert!(text.contains("3 hold the leader, 1 more than needed"), "{text}");
    assert!(line(&report, WALL_US).starts_with("2026-01-02T03:04:05.000Z orders-1"));
}

#[test]
fn a_dead_voter_costs_margin_and_two_of_three_cost_the_verdict() {
    let one_left = report(&[Answer::Observed(held(1, 1, 9_000)), Answer::Silent, Answer::Silent]);
    assert_eq!((one_left.state, one_left.has_quorum(), one_left.leader), (State::NoQuorum, false, None));
    assert_eq!(one_left.last_holder.unwrap().term, 101);
    let two =
        report(&[Answer::Observed(held(1, 1, 9_000)), Answer::Observed(held(2, 1, 9_000)), Answer::Silent]);
    assert_eq!((two.state, two.margin.may_fail, two.margin.spare), (State::Leading, Some(0), Some(0)));
    assert_eq!(two.notes, ["c: no answer in time"]);
}

#[test]
fn a_leader_that_the_silent_voters_may_still_hold_is_not_denied() {
    let unclear = report(&[
        Answer::Observed(held(1, 1, 9_000)),
        Answer::Observed(held(2, 1, 9_000)),
        Answer::Observed(expired(3, 1)),
        Answer::Silent,
        Answer::Silent,
    ]);
    assert_eq!((unclear.state, unclear.leader.is_none()), (State::Unclear, true));
    let electing = observed(&[held(1, 2, 9_000), released(2, 1), released(3, 1)]);
    assert_eq!(electing.state, State::Electing);
}

#[test]
fn the_largest_term_tells_how_leadership_ended() {
    assert_eq!(observed(&[released(1, 2), released(2, 2), expired(3, 1)]).state, State::Released);
    let ended = observed(&[expired(1, 2), expired(2, 2), released(3, 1)]);
    assert_eq!((ended.state, ended.last_holder.as_ref().unwrap().term), (State::Expired, 102));
    let text = table(&ended, WALL_US, Paint::Plain);
    assert!(
        text.contains("none: the lease of orders-1 (eu, 10.1.2.3:9797), term 102, has expired"),
        "{text}"
    );
    assert_eq!(report(&[Answer::Amnesia; 3]).state, State::Vacant);
}

#[test]
fn one_server_under_two_names_counts_as_none() {
    let report = observed(&[held(1, 1, 9_000), held(1, 1, 9_000), held(3, 1, 9_000)]);
    assert_eq!((report.state, report.voter[0].state), (State::NoQuorum, Condition::Duplicate));
    assert!(report.notes[0].starts_with("a: is the same server as b"), "{:?}", report.notes);
}

#[test]
fn a_foreign_key_hides_whether_its_voter_still_holds() {
    let foreign = |left| Observation { key: LeaseKey::Foreign { left }, ..held(3, 1, 0) };
    let report = observed(&[held(1, 1, 9_000), held(2, 1, 8_000), foreign(None)]);
    assert_eq!((report.state, report.voters_held), (State::Leading, 2));
    assert!(report.notes[0].contains("has no ttl"), "{:?}", report.notes);
    let report = observed(&[held(1, 1, 9_000), expired(2, 1), foreign(Some(Duration::from_secs(3)))]);
    assert_eq!(report.state, State::Unclear);
}

#[test]
fn only_what_does_not_move_by_itself_is_a_change() {
    let first = observed(&[held(1, 1, 9_000), held(2, 1, 9_000), held(3, 1, 9_000)]);
    let later = observed(&[held(1, 1, 8_000), held(2, 1, 8_000), held(3, 1, 8_000)]);
    assert!(first != later && first.at_rest() == later.at_rest());
    let fewer = observed(&[held(1, 1, 8_000), held(2, 1, 8_000), expired(3, 1)]);
    assert_ne!(first.at_rest(), fewer.at_rest());
}

#[test]
fn colours_are_for_terminals_and_names_cannot_bring_their_own() {
    let mut one = sight("a", Answer::Observed(held(1, 1, 9_000)));
    one.details.as_mut().unwrap().who = r#"{"identity":"\u001b[31mred"}"#.to_owned();
    let report = Report::new("orders", &[one]);
    assert!(!table(&report, WALL_US, Paint::Plain).contains('\x1b'));
    assert!(table(&report, WALL_US, Paint::Plain).contains(r"\u{1b}[31mred"));
    assert!(table(&report, WALL_US, Paint::Colours).contains("\x1b[32m"));
}
