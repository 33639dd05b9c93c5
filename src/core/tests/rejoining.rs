//! Rule 11: voters that forgot one by one, and how it is noticed that they did.

use std::time::Duration;

use super::lab::{Lab, Link, ONE_WAY, TTL};
use crate::core::{Bug, GrantTerm, Operation, Planted, Settings, Standing, Timing, observer_wait};

#[test]
fn a_standby_reseeds_a_voter_after_the_quarantine_with_the_largest_term_of_q_members() {
    let rejoined_after = |planted| {
        let mut lab = Lab::with_standby(5, planted);
        // Only the standby reaches the voter that forgot.
        lab.cut(0, [4], Link::Cut);
        lab.restart_empty(4);
        let begun = lab.now();
        lab.pass_until(3 * TTL, |lab| {
            lab.count_asked(begun, |who, voter, op| {
                who == 1 && voter == 4 && matches!(op, Operation::Join { .. })
            }) > 0
        });
        let term = lab.asked.iter().rev().find_map(|(_, _, _, op)| match op {
            Operation::Join { term, .. } => Some(*term),
            _ => None,
        });
        assert_eq!(term, Some(lab.terms(0)[0]));
        lab.now() - begun
    };
    assert!(rejoined_after(Planted::none()) >= observer_wait(TTL));
    assert!(rejoined_after(Planted::bug(Bug::NoQuarantine)) < TTL / 2);
}

#[test]
fn a_reseed_does_not_use_what_was_read_before_the_amnesia_was_seen() {
    let joins_on_old_reads = |planted| {
        let mut lab = Lab::with_standby(3, planted);
        lab.crash(0);
        lab.cut(1, [0, 1], Link::Cut);
        lab.restart_empty(2);
        // Not so long that the reset for unreadable members begins.
        lab.pass(observer_wait(TTL) + TTL / 10);
        lab.count_asked(Duration::ZERO, |who, _, op| who == 1 && matches!(op, Operation::Join { .. })) > 0
    };
    assert!(!joins_on_old_reads(Planted::none()));
    assert!(joins_on_old_reads(Planted::bug(Bug::EarlyReseedReads)));
}

#[test]
fn a_rejoining_voter_waits_for_the_longest_ttl_that_anybody_may_rely_on() {
    let waited = |planted| {
        let mut lab = Lab::new(3, 2, planted);
        lab.start_with_ttl(0, 2 * TTL);
        lab.pass(3 * TTL);
        assert!(lab.leads(0));
        lab.start(1);
        lab.pass(TTL / 10);
        lab.crash(0);
        (0..3).for_each(|voter| lab.restart_empty(voter));
        let begun = lab.now();
        lab.pass_until(10 * TTL, |lab| !lab.resets(1).is_empty());
        lab.now() - begun
    };
    assert!(waited(Planted::none()) >= observer_wait(2 * TTL));
    assert!(
        waited(Planted::bug(Bug::LongestTtlWithoutMemory)) < observer_wait(2 * TTL),
        "T must be remembered"
    );
}

#[test]
fn a_ttl_kept_as_a_hint_by_a_voter_that_restarted_with_data_counts() {
    let waited = |planted| {
        let mut lab = Lab::new(3, 2, planted);
        lab.start_with_ttl(0, 2 * TTL);
        lab.pass(3 * TTL);
        assert!(lab.leads(0));
        lab.crash(0);
        (0..3).for_each(|voter| lab.restart_with_data(voter));
        lab.start(1);
        let begun = lab.now();
        lab.pass_until(10 * TTL, |lab| !lab.resets(1).is_empty());
        lab.now() - begun
    };
    assert!(waited(Planted::none()) >= observer_wait(2 * TTL));
    assert!(waited(Planted::bug(Bug::LongestTtlWithoutHints)) < observer_wait(2 * TTL), "hints count");
}

#[test]
fn a_voter_that_was_rolled_back_is_found_out_by_whoever_saw_it_further() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    let before = lab.voters[1].clone();
    lab.pass(TTL);
    lab.voters[1] = before;
    let since = lab.now();
    lab.pass(TTL / 2);
    let adopted = lab.count_asked(since, |_, voter, op| voter == 1 && matches!(op, Operation::Grant { .. }));
    assert!(adopted > 0, "it counts as having forgotten, and is adopted as a joining voter");
    assert_eq!(lab.observe(1).standing, Standing::Member);
}

#[test]
fn a_fail_over_there_and_back_is_an_amnesia_although_the_process_is_the_same() {
    let noticed = |planted| {
        let mut lab = Lab::with_leader(3, 1, planted);
        let since = lab.now();
        lab.servers[1].run.history = [99; 20];
        lab.pass(TTL / 2);
        lab.count_asked(since, |_, voter, op| voter == 1 && matches!(op, Operation::Grant { .. })) > 0
    };
    assert!(noticed(Planted::none()));
    assert!(!noticed(Planted::bug(Bug::RunWithoutReplid)));
}

#[test]
fn a_replica_is_silence() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.servers[0].primary = false;
    lab.servers[1].primary = false;
    lab.pass(2 * TTL);
    assert!(!lab.leads(0));
}

#[test]
fn a_voter_is_joined_with_the_longest_ttl_that_anybody_may_rely_on() {
    let mut lab = Lab::new(5, 2, Planted::none());
    lab.start_with_ttl(0, 2 * TTL);
    lab.pass(3 * TTL);
    assert!(lab.leads(0));
    lab.start(1);
    lab.pass(TTL / 10);
    lab.cut(0, [4], Link::Cut);
    lab.restart_empty(4);
    lab.pass_until(10 * TTL, |lab| !lab.joins(1).is_empty());
    // Whoever watches this voter from now on has never heard of the other's ttl.
    lab.pass(2 * ONE_WAY);
    assert_eq!(lab.observe(4).ttl, Some(2 * TTL));
}

#[test]
fn an_inert_candidate_joins_no_voter() {
    let mut lab = Lab::new(5, 2, Planted::none());
    lab.start_with_ttl(0, 3 * TTL);
    lab.pass(4 * TTL);
    lab.start(1);
    lab.pass(TTL / 10);
    lab.cut(0, [4], Link::Cut);
    // Somebody who is not inert proposes an instance.
    lab.restart_empty(4);
    lab.ask_directly(4, Operation::Observe { proposal: Some(1) });
    lab.pass(10 * TTL);
    assert_eq!((lab.observe(4).standing, lab.joins(1)), (Standing::Joining, vec![]));
    assert!(lab.leads(0));
}

#[test]
fn a_leader_adopts_and_never_joins() {
    let mut lab = Lab::new(5, 1, Planted::none());
    // Adopts that are not answered are waited for longer than between two looks.
    let timing = Timing { voter_timeout: TTL / 5, ..Timing::of_ttl(TTL) };
    lab.start_with(0, Settings { timing, ..lab.settings() });
    lab.pass(2 * TTL);
    let since = lab.now();
    lab.cut(0, [4], Link::OnlyObserve);
    lab.restart_empty(4);
    lab.ask_directly(4, Operation::Observe { proposal: Some(1) });
    lab.pass(5 * TTL);
    assert!(lab.leads(0) && lab.count_asked(since, |_, voter, op| voter == 4 && is_adopt(op)) > 0);
    assert!(lab.joins(0).iter().all(|(at, _)| *at < since));
}

fn is_adopt(operation: &Operation) -> bool {
    matches!(operation, Operation::Grant { term: GrantTerm::Adopt(_), .. })
}
