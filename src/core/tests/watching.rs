//! Rules 1 and 2, and inertia.

use std::time::Duration;

use super::lab::{Lab, Link, ONE_WAY, TTL};
use crate::core::{
    Action, Bug, Inertia, Operation, Planted, Settings, StandBack, Timing, VoterModel, observer_wait,
};

#[test]
fn a_crashed_leader_is_succeeded_after_o_and_not_before() {
    let mut lab = Lab::with_leader(5, 2, Planted::none());
    lab.start(1);
    lab.pass(TTL);
    lab.crash(0);
    // At most one observation old is what the standby saw, and at least nothing.
    lab.pass(observer_wait(TTL) - TTL / 5 - Duration::from_millis(1));
    assert_eq!(lab.leaders(), [] as [usize; 0]);
    lab.pass(TTL / 5 + TTL / 20 + Duration::from_millis(20));
    assert_eq!(lab.leaders(), [1]);
}

#[test]
fn a_holder_with_a_longer_ttl_is_watched_for_as_long_as_it_may_believe() {
    let two_leaders = |planted| {
        let mut lab = Lab::new(3, 2, planted);
        lab.start_with_ttl(0, 2 * TTL);
        lab.pass(3 * TTL);
        assert!(lab.leads(0));
        lab.start(1);
        lab.pass(TTL);
        // The leader is cut off; so are its keys, by a clock that steps.
        lab.cut(0, 0..3, Link::Cut);
        lab.voters.iter_mut().for_each(VoterModel::drop_key);
        let cut_off = lab.now();
        while lab.leads(0) && lab.now() < cut_off + 3 * TTL {
            if lab.leads(1) {
                return true;
            }
            lab.pass(Duration::from_millis(10));
        }
        false
    };
    assert!(!two_leaders(Planted::none()));
    assert!(two_leaders(Planted::bug(Bug::OwnTtlObserved)));
}

#[test]
fn clocks_that_run_at_different_rates_within_the_bound_make_no_two_leaders() {
    let two_leaders = |planted| {
        let mut lab = Lab::with_leader(3, 2, planted);
        lab.start(1);
        lab.pass(TTL);
        // The observer looks right after a renewal, which is the leader's last.
        let since = lab.now();
        let confirms = |lab: &Lab| lab.count_asked(since, |_, _, op| matches!(op, Operation::Confirm { .. }));
        lab.pass_until(TTL, |lab| confirms(lab) >= 3);
        (0..3).for_each(|voter| lab.tell(1, crate::core::Event::Hint { voter, released: None }));
        lab.pass(Duration::from_millis(1));
        lab.cut(0, 0..3, Link::Cut);
        lab.voters.iter_mut().for_each(VoterModel::drop_key);
        let step = Duration::from_millis(10);
        for _ in 0..200 * TTL.as_secs() {
            lab.pass(step);
            // The observer's clock is 0.9 % quicker than the leader's.
            lab.participants[1].ahead += step * 9 / 1000;
            if lab.leaders().len() > 1 {
                return true;
            }
        }
        assert_eq!(lab.leaders(), [1]);
        false
    };
    assert!(!two_leaders(Planted::none()));
    assert!(two_leaders(Planted::bug(Bug::NoRateMargin)));
}

#[test]
fn a_frozen_server_clock_cannot_keep_a_dead_leader_s_key_for_ever() {
    let mut lab = Lab::with_leader(3, 2, Planted::none());
    lab.start(1);
    lab.pass(TTL);
    lab.crash(0);
    // Every server's clock stops: the laboratory's time is taken back from them step by step.
    let begun = lab.now();
    for _ in 0..300 {
        lab.pass(TTL / 100);
        let step = u64::try_from((TTL / 100).as_micros()).unwrap();
        lab.servers.iter_mut().for_each(|server| server.time_us = server.time_us.wrapping_sub(step));
        if lab.leads(1) {
            break;
        }
    }
    assert!(lab.leads(1));
    assert!(lab.now() - begun >= 2 * observer_wait(TTL) - TTL / 5, "only after 2·O");
}

#[test]
fn a_foreign_lease_key_keeps_everybody_from_leading_until_it_ends() {
    let mut lab = Lab::with_standby(3, Planted::none());
    lab.cut(1, 0..3, Link::Cut);
    lab.resign(0, StandBack::ForGood);
    lab.pass(ONE_WAY);
    (0..2).for_each(|voter| lab.take_foreign(voter, 3 * TTL));
    lab.cut(1, 0..3, Link::Up);
    lab.pass(3 * TTL - Duration::from_millis(100));
    assert_eq!(lab.leaders(), [] as [usize; 0]);
    lab.pass(TTL / 10);
    assert_eq!(lab.leaders(), [1]);
}

