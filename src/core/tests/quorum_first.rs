//! Rule 3, economically: grants are asked of a quorum first, of more where one says no, of all where it takes long.

use std::time::Duration;

use super::lab::{Lab, Link, ONE_WAY, TTL};
use crate::core::{Action, Answer, Ballot, Event, GrantTerm, Operation, Planted, Released, StandBack};

fn is_grant(operation: &Operation) -> bool {
    matches!(operation, Operation::Grant { .. })
}

/// Hints of a release that there was not, so that every voter asked refuses.
fn mislead(lab: &mut Lab) {
    for voter in 0..5 {
        let seen = lab.observe(voter).seen;
        let released = Some(Released { holder: seen.holder.unwrap(), version: seen.version + 1 });
        lab.tell(1, Event::Hint { voter, released });
    }
    lab.pass(4 * ONE_WAY);
}

#[test]
fn a_quorum_is_asked_first_and_the_rest_once_elected() {
    let mut lab = Lab::with_standby(5, Planted::none());
    let before = lab.asked.len();
    lab.resign(0, StandBack::ForGood);
    lab.pass(12 * ONE_WAY);
    assert_eq!(lab.leaders(), [1]);
    let asked: Vec<_> = lab.asked[before..].iter().filter(|(_, who, _, _)| *who == 1).collect();
    let verified = asked.iter().position(|(_, _, _, op)| matches!(op, Operation::Confirm { .. })).unwrap();
    let (first, rest) = asked.split_at(verified);
    assert_eq!(first.iter().filter(|(_, _, _, op)| is_grant(op)).count(), 3);
    assert_eq!(rest.iter().filter(|(_, _, _, op)| is_grant(op)).count(), 2);
    assert_eq!(lab.held_by(1), 5, "without waiting for the next observation");
    let term = lab.terms(1)[0];
    (0..5).for_each(|voter| assert_eq!(lab.observe(voter).term, term, "the rest stores the very same term"));
    assert_eq!(lab.terms(1).len(), 1);
}

#[test]
fn a_voter_that_says_nothing_is_not_waited_for() {
    let mut lab = Lab::with_standby(5, Planted::none());
    lab.cut(1, [1], Link::OnlyObserve);
    let seen = lab.observe(1).seen;
    lab.resign(0, StandBack::ForGood);
    let released = Some(Released { holder: seen.holder.unwrap(), version: seen.version + 1 });
    lab.tell(1, Event::Hint { voter: 1, released });
    let took = lab.pass_until(TTL, |lab| lab.leads(1));
    assert!(took <= Duration::from_millis(2), "long before the voter timeout: {took:?}");
}

#[test]
fn voters_that_say_no_are_replaced_when_all_have_answered() {
    let mut lab = Lab::with_standby(5, Planted::none());
    let begun = lab.now();
    let seen = lab.observe(0).seen;
    let term = GrantTerm::Hint(1);
    let grant = Operation::Grant { ballot: Ballot(9), ttl: TTL, seen, key_stood_still: true, term };
    assert!(matches!(lab.ask_directly(0, grant), Answer::Granted { .. }));
    lab.ask_directly(0, Operation::Release { ballot: Ballot(9) });
    lab.resign(0, StandBack::ForGood);
    lab.pass(4 * ONE_WAY + Duration::from_millis(1));
    assert_eq!(lab.leaders(), [1]);
    let asked = |voter| lab.count_asked(begun, |who, v, op| (who, v) == (1, voter) && is_grant(op));
    assert_eq!((0..5).map(asked).max(), Some(1), "each at most once");
}

#[test]
fn where_no_quorum_can_come_together_the_attempt_ends_with_the_last_answer() {
    let mut lab = Lab::with_standby(5, Planted::none());
    lab.cut(1, 0..3, Link::WritesFail);
    let since = lab.now();
    lab.resign(0, StandBack::ForGood);
    lab.pass_slowly(1, TTL / 10);
    assert_eq!(lab.leaders(), [] as [usize; 0]);
    let released = lab.count_asked(since, |who, _, op| who == 1 && matches!(op, Operation::Release { .. }));
    assert!(released > 0, "silence may have been a yes: it is given back");
}

#[test]
fn nothing_is_given_back_where_it_was_refused() {
    let mut lab = Lab::with_standby(5, Planted::none());
    let since = lab.now();
    mislead(&mut lab);
    assert!(lab.participants[1].told.contains(&Action::AttemptFailed));
    let released = |voter| {
        lab.count_asked(since, |who, v, op| (who, v) == (1, voter) && matches!(op, Operation::Release { .. }))
    };
    let asked = |voter| lab.count_asked(since, |who, v, op| (who, v) == (1, voter) && is_grant(op));
    for voter in 0..5 {
        assert_eq!(released(voter) == 0, asked(voter) > 0, "voter {voter}: all that were asked refused");
    }
}

#[test]
fn whoever_lost_leaves_the_voters_alone_for_two_round_trips() {
    for trial in 0..20 {
        let mut lab = Lab::with_standby(5, Planted::none());
        lab.pass(trial * Duration::from_millis(7));
        let before = lab.asked.len();
        mislead(&mut lab);
        lab.pass(Duration::from_millis(5));
        let asked: Vec<_> = lab.asked[before..].iter().filter(|(_, who, _, _)| *who == 1).collect();
        let lost = asked.iter().rposition(|(_, _, _, op)| is_grant(op)).unwrap();
        let looks = |op: &Operation| matches!(op, Operation::Observe { .. });
        let next = asked[lost..].iter().find(|(_, _, _, op)| looks(op)).unwrap();
        let round_trip = 2 * ONE_WAY;
        let waited = next.0 - asked[lost].0 - round_trip;
        assert!((2 * round_trip..=6 * round_trip).contains(&waited), "{waited:?}");
    }
}

#[test]
fn a_slow_voter_is_asked_last() {
    let mut lab = Lab::with_standby(5, Planted::none());
    lab.cut(1, [0], Link::AnswersHeld);
    lab.pass_slowly(1, TTL / 5);
    lab.cut(1, [0], Link::Up);
    let before = lab.asked.len();
    lab.resign(0, StandBack::ForGood);
    lab.pass(10 * ONE_WAY);
    assert_eq!(lab.leaders(), [1]);
    let grants = lab.asked[before..].iter().filter(|(_, who, _, op)| *who == 1 && is_grant(op));
    let order: Vec<_> = grants.map(|(_, _, voter, _)| *voter).collect();
    assert!(!order[..3].contains(&0), "{order:?}");
}
