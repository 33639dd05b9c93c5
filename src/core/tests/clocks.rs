//! Two clocks that come apart: a leader believes the faster one, an observer the slower.

use super::lab::{Lab, Link, TTL};
use crate::core::{EndReason, Planted, VoterModel};

/// Its `CLOCK_BOOTTIME` runs on by this much, and `CLOCK_MONOTONIC_RAW` does not.
fn suspend(lab: &mut Lab, participant: usize) {
    lab.participants[participant].ahead += TTL;
    lab.participants[participant].suspended += TTL;
}

#[test]
fn a_leader_that_was_suspended_does_not_believe_the_clock_that_stood_still() {
    let mut lab = Lab::with_leader(3, 1, Planted::none());
    suspend(&mut lab, 0);
    lab.pass(TTL / 20);
    assert_eq!(lab.end_reasons(0), [EndReason::Lapsed]);
}

#[test]
fn an_observer_waits_until_both_of_its_clocks_have_counted_o() {
    let mut lab = Lab::with_leader(3, 2, Planted::none());
    lab.start(1);
    lab.pass(TTL);
    lab.crash(0);
    lab.voters.iter_mut().for_each(VoterModel::drop_key);
    suspend(&mut lab, 1);
    lab.pass(TTL / 2);
    assert_eq!(lab.leaders(), [] as [usize; 0], "the boot clock alone has counted enough");
    lab.pass(TTL);
    assert_eq!(lab.leaders(), [1]);
}

#[test]
fn a_voter_that_forgot_is_joined_when_both_clocks_have_counted_the_quarantine() {
    let mut lab = Lab::with_standby(5, Planted::none());
    lab.cut(0, [4], Link::Cut);
    lab.restart_empty(4);
    lab.pass(TTL / 10);
    suspend(&mut lab, 1);
    lab.pass(TTL / 2);
    assert_eq!(lab.joins(1), []);
    lab.pass(TTL);
    assert!(!lab.joins(1).is_empty());
}
