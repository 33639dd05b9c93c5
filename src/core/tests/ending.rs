//! Rules 9 and 10: how a leadership ends, and when there may be another.

use std::time::Duration;

use super::lab::{Lab, Link, TTL};
use crate::core::{Action, Bug, EndReason, Event, Operation, Planted, StandBack, leader_validity};

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