#[test]
fn a_holder_s_ttl_of_more_than_twice_the_own_makes_inert_and_says_both() {
    let mut lab = Lab::new(3, 2, Planted::none());
    lab.start_with_ttl(0, 3 * TTL);
    lab.pass(4 * TTL);
    lab.start(1);
    lab.pass(TTL / 10);
    let inertia = Inertia::Ttl { voter: 0, theirs: 3 * TTL, ours: TTL };
    assert!(lab.participants[1].told.contains(&Action::Inert(Some(inertia))));
    // Another voter shows the same first.
    lab.cut(1, [0], Link::Cut);
    lab.pass(TTL);
    lab.cut(1, [0], Link::Up);
    let told = lab.participants[1].told.iter().filter(|action| matches!(action, Action::Inert(_)));
    assert_eq!(told.count(), 1, "told once");
    let proposals = |lab: &Lab, since| {
        lab.count_asked(since, |who, _, op| {
            who == 1
                && matches!(
                    op,
                    Operation::Grant { .. }
                        | Operation::Join { .. }
                        | Operation::Observe { proposal: Some(_) }
                )
        })
    };
    let since = lab.now();
    lab.pass(TTL);
    assert_eq!(proposals(&lab, since), 0);
    lab.resign(0, StandBack::ForGood);
    lab.pass(TTL);
    assert!(lab.participants[1].told.contains(&Action::Inert(None)), "until that holder is gone");
    assert!(lab.leads(1));
}

#[test]
fn a_candidate_with_other_voters_is_inert_once_it_has_read_one_record() {
    let mut lab = Lab::with_leader(3, 2, Planted::none());
    // The second candidate is configured with a fourth and a fifth voter that do not exist here.
    lab.voters.extend([VoterModel::new(Planted::none()), VoterModel::new(Planted::none())]);
    for _ in 0..2 {
        let run = lab.fresh_run();
        lab.servers.push(crate::core::Server { run, primary: true, time_us: 0 });
    }
    lab.links.iter_mut().for_each(|links| links.resize(5, Link::Up));
    lab.crash(0);
    let settings = Settings { voters: 5, timing: Timing::of_ttl(TTL), ..lab.settings() };
    lab.start_with(1, settings);
    lab.pass(10 * TTL);
    assert!(!lab.leads(1));
    let inert = Action::Inert(Some(Inertia::Electorate { voter: 0 }));
    assert!(lab.participants[1].told.contains(&inert), "{:?}", lab.participants[1].told);
}

#[test]
fn a_late_reply_to_an_older_poll_tells_nothing() {
    let went_back = |planted| {
        let mut lab = Lab::with_standby(3, planted);
        lab.cut(1, [0], Link::AnswersHeld);
        lab.pass(TTL / 20);
        lab.cut(1, [0], Link::Up);
        lab.pass(TTL / 2);
        let version = |lab: &Lab| {
            let candidate = lab.participants[1].candidate.as_ref().unwrap();
            candidate.voter(0).observation.unwrap().seen.version
        };
        let newer = version(&lab);
        lab.deliver_held(1);
        version(&lab) < newer
    };
    assert!(!went_back(Planted::none()));
    assert!(went_back(Planted::bug(Bug::OldPollAccepted)));
}

#[test]
fn two_names_for_one_server_count_as_none() {
    let mut lab = Lab::new(3, 1, Planted::none());
    lab.servers[1].run = lab.servers[0].run;
    lab.start(0);
    lab.pass(10 * TTL);
    assert!(!lab.leads(0));
    let candidate = lab.participants[0].candidate.as_ref().unwrap();
    assert_eq!(candidate.voter(0).same_server, Some(1));
}

#[test]
fn a_flood_of_hints_does_not_become_a_flood_of_questions() {
    let mut lab = Lab::with_standby(3, Planted::none());
    let since = lab.now();
    for _ in 0..10_000 {
        lab.tell(1, crate::core::Event::Hint { voter: 0, released: None });
        lab.pass(Duration::from_micros(50));
    }
    let asked = lab.count_asked(since, |who, voter, _| (who, voter) == (1, 0));
    assert!(asked <= 64, "{asked} questions in half a second");
}

#[test]
fn a_holder_s_ttl_of_less_than_half_the_own_makes_inert_as_well() {
    let mut lab = Lab::with_leader(3, 2, Planted::none());
    lab.start_with_ttl(1, 3 * TTL);
    lab.pass(TTL / 10);
    let inertia = Inertia::Ttl { voter: 0, theirs: TTL, ours: 3 * TTL };
    assert!(lab.participants[1].told.contains(&Action::Inert(Some(inertia))));
}
