//! Rules 6, 8, 9, 10, 12 and the trip-wires.

use std::time::Duration;

use super::lab::{Lab, Link, TTL};
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
fn without_a_quorum_of_renewals_the_leadership_ends_at_its_until_and_not_later() {
    let leads_at_the_end = |planted| {
        let mut lab = Lab::with_leader(5, 1, planted);
        lab.cut(0, 0..3, Link::Cut);
        let left = lab.remaining(0).min(leader_validity(TTL));
        lab.pass(left - Duration::from_millis(1));
        assert!(lab.leads(0), "errors and silence are not loss");
        lab.pass(Duration::from_millis(2));
        lab.leads(0)
    };
    assert!(!leads_at_the_end(Planted::none()));
    assert!(leads_at_the_end(Planted::bug(Bug::LeadershipIsAFlag)));
}

#[test]
fn a_leader_that_slept_through_its_validity_does_not_use_the_answer_it_wakes_up_with() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.cut(0, 0..3, Link::AnswersHeld);
    lab.pass(TTL / 4);
    lab.cut(0, 0..3, Link::Up);
    lab.pass_without(0, TTL);
    lab.deliver_held(0);
    assert!(!lab.leads(0));
    assert_eq!(lab.end_reasons(0), [EndReason::Lapsed]);
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
fn after_a_loss_the_candidate_campaigns_again() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.cut(0, 0..3, Link::Cut);
    lab.pass(2 * TTL);
    assert!(!lab.leads(0));
    lab.cut(0, 0..3, Link::Up);
    lab.pass(TTL + TTL / 2);
    assert!(lab.leads(0));
    assert!(lab.terms(0)[1] > lab.terms(0)[0]);
}

#[test]
fn a_lapsed_lease_is_released_only_after_the_work_has_stopped() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.keep_working(0);
    lab.cut(0, 0..2, Link::Cut);
    lab.pass(2 * TTL);
    assert_eq!(lab.end_reasons(0), [EndReason::Lapsed]);
    let released =
        |lab: &Lab| lab.count_asked(Duration::ZERO, |_, _, op| matches!(op, Operation::Release { .. }));
    assert_eq!(released(&lab), 0);
    lab.cut(0, 0..2, Link::Up);
    lab.pass(2 * TTL);
    assert_eq!((released(&lab), lab.leads(0)), (0, false), "nor does it campaign while the old work runs");
    lab.tell(0, Event::WorkStopped);
    assert!(released(&lab) >= 3);
    lab.pass(TTL);
    assert!(lab.leads(0));
}

#[test]
fn a_resigning_leader_renews_until_its_work_has_stopped_and_then_releases() {
    let released_early = |planted| {
        let mut lab = Lab::with_leader(3, 1, planted);
        lab.keep_working(0);
        lab.resign(0, StandBack::ForGood);
        lab.pass(3 * TTL);
        let early = lab.count_asked(Duration::ZERO, |_, _, op| matches!(op, Operation::Release { .. })) > 0;
        if !early {
            assert!(lab.leads(0), "the drain may be longer than the ttl");
            assert!(lab.participants[0].told.contains(&Action::StopWork { reason: EndReason::Resigned }));
            lab.tell(0, Event::WorkStopped);
            assert!(!lab.leads(0));
        }
        early
    };
    assert!(!released_early(Planted::none()));
    assert!(released_early(Planted::bug(Bug::ReleaseBeforeStop)));
}

#[test]
fn a_candidate_that_stands_back_leaves_the_lease_to_others_for_so_long() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.resign(0, StandBack::For(2 * TTL));
    lab.pass(2 * TTL - Duration::from_millis(1));
    assert!(!lab.leads(0));
    lab.pass(TTL / 10);
    assert!(lab.leads(0));
}

#[test]
fn of_several_times_to_stand_back_the_longest_counts() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.keep_working(0);
    lab.resign(0, StandBack::For(2 * TTL));
    lab.resign(0, StandBack::For(Duration::ZERO));
    lab.tell(0, Event::WorkStopped);
    lab.resign(0, StandBack::For(TTL / 2));
    lab.pass(2 * TTL - Duration::from_millis(1));
    assert!(!lab.leads(0));
    lab.pass(TTL / 10);
    assert!(lab.leads(0));
}

#[test]
fn a_candidate_that_withdrew_only_looks_until_it_is_told_to_campaign_again() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.resign(0, StandBack::ForGood);
    let since = lab.now();
    lab.pass(3 * TTL);
    let is_proposal = |op: &Operation| !matches!(op, Operation::Observe { .. } | Operation::Release { .. });
    assert_eq!(lab.count_asked(since, |_, _, op| is_proposal(op)), 0);
    assert!(!lab.leads(0));
    lab.tell(0, Event::Campaign);
    lab.pass(TTL / 10);
    assert!(lab.leads(0), "a released lease is taken at once, by who has watched it all the time");
}

#[test]
fn verification_needs_q_confirms_sent_after_the_request() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    lab.tell(0, Event::Verify { request: 1 });
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
