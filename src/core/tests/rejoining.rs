//! Rule 11.

use std::time::Duration;

use super::lab::{Lab, Link, TTL};
use crate::core::{
    Action, Answer, Bug, Operation, Planted, ResetKind, ResetPolicy, Settings, Standing, observer_wait,
};

fn standing(lab: &mut Lab, voter: usize) -> Option<Standing> {
    match lab.ask_directly(voter, Operation::Observe { proposal: None }) {
        Answer::Observed(observation) => Some(observation.standing),
        _ => None,
    }
}

#[test]
fn a_standby_reseeds_a_voter_after_the_quarantine_with_the_largest_term_of_q_members() {
    let rejoined_after = |planted| {
        let mut lab = Lab::with_leader(5, 2, planted);
        lab.start(1);
        lab.pass(TTL / 10);
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
        let mut lab = Lab::with_leader(3, 2, planted);
        lab.start(1);
        lab.pass(TTL / 10);
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
fn a_quorum_that_forgot_at_once_begins_a_new_epoch_with_larger_terms() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    (0..3).for_each(|voter| lab.restart_empty(voter));
    lab.pass(3 * TTL);
    assert!(lab.leads(0));
    assert_eq!(lab.resets(0), [ResetKind::First, ResetKind::Forgotten]);
    assert!(lab.terms(0)[1] > lab.terms(0)[0]);
}

#[test]
fn one_voter_keeps_everybody_from_leading_until_o_has_passed_after_its_restart() {
    let mut lab = Lab::with_leader(1, 2, Planted::none());
    lab.start(1);
    lab.pass(TTL / 10);
    lab.restart_empty(0);
    let restarted = lab.now();
    lab.pass_until(3 * TTL, |lab| lab.leaders().is_empty());
    lab.pass_until(3 * TTL, |lab| !lab.leaders().is_empty());
    assert!(lab.now() - restarted >= observer_wait(TTL));
}

#[test]
fn a_voter_dead_and_another_forgetful_are_overcome_after_twice_the_wait() {
    let leads = |planted, wait| {
        let mut lab = Lab::with_leader(3, 2, planted);
        lab.start(1);
        lab.pass(TTL / 10);
        lab.crash(0);
        lab.cut_for_all([0], Link::Cut);
        lab.restart_empty(1);
        lab.pass(wait);
        lab.leads(1)
    };
    let twice = 2 * observer_wait(TTL);
    assert!(!leads(Planted::none(), twice - TTL / 20), "not before");
    assert!(leads(Planted::none(), twice + TTL / 2));
    assert!(!leads(Planted::bug(Bug::NoUnreadableReset), 10 * TTL), "without that reset nobody leads, ever");
    assert!(leads(Planted::bug(Bug::UnreadableResetAtOnce), twice - TTL / 20));
}

#[test]
fn a_candidate_that_was_asleep_does_not_mistake_its_own_silence_for_the_members() {
    let mut lab = Lab::with_leader(3, 2, Planted::none());
    lab.start(1);
    lab.pass(TTL / 10);
    lab.crash(0);
    lab.restart_empty(2);
    lab.pass(TTL / 10);
    lab.pass_without(1, 5 * TTL);
    // It wakes up; only the voter that forgot answers at first.
    lab.cut(1, [0, 1], Link::Cut);
    lab.pass(TTL / 10);
    assert_eq!(lab.resets(1), [] as [ResetKind; 0]);
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
fn a_double_collect_counts_only_polls_that_were_answered() {
    let resets = |planted| {
        let mut lab = Lab::with_leader(3, 2, planted);
        lab.start(1);
        lab.pass(TTL / 10);
        lab.crash(0);
        lab.restart_empty(0);
        lab.pass(TTL / 10);
        // The first amnesic voter is not heard again before the second one forgets; nor after.
        lab.cut(1, [0], Link::AnswersHeld);
        lab.cut(1, [2], Link::Cut);
        lab.pass(Duration::from_millis(400));
        lab.restart_empty(1);
        lab.pass(observer_wait(TTL) + TTL / 10);
        lab.resets(1).contains(&ResetKind::Forgotten)
    };
    assert!(!resets(Planted::none()));
    assert!(resets(Planted::bug(Bug::UnansweredPollCollected)));
}

#[test]
fn halt_waits_for_an_operator_but_never_at_the_first_start() {
    let mut lab = Lab::new(3, 1, Planted::none());
    let settings = Settings { on_epoch_reset: ResetPolicy::Halt, ..lab.settings() };
    lab.start_with(0, settings);
    lab.pass(2 * TTL);
    assert!(lab.leads(0), "a first start is no loss");
    (0..3).for_each(|voter| lab.restart_empty(voter));
    lab.pass(10 * TTL);
    assert!(!lab.leads(0));
    let halts = lab.participants[0].told.iter().filter(|action| matches!(action, Action::Halted { .. }));
    assert_eq!(halts.count(), 1, "told once");
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
    assert_eq!(standing(&mut lab, 1), Some(Standing::Member));
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
