//! What a hint may do, and what it may not: it saves an observation, and decides nothing.

use std::time::Duration;

use super::lab::{Lab, Link, ONE_WAY, TTL};
use crate::core::{Answer, Ballot, Event, GrantTerm, Operation, Planted, Released, StandBack};

/// A hint as the voter would publish it, had its holder released it just now.
fn invented(lab: &mut Lab, voter: usize) -> Event {
    let seen = lab.observe(voter).seen;
    Event::Hint {
        voter,
        released: Some(Released { holder: seen.holder.unwrap(), version: seen.version + 1 }),
    }
}

#[test]
fn a_hint_that_tells_what_was_released_saves_the_observation() {
    let mut lab = Lab::with_standby(5, Planted::none());
    let since = lab.now();
    lab.resign(0, StandBack::ForGood);
    lab.pass(10 * ONE_WAY);
    assert_eq!(lab.leaders(), [1]);
    let observed = lab.count_asked(since, |who, _, op| who == 1 && matches!(op, Operation::Observe { .. }));
    assert_eq!(observed, 0, "the grants went first");
}

#[test]
fn an_invented_hint_costs_an_attempt_and_never_the_leadership() {
    let mut lab = Lab::with_standby(5, Planted::none());
    let term = lab.terms(0)[0];
    let since = lab.now();
    for _ in 0..200 {
        for voter in 0..5 {
            let hint = invented(&mut lab, voter);
            lab.tell(1, hint);
        }
        lab.pass(Duration::from_millis(5));
        assert_eq!(lab.leaders(), [0]);
    }
    assert_eq!(lab.terms(0), [term]);
    let grants = lab.count_asked(since, |who, _, op| who == 1 && matches!(op, Operation::Grant { .. }));
    assert!((3..=100).contains(&grants), "believed now and then, not each time: {grants} grants in a second");
}

#[test]
fn a_hint_about_what_has_been_seen_already_predicts_nothing() {
    let mut lab = Lab::with_standby(5, Planted::none());
    let since = lab.now();
    for voter in 0..5 {
        let seen = lab.observe(voter).seen;
        let released = Some(Released { holder: seen.holder.unwrap(), version: seen.version });
        lab.tell(1, Event::Hint { voter, released });
    }
    lab.pass(Duration::from_millis(10));
    assert_eq!(lab.count_asked(since, |_, _, op| matches!(op, Operation::Grant { .. })), 0);
}

/// It takes voters by `adopt` only over a version that it received itself before q fresh confirms (rule 7).
#[test]
fn a_leader_adopts_nothing_on_the_word_of_a_hint() {
    let mut lab = Lab::with_standby(5, Planted::none());
    let seen = lab.observe(4).seen;
    let grant = Operation::Grant {
        ballot: Ballot(9),
        ttl: TTL,
        seen,
        key_stood_still: true,
        term: GrantTerm::Hint(1),
    };
    assert!(matches!(lab.ask_directly(4, grant), Answer::Granted { .. }));
    // Watched for less than O, but for longer than it takes to renew.
    lab.pass(TTL / 2);
    let since = lab.now();
    let hint = invented(&mut lab, 4);
    lab.tell(0, hint);
    lab.pass(TTL / 10);
    assert_eq!(lab.count_asked(since, |who, _, op| who == 0 && matches!(op, Operation::Grant { .. })), 0);
    assert_eq!(lab.leaders(), [0]);
}

