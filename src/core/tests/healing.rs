//! Rule 7.

use super::lab::{Lab, Link, ONE_WAY, TTL};
use crate::core::{Bug, Event, GrantTerm, Operation, Planted, Released, StandBack, Standing};

#[test]
fn a_voter_restarted_empty_is_adopted_within_two_renewals_without_a_change_of_term() {
    let mut lab = Lab::with_leader(5, 1, Planted::none());
    lab.restart_empty(2);
    lab.pass(2 * TTL / 5);
    assert_eq!(lab.observe(2).standing, Standing::Member);
    assert_eq!((lab.held_by(0), lab.terms(0).len()), (5, 1));
}

#[test]
fn voters_restarted_empty_one_after_another_never_cost_the_leadership() {
    let mut lab = Lab::with_leader(5, 1, Planted::none());
    for voter in (0..5).cycle().take(20) {
        lab.restart_empty(voter);
        lab.pass(TTL / 2);
        assert!(lab.leads(0));
    }
    assert_eq!((lab.held_by(0), lab.terms(0).len()), (5, 1));
}

#[test]
fn a_voter_dead_and_another_restarted_empty_leave_the_leader_in_place() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.cut(0, [0], Link::Cut);
    lab.pass(TTL);
    let term = lab.terms(0)[0];
    lab.restart_empty(1);
    lab.pass(2 * TTL);
    assert!(lab.leads(0));
    assert_eq!(lab.terms(0).len(), 1);
    let adopted = lab.asked.iter().rev().find_map(|(_, _, _, op)| match op {
        Operation::Grant { term: GrantTerm::Adopt(adopted), .. } => Some(*adopted),
        _ => None,
    });
    assert!(adopted.unwrap() > term, "with the outside floor, for whatever that voter may have forgotten");
}

#[test]
fn nothing_is_adopted_without_fresh_confirms_of_a_quorum() {
    let adopts_blindly = |planted| {
        let mut lab = Lab::with_leader(5, 1, planted);
        let since = lab.now();
        lab.cut(0, 0..3, Link::Cut);
        lab.restart_empty(4);
        lab.pass(TTL / 4);
        lab.count_asked(since, |_, voter, op| {
            voter == 4 && matches!(op, Operation::Grant { term: GrantTerm::Adopt(_), .. })
        }) > 0
    };
    assert!(!adopts_blindly(Planted::none()));
    assert!(adopts_blindly(Planted::bug(Bug::AdoptWithoutConfirms)));
}

#[test]
fn a_joining_voter_is_adopted_in_one_step() {
    let joined_first = |planted| {
        let mut lab = Lab::with_leader(5, 1, planted);
        let since = lab.now();
        lab.restart_empty(4);
        lab.pass(TTL / 4);
        lab.count_asked(since, |_, _, op| matches!(op, Operation::Join { .. })) > 0
    };
    assert!(!joined_first(Planted::none()));
    assert!(joined_first(Planted::bug(Bug::AdoptInTwoSteps)));
}

#[test]
fn a_voter_that_was_away_during_the_election_is_taken_over_when_it_is_back() {
    let mut lab = Lab::with_standby(5, Planted::none());
    lab.cut_for_all([4], Link::Cut);
    lab.crash(0);
    lab.pass(2 * TTL);
    assert_eq!((lab.leaders(), lab.held_by(1)), (vec![1], 4));
    lab.cut_for_all([4], Link::Up);
    lab.pass(2 * TTL);
    assert_eq!(lab.held_by(1), 5, "after watching the dead leader's record there for O");
}

#[test]
fn a_voter_whose_adoption_was_never_answered_is_renewed_once_it_is_seen_to_be_held() {
    let mut lab = Lab::with_leader(5, 1, Planted::none());
    lab.cut(0, [4], Link::OnlyObservationsAnswered);
    lab.restart_empty(4);
    lab.pass(TTL / 2);
    assert_eq!((lab.observe(4).standing, lab.held_by(0)), (Standing::Member, 4));
    lab.cut(0, [4], Link::Up);
    lab.pass(TTL / 2);
    assert_eq!((lab.leads(0), lab.held_by(0)), (true, 5));
}

/// A leader and a voter that end together, as the drain of a node has it: the one's release is late where the next
/// leader needs it, and the other is one of the two by which that one was elected.
#[test]
fn whoever_is_elected_by_a_bare_quorum_makes_sure_of_the_rest_before_it_loses_one_of_it() {
    let mut lab = Lab::with_standby(3, Planted::none());
    let Some(holder) = lab.observe(2).seen.holder else { panic!("nobody leads") };
    lab.cut(0, [2], Link::Cut);
    lab.resign(0, StandBack::ForGood);
    lab.pass_until(TTL / 10, |lab| lab.leads(1));
    assert_eq!((lab.leads(1), lab.held_by(1)), (true, 2));
    lab.ask_directly(2, Operation::Release { ballot: holder });
    let released = Some(Released { holder, version: lab.observe(2).seen.version });
    lab.tell(1, Event::Hint { voter: 2, released });
    lab.pass(ONE_WAY * 20);
    lab.cut_for_all([0], Link::Cut);
    lab.pass(2 * TTL);
    assert_eq!((lab.leads(1), lab.terms(1).len(), lab.held_by(1)), (true, 1, 2));
}
