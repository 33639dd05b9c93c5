//! Rule 3, economically: grants are asked of a quorum first, of more where one says no, of all where it takes long.

use std::time::Duration;

use super::lab::{Lab, Link, ONE_WAY, TTL};
use crate::core::{Answer, Ballot, Event, GrantTerm, Operation, Planted, Released, Seen, StandBack};

fn is_grant(operation: &Operation) -> bool {
    matches!(operation, Operation::Grant { .. })
}

fn observe(lab: &mut Lab, voter: usize) -> Seen {
    match lab.ask_directly(voter, Operation::Observe { proposal: None }) {
        Answer::Observed(observation) => observation.seen,
        other => panic!("{other:?}"),
    }
}

/// A leader of five voters and a standby that knows them.
fn with_standby() -> Lab {
    let mut lab = Lab::with_leader(5, 2, Planted::none());
    lab.start(1);
    lab.pass(TTL / 10);
    lab
}

#[test]
fn a_quorum_is_asked_first_and_the_rest_once_elected() {
    let mut lab = with_standby();
    let before = lab.asked.len();
    lab.resign(0, StandBack::ForGood);
    lab.pass(10 * ONE_WAY);
    assert_eq!(lab.leaders(), [1]);
    let asked: Vec<_> = lab.asked[before..].iter().filter(|(_, who, _, _)| *who == 1).collect();
    let verified = asked.iter().position(|(_, _, _, op)| matches!(op, Operation::Confirm { .. })).unwrap();
    let (first, rest) = asked.split_at(verified);
    assert_eq!(first.iter().filter(|(_, _, _, op)| is_grant(op)).count(), 3);
    assert_eq!(rest.iter().filter(|(_, _, _, op)| is_grant(op)).count(), 2);
    assert_eq!(lab.held_by(1), 5, "without waiting for the next observation");
    assert_eq!(lab.terms(1).len(), 1);
}

#[test]
fn a_voter_that_says_nothing_is_not_waited_for() {
    let mut lab = with_standby();
    lab.cut(1, [1], Link::OnlyObserve);
    let seen = observe(&mut lab, 1);
    lab.resign(0, StandBack::ForGood);
    let released = Some(Released { holder: seen.holder.unwrap(), version: seen.version + 1 });
    lab.tell(1, Event::Hint { voter: 1, released });
    let took = lab.pass_until(TTL, |lab| lab.leads(1));
    assert!(took <= Duration::from_millis(2), "long before the voter timeout: {took:?}");
}

#[test]
fn voters_that_say_no_are_replaced_when_all_have_answered() {
    let mut lab = with_standby();
    let begun = lab.now();
    let seen = observe(&mut lab, 0);
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
    let mut lab = with_standby();
    lab.cut(1, 0..3, Link::WritesFail);
    let since = lab.now();
    lab.resign(0, StandBack::ForGood);
    lab.pass_slowly(1, TTL / 10);
    assert_eq!(lab.leaders(), [] as [usize; 0]);
    let released = lab.count_asked(since, |who, _, op| who == 1 && matches!(op, Operation::Release { .. }));
    assert!(released > 0, "silence may have been a yes: it is given back");
}
