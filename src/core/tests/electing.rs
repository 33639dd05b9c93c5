//! Rules 3 to 5.

use std::time::Duration;

use super::lab::{Lab, Link, ONE_WAY, TTL};
use crate::core::{
    Action, Answer, Ballot, Bug, Event, GrantTerm, LeaseKey, Operation, Planted, Released, StandBack,
    leader_validity, observer_wait,
};

#[test]
fn a_first_start_waits_out_the_quarantine_and_then_elects() {
    let mut lab = Lab::new(5, 1, Planted::none());
    lab.start(0);
    lab.pass(observer_wait(TTL) - Duration::from_millis(1));
    assert_eq!(lab.leaders(), [] as [usize; 0]);
    lab.pass(TTL / 10);
    assert_eq!(lab.leaders(), [0]);
    assert!(lab.terms(0)[0] > 1_700_000_000_000, "terms start at Unix milliseconds");
}

#[test]
fn a_released_lease_is_taken_at_once_in_two_round_trips() {
    let mut lab = Lab::with_standby(5, Planted::none());
    let begun = lab.now();
    lab.resign(0, StandBack::ForGood);
    lab.pass(10 * ONE_WAY);
    assert_eq!(lab.leaders(), [1]);
    assert!(lab.terms(1)[0] > lab.terms(0)[0]);
    let grants = lab.count_asked(begun, |who, _, op| who == 1 && matches!(op, Operation::Grant { .. }));
    let confirms = lab.count_asked(begun, |who, _, op| who == 1 && matches!(op, Operation::Confirm { .. }));
    assert!((3..=5).contains(&grants), "one round of grants: {grants}");
    assert_eq!(confirms, 3, "and one of confirms to exactly W");
}

/// Candidate 1 was granted by a quorum, and the answers are under way.
fn granted() -> Lab {
    let mut lab = Lab::with_standby(3, Planted::none());
    lab.cut(1, 0..3, Link::OnlyObservationsAnswered);
    lab.resign(0, StandBack::ForGood);
    lab.crash(0);
    (0..3).for_each(|voter| lab.tell(1, Event::Hint { voter, released: None }));
    lab.pass(5 * ONE_WAY);
    lab
}

/// Candidate 1 was granted by a quorum and waits for the answers to its verification.
fn verifying() -> Lab {
    let mut lab = granted();
    lab.deliver_oldest_held(1, 2);
    lab.pass(2 * ONE_WAY);
    lab
}

#[test]
fn validity_counts_from_before_the_verifying_confirm_was_sent() {
    let mut lab = verifying();
    lab.pass(TTL / 40);
    lab.deliver_held(1);
    assert!(lab.leads(1));
    assert!(lab.remaining(1) <= leader_validity(TTL) - TTL / 40, "{:?}", lab.remaining(1));
}

#[test]
fn a_verification_whose_last_answer_is_read_past_its_budget_elects_nobody() {
    let mut lab = verifying();
    lab.deliver_oldest_held(1, 1);
    lab.pass_without(1, TTL / 2);
    lab.deliver_held(1);
    assert!(!lab.leads(1));
    assert!(lab.participants[1].told.contains(&Action::AttemptFailed));
}

#[test]
fn voters_that_disagree_about_the_term_are_raised_before_they_are_verified() {
    let mut lab = Lab::with_standby(3, Planted::none());
    // An orphan that only voter 0 knows made its term larger, and a hint tells of the release before anybody read it.
    let orphan = Ballot(99);
    let far = 1_900_000_000_000;
    let seen = lab.observe(0).seen;
    let term = GrantTerm::Hint(far);
    let grant = Operation::Grant { ballot: orphan, ttl: TTL, seen, key_stood_still: true, term };
    let Answer::Granted { version, .. } = lab.ask_directly(0, grant) else { panic!("not granted") };
    lab.ask_directly(0, Operation::Release { ballot: orphan });
    let since = lab.now();
    let released = Some(Released { holder: orphan, version: version + 1 });
    lab.tell(1, Event::Hint { voter: 0, released });
    lab.resign(0, StandBack::ForGood);
    lab.pass(12 * ONE_WAY);
    assert_eq!(lab.leaders(), [1]);
    assert!(lab.terms(1)[0] > far);
    let confirms = lab.count_asked(since, |who, _, op| who == 1 && matches!(op, Operation::Confirm { .. }));
    assert!(confirms >= 4, "two to raise, two to verify: {confirms}");
}

#[test]
fn a_voter_lost_between_grant_and_verify_makes_the_attempt_fail_and_everything_is_given_back() {
    let leads = |planted| {
        let mut lab = Lab::with_standby(3, planted);
        lab.cut(1, 0..3, Link::AnswersHeld);
        lab.resign(0, StandBack::ForGood);
        lab.crash(0);
        lab.pass(TTL / 10);
        lab.deliver_held(1);
        lab.pass(2 * ONE_WAY);
        // The grants are on their way back when two voters forget.
        lab.restart_empty(0);
        lab.restart_empty(1);
        lab.deliver_held(1);
        lab.pass(2 * ONE_WAY);
        lab.cut(1, 0..3, Link::Up);
        lab.deliver_held(1);
        let gave_back = lab
            .count_asked(Duration::ZERO, |who, _, op| who == 1 && matches!(op, Operation::Release { .. }))
            >= 3;
        (lab.leads(1), gave_back)
    };
    assert_eq!(leads(Planted::none()), (false, true));
    assert!(leads(Planted::bug(Bug::NoVerify)).0, "without verify two amnesic voters elect");
}

