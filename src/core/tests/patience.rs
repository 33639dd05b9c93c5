//! What must not be repeated without pause, nor remembered or forgotten for too long.

use std::time::Duration;

use super::lab::{Lab, Link, ONE_WAY, TTL};
use crate::core::{
    Action, Event, GrantTerm, Operation, Planted, ResetKind, ResetPolicy, Settings, StandBack, observer_wait,
};

const MS: Duration = Duration::from_millis(1);

fn adopts(lab: &Lab, since: Duration, of: usize) -> usize {
    lab.count_asked(since, |_, voter, op| {
        voter == of && matches!(op, Operation::Grant { term: GrantTerm::Adopt(_), .. })
    })
}

#[test]
fn a_voter_that_refuses_to_be_adopted_is_not_asked_again_and_again() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.restart_empty(2);
    lab.take_foreign(2, TTL);
    lab.cut(0, 0..3, Link::AnswersHeld);
    let since = lab.now();
    lab.pass_slowly(0, 2 * TTL / 5);
    let asked = adopts(&lab, since, 2);
    assert!(asked <= 20, "{asked} adopts in four seconds");
}

#[test]
fn an_adopt_that_fails_at_once_is_not_repeated_at_once() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.restart_empty(2);
    lab.cut(0, 0..2, Link::AnswersHeld);
    lab.cut(0, [2], Link::WritesFail);
    let since = lab.now();
    lab.pass_slowly(0, 2 * TTL / 5);
    let asked = adopts(&lab, since, 2);
    assert!(asked <= 20, "{asked} adopts in four seconds");
}

#[test]
fn a_join_that_fails_at_once_is_not_repeated_at_once() {
    let mut lab = Lab::new(3, 1, Planted::none());
    lab.start(0);
    lab.pass(observer_wait(TTL) - TTL / 10);
    lab.cut(0, 0..3, Link::WritesFail);
    lab.pass_slowly(0, TTL / 2);
    let asked =
        lab.count_asked(Duration::ZERO, |_, voter, op| voter == 0 && matches!(op, Operation::Join { .. }));
    assert!(asked <= 20, "{asked} joins in less than five seconds");
}

#[test]
fn a_first_start_whose_joins_got_half_way_is_still_a_first_start() {
    let mut lab = Lab::new(3, 1, Planted::none());
    let settings = Settings { on_epoch_reset: ResetPolicy::Halt, ..lab.settings() };
    lab.start_with(0, settings);
    lab.pass(observer_wait(TTL) - TTL / 100);
    lab.cut(0, [1, 2], Link::OnlyObserve);
    lab.pass(TTL / 5);
    lab.cut(0, [1, 2], Link::Up);
    lab.pass(5 * TTL);
    let halts = lab.participants[0].told.iter().filter(|action| matches!(action, Action::Halted { .. }));
    assert_eq!((halts.count(), lab.leads(0)), (0, true));
}

#[test]
fn a_second_candidate_of_a_first_start_does_not_cry_halt() {
    let mut lab = Lab::new(3, 2, Planted::none());
    let settings = Settings { on_epoch_reset: ResetPolicy::Halt, ..lab.settings() };
    lab.start_with(0, settings);
    lab.start_with(1, settings);
    lab.pass(observer_wait(TTL) - TTL / 100);
    lab.cut(0, [1, 2], Link::OnlyObserve);
    lab.cut(1, 0..3, Link::OnlyObserve);
    lab.pass(TTL / 5);
    lab.crash(0);
    lab.cut(1, 0..3, Link::Up);
    lab.pass(5 * TTL);
    assert!(lab.leads(1));
}

#[test]
fn a_second_halt_is_told_too() {
    let mut lab = Lab::new(3, 1, Planted::none());
    let settings = Settings { on_epoch_reset: ResetPolicy::Halt, ..lab.settings() };
    lab.start_with(0, settings);
    lab.pass(2 * TTL);
    let halts = |lab: &Lab| {
        lab.participants[0].told.iter().filter(|action| matches!(action, Action::Halted { .. })).count()
    };
    for round in 1..=2 {
        (0..3).for_each(|voter| lab.restart_empty(voter));
        lab.pass(3 * TTL);
        assert_eq!((halts(&lab), lab.leads(0)), (round, false));
        // The operator lifts it.
        for voter in 0..3 {
            let instance = lab.observe(voter).seen.instance;
            let term = 1_900_000_000_000 + round as u64 * 1_000_000_000;
            lab.ask_directly(voter, Operation::Join { instance, term, ttl: TTL });
        }
        lab.pass(TTL);
        assert!(lab.leads(0));
    }
}

