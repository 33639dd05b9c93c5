//! Rules 6, 8, 12 and the trip-wires.

use std::time::Duration;

use super::lab::{Lab, Link, ONE_WAY, TTL};
use crate::core::{Action, Bug, EndReason, Event, Operation, Planted, StandBack, leader_validity};

#[test]
fn a_leader_with_its_voters_leads_on_and_on() {
    let mut lab = Lab::with_leader(5, 1, Planted::none());
    lab.pass(20 * TTL);
    assert_eq!(lab.terms(0).len(), 1);
    assert!(lab.remaining(0) > TTL / 2);
    assert_eq!(lab.held_by(0), 5);
}

#[test]
fn renewals_come_about_every_fifth_of_the_ttl_and_observations_every_twentieth() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    let since = lab.now();
    lab.pass(10 * TTL);
    let confirms =
        lab.count_asked(since, |_, voter, op| voter == 0 && matches!(op, Operation::Confirm { .. }));
    let observes =
        lab.count_asked(since, |_, voter, op| voter == 0 && matches!(op, Operation::Observe { .. }));
    assert!((48..=52).contains(&confirms), "{confirms}");
    assert!((190..=210).contains(&observes), "{observes}");
}

#[test]
fn a_renewal_counts_from_when_it_was_sent() {
    let remaining = |planted| {
        let mut lab = Lab::with_leader(3, 1, planted);
        lab.cut(0, 0..3, Link::AnswersHeld);
        lab.pass(TTL / 4);
        lab.cut(0, 0..3, Link::Cut);
        lab.pass(TTL / 4);
        lab.deliver_held(0);
        lab.remaining(0)
    };
    let honest = remaining(Planted::none());
    assert!(honest <= leader_validity(TTL) - TTL / 4, "{honest:?}");
    let wishful = remaining(Planted::bug(Bug::ValidityFromReply));
    assert!(wishful > leader_validity(TTL) - TTL / 10, "{wishful:?}");
}

#[test]
fn one_frozen_voter_of_five_costs_nothing() {
    let mut lab = Lab::with_leader(5, 1, Planted::none());
    lab.cut(0, [3], Link::Cut);
    lab.pass(10 * TTL);
    assert!(lab.leads(0) && lab.terms(0).len() == 1);
    assert!(lab.remaining(0) > TTL / 2);
}

#[test]
fn a_blip_of_the_majority_is_survived() {
    let mut lab = Lab::with_leader(5, 1, Planted::none());
    lab.cut(0, 0..4, Link::Cut);
    lab.pass(TTL / 2);
    lab.cut(0, 0..4, Link::Up);
    lab.pass(TTL / 2);
    assert!(lab.leads(0) && lab.terms(0).len() == 1 && lab.end_reasons(0).is_empty());
}

#[test]
fn a_quorum_that_says_lost_ends_the_leadership_at_once() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.restart_empty(0);
    lab.restart_empty(1);
    lab.pass(TTL / 10);
    assert!(!lab.leads(0));
    assert_eq!(lab.end_reasons(0), [EndReason::Lost]);
}

#[test]
fn verification_needs_q_confirms_sent_after_the_request() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.tell(0, Event::Verify { request: 1 });
    lab.pass(2 * ONE_WAY);
    let term = lab.terms(0)[0];
    assert_eq!(lab.participants[0].told.last(), Some(&Action::Verified { request: 1, term: Some(term) }));
    lab.cut(0, [0, 1], Link::AnswersHeld);
    lab.pass(Duration::from_millis(1));
    lab.tell(0, Event::Verify { request: 2 });
    assert!(!lab.participants[0].told.contains(&Action::Verified { request: 2, term: Some(term) }));
    lab.pass(TTL / 10);
    assert!(
        lab.participants[0].told.contains(&Action::Verified { request: 2, term: None }),
        "unknown, in time"
    );
}