#[test]
fn silence_in_a_round_is_not_agreement() {
    let mut lab = Lab::with_standby(3, Planted::none());
    lab.cut(1, [0, 1], Link::AnswersHeld);
    lab.resign(0, StandBack::ForGood);
    lab.pass(TTL / 20);
    lab.deliver_held(1);
    lab.pass(TTL / 2);
    assert_eq!(lab.leaders(), [] as [usize; 0]);
    assert!(lab.participants[1].told.contains(&Action::AttemptFailed));
    lab.cut(1, [0, 1], Link::Up);
    lab.pass(TTL / 2);
    assert_eq!(lab.leaders(), [1], "once they answer again a new ballot wins");
}

#[test]
fn a_split_vote_does_not_wait_out_the_ttl() {
    let mut lab = Lab::with_leader(5, 4, Planted::none());
    (1..4).for_each(|standby| lab.start(standby));
    lab.pass(TTL / 10);
    lab.resign(0, StandBack::ForGood);
    let took = lab.pass_until(TTL, |lab| lab.leaders().len() == 1);
    assert!(took <= Duration::from_millis(20), "{took:?}");
}

#[test]
fn each_attempt_has_a_ballot_of_its_own() {
    let ballots = |planted| {
        let mut lab = Lab::with_standby(3, planted);
        lab.cut(1, [0, 1], Link::OnlyObserve);
        lab.resign(0, StandBack::ForGood);
        lab.pass(TTL / 2);
        let mut ballots: Vec<_> = lab
            .asked
            .iter()
            .filter_map(|(_, who, voter, op)| match op {
                Operation::Grant { ballot, .. } if (*who, *voter) == (1, 2) => Some(ballot.0),
                _ => None,
            })
            .collect();
        let all = ballots.len();
        ballots.sort_unstable();
        ballots.dedup();
        assert!(all > 1, "several attempts");
        ballots.len() == all
    };
    assert!(ballots(Planted::none()));
    assert!(!ballots(Planted::bug(Bug::BallotReused)));
}

#[test]
fn whoever_finds_its_own_dead_ballot_releases_it_again() {
    let mut lab = Lab::with_leader(3, 2, Planted::none());
    let ballot = lab.observe(0).seen.holder.unwrap();
    lab.cut(0, [0], Link::Cut);
    lab.resign(0, StandBack::For(TTL * 10));
    lab.pass(TTL / 10);
    assert!(!lab.observe(0).seen.released, "the release never arrived");
    lab.cut(0, [0], Link::Up);
    lab.pass(TTL / 10);
    let seen = lab.observe(0);
    assert_eq!((seen.seen.holder, seen.seen.released, seen.key), (Some(ballot), true, LeaseKey::Free));
}

#[test]
fn an_answer_to_an_earlier_attempt_does_not_count_for_this_one() {
    let counts_stale = |planted| {
        let mut lab = Lab::with_standby(3, planted);
        lab.cut(1, 0..3, Link::OnlyObservationsAnswered);
        lab.resign(0, StandBack::ForGood);
        lab.crash(0);
        lab.pass_until(TTL, |lab| lab.participants[1].told.contains(&Action::AttemptFailed));
        // The next attempt is under way when the three grants of the first one arrive.
        lab.pass(TTL / 100);
        let since = lab.now();
        lab.deliver_oldest_held(1, 3);
        lab.count_asked(since, |_, _, op| matches!(op, Operation::Confirm { .. })) > 0
    };
    assert!(!counts_stale(Planted::none()));
    assert!(counts_stale(Planted::bug(Bug::StaleReplyAccepted)));
}

#[test]
fn half_of_the_voters_are_no_quorum() {
    let leads = |planted| {
        let mut lab = Lab::with_leader(3, 2, Planted::none());
        lab.start_with(1, crate::core::Settings { planted, ..lab.settings() });
        lab.pass(TTL / 10);
        lab.cut(1, [0, 1], Link::Cut);
        lab.resign(0, StandBack::ForGood);
        lab.pass(TTL / 2);
        lab.leads(1)
    };
    assert!(!leads(Planted::none()));
    assert!(leads(Planted::bug(Bug::QuorumOfHalf)));
}

#[test]
fn a_confirm_with_another_term_than_m_elects_nobody() {
    let mut lab = granted();
    // Something raises one voter beyond what it granted.
    let granted = lab.observe(0);
    let term = granted.term + 5;
    let raise = Operation::Confirm { ballot: granted.seen.holder.unwrap(), term, ttl: TTL };
    assert_eq!(lab.ask_directly(0, raise), Answer::Confirmed { term });
    lab.deliver_held(1);
    lab.pass(2 * ONE_WAY);
    lab.deliver_held(1);
    assert!(!lab.leads(1));
    assert!(lab.participants[1].told.contains(&Action::AttemptFailed));
}
