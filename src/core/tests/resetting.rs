//! Rule 11: how a new epoch begins where nobody is left who remembers.

use std::time::Duration;

use super::lab::{Lab, Link, TTL};
use crate::core::{Action, Answer, Bug, Operation, Planted, ResetKind, ResetPolicy, Settings, observer_wait};

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
    let mut lab = Lab::with_standby(1, Planted::none());
    lab.restart_empty(0);
    let restarted = lab.now();
    lab.pass_until(3 * TTL, |lab| lab.leaders().is_empty());
    lab.pass_until(3 * TTL, |lab| !lab.leaders().is_empty());
    assert!(lab.now() - restarted >= observer_wait(TTL));
}

#[test]
fn a_voter_dead_and_another_forgetful_are_overcome_after_twice_the_wait() {
    let leads = |planted, wait| {
        let mut lab = Lab::with_standby(3, planted);
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
    let mut lab = Lab::with_standby(3, Planted::none());
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
fn a_double_collect_counts_only_polls_that_were_answered() {
    let resets = |planted| {
        let mut lab = Lab::with_standby(3, planted);
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
fn voters_that_forgot_one_after_the_other_are_no_quorum_that_forgot_at_once() {
    let mut lab = Lab::with_standby(3, Planted::none());
    lab.crash(0);
    lab.restart_empty(0);
    lab.look(1, 0);
    // Somebody lets it vote again before the next one forgets.
    let instance = lab.observe(0).seen.instance;
    let join = Operation::Join { instance, term: lab.observe(2).term, ttl: TTL };
    assert_eq!(lab.ask_directly(0, join), Answer::Joined);
    lab.restart_empty(1);
    lab.look(1, 1);
    // It wakes up long after, and decides before it has looked again.
    lab.pass_without(1, 2 * TTL);
    lab.pass(TTL / 10);
    assert_eq!(lab.resets(1), [] as [ResetKind; 0]);
}

#[test]
fn where_fewer_than_a_quorum_answer_nothing_is_reset() {
    let mut lab = Lab::with_standby(3, Planted::none());
    lab.crash(0);
    lab.cut(1, [0, 2], Link::Cut);
    lab.restart_empty(1);
    lab.pass(10 * TTL);
    assert_eq!((lab.resets(1), lab.joins(1)), (vec![], vec![]));
}

#[test]
fn the_floor_of_a_reset_is_not_below_the_clocks_of_most_voters() {
    let hour = Duration::from_hours(1);
    let first_term = |ahead: usize| {
        let mut lab = Lab::new(3, 1, Planted::none());
        let us = u64::try_from(hour.as_micros()).unwrap();
        lab.servers[..ahead].iter_mut().for_each(|server| server.time_us += us);
        lab.start(0);
        lab.pass(2 * TTL);
        lab.terms(0)[0]
    };
    // Voters were read up to one interval before the candidate's own clock.
    let far = first_term(0) + u64::try_from((hour - TTL / 10).as_millis()).unwrap();
    assert!(first_term(2) > far, "the candidate's own clock is behind");
    assert!(first_term(1) < far, "one voter's clock is no reason");
}