#[test]
fn a_standby_verifies_nothing() {
    let mut lab = Lab::new(3, 1, Planted::none());
    lab.start(0);
    lab.tell(0, Event::Verify { request: 7 });
    assert!(lab.participants[0].told.contains(&Action::Verified { request: 7, term: None }));
}

#[test]
fn a_wall_clock_that_leaves_the_boot_clock_makes_the_leader_step_down_and_be_elected_again() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.participants[0].wall_ahead = Duration::from_millis(300);
    lab.pass(TTL / 10);
    assert_eq!(lab.end_reasons(0), [EndReason::ClockDiverged]);
    lab.pass(TTL / 10);
    assert!(lab.leads(0), "it released and was elected again");
}

#[test]
fn a_leader_whose_own_clock_stood_still_finds_out_from_the_voters() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.pass(TTL);
    // The host loses 4 s that the voters count.
    lab.servers.iter_mut().for_each(|server| server.time_us += 4_000_000);
    lab.pass(TTL / 10);
    assert_eq!(lab.end_reasons(0), [EndReason::ClockStood]);
}

#[test]
fn one_voter_whose_clock_steps_is_no_reason_to_step_down() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.servers[1].time_us += 60_000_000;
    lab.pass(3 * TTL);
    assert!(lab.leads(0) && lab.end_reasons(0).is_empty());
}

#[test]
fn a_voter_whose_last_acknowledgement_has_lapsed_holds_nothing() {
    let mut lab = Lab::with_leader(5, 1, Planted::none());
    lab.cut(0, [4], Link::Cut);
    lab.pass(TTL / 2);
    assert_eq!(lab.held_by(0), 5, "it may still be relied on");
    lab.pass(TTL);
    assert_eq!(lab.held_by(0), 4);
    assert!(lab.leads(0));
}

/// Each of them forgets, answers a renewal with that, and is adopted before the answer arrives.
#[test]
fn what_voters_denied_before_they_confirmed_again_is_no_loss() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    for voter in [0, 1] {
        lab.restart_empty(voter);
        lab.cut(0, [voter], Link::AnswersHeld);
        lab.tell(0, Event::Verify { request: 1 });
        lab.pass(2 * ONE_WAY);
        lab.cut(0, [voter], Link::Up);
        lab.pass(TTL / 2);
        assert_eq!(lab.held_by(0), 3);
    }
    lab.deliver_held(0);
    lab.pass(TTL / 2);
    assert_eq!(lab.end_reasons(0), []);
    assert_eq!((lab.leaders(), lab.held_by(0)), (vec![0], 3));
}

#[test]
fn what_a_voter_confirmed_to_an_earlier_ballot_does_not_make_it_this_one_s() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.cut(0, [2], Link::AnswersHeld);
    lab.tell(0, Event::Verify { request: 1 });
    lab.pass(2 * ONE_WAY);
    lab.cut(0, [2], Link::Cut);
    lab.resign(0, StandBack::For(Duration::ZERO));
    lab.pass(TTL / 20);
    assert_eq!((lab.terms(0).len(), lab.held_by(0)), (2, 2));
    lab.deliver_held(0);
    assert_eq!(lab.held_by(0), 2);
}

#[test]
fn a_grant_is_no_confirm_where_confirms_are_counted() {
    let mut lab = Lab::with_leader(5, 1, Planted::none());
    lab.cut(0, [4], Link::OnlyObserve);
    lab.restart_empty(4);
    lab.pass(TTL / 4);
    // Two confirm, two are silent, and one that forgot is adopted.
    lab.cut(0, 2..5, Link::NoConfirm);
    let mut requests = 0;
    while lab.observe(4).seen.holder.is_none() {
        assert!(requests < 100, "it is never adopted");
        requests += 1;
        lab.tell(0, Event::Verify { request: requests });
        lab.pass(TTL / 200);
    }
    lab.pass(TTL / 10);
    for request in 1..=requests {
        assert!(lab.participants[0].told.contains(&Action::Verified { request, term: None }), "{request}");
    }
}