/// A grant to the rest after the election needs a basis that was known before the verification (ADR 0005).
#[test]
fn a_leader_whose_clock_stood_during_its_election_takes_no_voter_that_a_newer_one_released() {
    let mut lab = Lab::with_leader(5, 3, Planted::none());
    lab.participants[1].ahead = Duration::from_secs(100);
    lab.start(1);
    lab.start(2);
    lab.pass(TTL / 10);
    lab.cut(2, 0..5, Link::Cut);
    lab.cut(1, 0..5, Link::OnlyObservationsAnswered);
    lab.resign(0, StandBack::ForGood);
    lab.crash(0);
    (0..3).for_each(|voter| lab.tell(1, Event::Hint { voter, released: None }));
    lab.pass(5 * ONE_WAY);
    lab.deliver_oldest_held(1, 3);
    // The answers to its verification are under way when the host of 1 is stopped, its clocks with it.
    lab.cut(2, 2..5, Link::Up);
    let stopped = 2 * TTL;
    lab.pass_without(1, stopped);
    assert_eq!(lab.leaders(), [2]);
    let newer = lab.terms(2)[0];
    lab.resign(2, StandBack::ForGood);
    lab.crash(2);
    lab.participants[1].ahead -= stopped;
    lab.cut(1, 0..5, Link::Up);
    for voter in [3, 4] {
        let seen = lab.observe(voter).seen;
        let released = Some(Released { holder: seen.holder.unwrap(), version: seen.version });
        lab.tell(1, Event::Hint { voter, released });
    }
    lab.pass(2 * ONE_WAY);
    lab.deliver_held(1);
    lab.pass(10 * TTL);
    assert!(lab.leads(1));
    assert!(*lab.terms(1).last().unwrap() > newer, "the older term does not keep a quorum");
}

#[test]
fn races_that_were_lost_long_ago_do_not_make_the_next_pause_longer() {
    let mut lab = Lab::with_standby(5, Planted::none());
    for _ in 0..10 {
        (0..5).for_each(|voter| {
            let hint = invented(&mut lab, voter);
            lab.tell(1, hint);
        });
        lab.pass(2 * TTL);
    }
    (0..5).for_each(|voter| {
        let hint = invented(&mut lab, voter);
        lab.tell(1, hint);
    });
    lab.pass(4 * ONE_WAY);
    lab.resign(0, StandBack::ForGood);
    let took = lab.pass_until(TTL, |lab| lab.leads(1));
    assert!(took <= Duration::from_millis(5), "{took:?} at a round trip of 0.2 ms");
}

/// Hints about three of five voters; how many grants come of them.
fn grants_after_hints(lab: &mut Lab, voters: [usize; 3]) -> usize {
    let since = lab.now();
    for voter in voters {
        let seen = lab.observe(voter).seen;
        let released = Released { holder: seen.holder.unwrap_or(Ballot(9)), version: seen.version + 1 };
        lab.tell(1, Event::Hint { voter, released: Some(released) });
    }
    lab.pass(8 * ONE_WAY);
    lab.count_asked(since, |who, _, op| who == 1 && matches!(op, Operation::Grant { .. }))
}

#[test]
fn a_hint_about_a_voter_that_forgot_is_not_believed() {
    let mut lab = Lab::with_standby(5, Planted::none());
    lab.cut(0, [4], Link::Cut);
    lab.restart_empty(4);
    lab.pass(TTL / 10);
    assert_eq!(grants_after_hints(&mut lab, [0, 1, 4]), 0);
    assert_eq!(grants_after_hints(&mut lab, [0, 1, 2]), 3);
}

#[test]
fn a_hint_about_a_voter_with_a_foreign_key_is_not_believed() {
    let mut lab = Lab::with_standby(5, Planted::none());
    lab.voters[4].drop_key();
    lab.take_foreign(4, 3 * TTL);
    lab.pass(TTL / 10);
    assert_eq!(grants_after_hints(&mut lab, [0, 1, 4]), 0);
    assert_eq!(grants_after_hints(&mut lab, [0, 1, 2]), 3);
}

#[test]
fn a_hint_is_forgotten_once_a_later_look_has_not_shown_it() {
    let mut lab = Lab::with_standby(5, Planted::none());
    let hint = |lab: &mut Lab, voter| {
        let hint = invented(lab, voter);
        lab.tell(1, hint);
    };
    let since = lab.now();
    hint(&mut lab, 0);
    hint(&mut lab, 1);
    lab.pass(TTL / 10);
    hint(&mut lab, 2);
    lab.pass(8 * ONE_WAY);
    assert_eq!(lab.count_asked(since, |who, _, op| who == 1 && matches!(op, Operation::Grant { .. })), 0);
}