#[test]
fn a_voter_that_stayed_silent_is_not_asked_by_the_next_attempt() {
    let mut lab = Lab::with_standby(3, Planted::none());
    lab.cut(1, [0], Link::NoConfirm);
    lab.cut(1, [2], Link::AnswersHeld);
    lab.resign(0, StandBack::ForGood);
    lab.crash(0);
    lab.pass_slowly(1, 2 * TTL);
    let failures = lab.participants[1].told.iter().filter(|action| matches!(action, Action::AttemptFailed));
    assert!(lab.leads(1), "{} attempts failed", failures.count());
}

#[test]
fn a_poll_that_was_lost_says_nothing_against_a_later_one_that_was_answered() {
    let mut lab = Lab::with_leader(3, 2, Planted::none());
    lab.start(1);
    lab.pass(TTL);
    lab.cut(1, [0], Link::Cut);
    let polls = |lab: &Lab| lab.count_asked(Duration::ZERO, |who, voter, _| (who, voter) == (1, 0));
    let before = polls(&lab);
    lab.pass_until(TTL, |lab| polls(lab) > before);
    lab.cut(1, 0..3, Link::AnswersHeld);
    lab.pass_slowly(1, MS);
    lab.tell(1, Event::Hint { voter: 0, released: None });
    lab.pass_slowly(1, 5 * MS);
    assert!(lab.participants[1].candidate.as_ref().unwrap().voter(0).reachable);
    for ms in 0..1_500 {
        lab.pass(MS);
        assert!(lab.participants[1].candidate.as_ref().unwrap().voter(0).reachable, "after {ms} ms");
        lab.deliver_held(1);
    }
}

#[test]
fn lost_polls_before_a_sleep_and_after_it_are_no_long_silence() {
    let mut lab = Lab::with_standby(5, Planted::none());
    // Voter 4 forgot, and only candidate 1 reaches it; two others it loses for a moment, before and after it sleeps.
    lab.cut(0, [4], Link::Cut);
    lab.cut(1, [0, 1], Link::Cut);
    lab.restart_empty(4);
    lab.pass(TTL / 10);
    lab.pass_without(1, 5 * TTL);
    lab.pass(TTL / 5);
    assert_eq!(lab.resets(1), []);
    assert!(lab.leads(0));
    // Awake, the same silence counts once it has lasted.
    lab.pass(3 * TTL);
    assert_eq!(lab.resets(1), [ResetKind::Unreadable]);
}

#[test]
fn an_attempt_after_a_failed_one_does_not_start_from_what_the_failed_one_changed() {
    let mut lab = Lab::with_standby(5, Planted::none());
    lab.cut(1, 0..5, Link::AnswersHeld);
    lab.resign(0, StandBack::ForGood);
    lab.crash(0);
    let since = lab.now();
    let grants = |lab: &Lab| lab.count_asked(since, |_, _, op| matches!(op, Operation::Grant { .. }));
    while grants(&lab) == 0 {
        lab.pass_slowly(1, MS);
    }
    lab.pass(ONE_WAY);
    lab.restart_with_data(0);
    lab.pass_slowly(1, TTL);
    assert!(lab.leads(1));
    let failed =
        lab.participants[1].told.iter().filter(|action| matches!(action, Action::AttemptFailed)).count();
    assert_eq!(failed, 1);
}

#[test]
fn work_that_was_not_asked_to_stop_is_not_taken_for_stopped() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.keep_working(0);
    lab.tell(0, Event::WorkStopped);
    let released = lab.count_asked(Duration::ZERO, |_, _, op| matches!(op, Operation::Release { .. }));
    assert_eq!((lab.leads(0), released), (true, 0));
}

#[test]
fn two_first_starts_at_once_are_no_forgetting() {
    let mut lab = Lab::new(3, 2, Planted::none());
    let settings = Settings { on_epoch_reset: ResetPolicy::Halt, ..lab.settings() };
    lab.start_with(0, settings);
    lab.start_with(1, settings);
    lab.pass(observer_wait(TTL) - MS);
    // Of what happens now, candidate 1 learns from voter 0 first.
    lab.cut(1, [0], Link::OnlyObserve);
    lab.cut(1, [1, 2], Link::AnswersHeld);
    lab.pass(TTL / 20);
    let halted =
        |lab: &Lab| lab.participants[1].told.iter().any(|told| matches!(told, Action::Halted { .. }));
    assert!(lab.leads(0));
    assert_eq!(lab.resets(1), [ResetKind::First]);
    assert!(!halted(&lab));
}
