//! The voter's own rules (protocol.md §3) on the model, each with the planted bug that breaks it. `tests/` asks real
//! servers the same.

use std::time::Duration;

use crate::core::{
    Answer, Ballot, Bug, Caller, GrantTerm, LeaseKey, Observation, Operation, Planted, Question, Refusal,
    Released, Reply, Run, Seen, Server, Standing, VoterModel,
};

const TTL: Duration = Duration::from_secs(10);
const OURS: Caller<'static> = Caller { electorate: "1 a,b,c", voter: "a" };

/// One voter and its server.
struct Bench {
    voter: VoterModel,
    server: Server,
}

impl Bench {
    /// A voter that has joined and is free.
    fn joined(planted: Planted) -> Self {
        let planted = super::planted(planted);
        let run = Run { process: [1; 20], history: [1; 20] };
        let server = Server { run, primary: true, time_us: 1_700_000_000_000_000 };
        let mut bench = Self { voter: VoterModel::new(planted), server };
        bench.join();
        bench
    }

    fn join(&mut self) {
        let instance = self.observe().seen.instance;
        assert_eq!(self.ask(Operation::Join { instance, term: 7, ttl: TTL }), Answer::Joined);
    }

    fn ask(&mut self, operation: Operation) -> Answer {
        self.ask_as(&OURS, operation).answer
    }

    fn ask_as(&mut self, caller: &Caller<'_>, operation: Operation) -> Reply {
        self.voter.apply(&self.server, caller, &Question { operation, high_water: None })
    }

    fn observe(&mut self) -> Observation {
        match self.ask(Operation::Observe { proposal: Some(1) }) {
            Answer::Observed(observation) => observation,
            other => panic!("{other:?}"),
        }
    }

    fn grant(&mut self, ballot: u128, seen: Seen) -> Answer {
        let term = GrantTerm::Hint(1);
        self.ask(Operation::Grant { ballot: Ballot(ballot), ttl: TTL, seen, key_stood_still: false, term })
    }

    fn take(&mut self, ballot: u128) -> Answer {
        let seen = self.observe().seen;
        self.grant(ballot, seen)
    }

    fn pass(&mut self, duration: Duration) {
        self.server.time_us += u64::try_from(duration.as_micros()).unwrap();
    }
}

#[test]
fn a_release_deletes_the_lease_key_only_if_it_is_its_own() {
    let foreign_survives = |planted| {
        let mut bench = Bench::joined(planted);
        bench.take(1);
        bench.voter.drop_key();
        bench.voter.take_foreign(&bench.server, None);
        bench.ask(Operation::Release { ballot: Ballot(1) });
        bench.observe().key == LeaseKey::Foreign { left: None }
    };
    assert!(foreign_survives(Planted::none()));
    assert!(!foreign_survives(Planted::bug(Bug::BlindDelete)));
}

#[test]
fn a_foreign_lease_key_is_never_overwritten() {
    let refused = |planted| {
        let mut bench = Bench::joined(planted);
        bench.voter.take_foreign(&bench.server, Some(TTL));
        bench.take(1) == Answer::Refused(Refusal::Foreign)
    };
    assert!(refused(Planted::none()));
    assert!(!refused(Planted::bug(Bug::ForeignOverwritten)));
}

#[test]
fn an_acknowledgement_always_renews() {
    let renewed = |planted| {
        let mut bench = Bench::joined(planted);
        let seen = bench.observe().seen;
        bench.grant(1, seen);
        let before = bench.observe();
        bench.pass(TTL / 2);
        assert!(matches!(bench.grant(1, seen), Answer::Granted { .. }));
        let after = bench.observe();
        after.seen.version > before.seen.version && after.key == LeaseKey::Holders { left: TTL }
    };
    assert!(renewed(Planted::none()));
    assert!(!renewed(Planted::bug(Bug::RepeatedGrantNotRenewed)));
}

#[test]
fn a_version_that_was_seen_never_comes_back() {
    let refused = |planted| {
        let mut bench = Bench::joined(planted);
        bench.take(1);
        let watched = bench.observe().seen;
        // An orphan of another candidate comes and goes, and the leader adopts its voter again: whoever has watched
        // all the while may not believe that nothing happened.
        bench.voter.drop_key();
        bench.take(2);
        bench.ask(Operation::Release { ballot: Ballot(2) });
        let seen = bench.observe().seen;
        let (ballot, term) = (Ballot(1), GrantTerm::Adopt(8));
        let adopt = Operation::Grant { ballot, ttl: TTL, seen, key_stood_still: false, term };
        assert!(matches!(bench.ask(adopt), Answer::Granted { .. }));
        bench.voter.drop_key();
        bench.grant(3, watched) == Answer::Refused(Refusal::Changed)
    };
    assert!(refused(Planted::none()));
    assert!(!refused(Planted::bug(Bug::VersionReset)));
}

#[test]
fn an_instance_is_new_at_each_amnesia() {
    let differ = |planted| {
        let mut bench = Bench::joined(planted);
        let before = bench.observe().seen.instance;
        bench.voter.flush();
        bench.pass(Duration::from_millis(1));
        before != bench.observe().seen.instance
    };
    assert!(differ(Planted::none()));
    assert!(!differ(Planted::bug(Bug::InstanceRepeated)));
}

#[test]
fn a_late_join_for_an_old_instance_is_refused() {
    let mut bench = Bench::joined(Planted::none());
    let instance = bench.observe().seen.instance;
    bench.voter.flush();
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.observe().standing, Standing::Joining);
    let late = bench.ask(Operation::Join { instance, term: 9, ttl: TTL });
    assert_eq!(late, Answer::Refused(Refusal::Changed));
}

#[test]
fn a_record_binds_its_electorate_even_through_amnesia() {
    let mismatch = |planted| {
        let mut bench = Bench::joined(planted);
        bench.server.run.history = [2; 20];
        bench.observe();
        let others = Caller { electorate: "1 a,x,y", voter: "a" };
        bench.ask_as(&others, Operation::Observe { proposal: Some(2) }).answer
            == Answer::Mismatch { electorate_differs: true }
    };
    assert!(mismatch(Planted::none()));
    assert!(!mismatch(Planted::bug(Bug::ElectorateDropped)));
}

#[test]
fn another_name_for_the_same_voter_is_a_mismatch() {
    let mut bench = Bench::joined(Planted::none());
    let other = Caller { electorate: "1 a,b,c", voter: "b" };
    let answer = bench.ask_as(&other, Operation::Observe { proposal: None }).answer;
    assert_eq!(answer, Answer::Mismatch { electorate_differs: false });
}

#[test]
fn a_replica_writes_nothing_and_says_so() {
    let silent = |planted| {
        let mut bench = Bench::joined(planted);
        bench.server.primary = false;
        bench.ask(Operation::Observe { proposal: Some(1) }) == Answer::Replica
    };
    assert!(silent(Planted::none()));
    assert!(!silent(Planted::bug(Bug::RoleIgnored)));
}

#[test]
fn an_abandoned_ballot_cannot_come_back_by_a_late_duplicate_of_its_grant() {
    let mut bench = Bench::joined(Planted::none());
    let seen = bench.observe().seen;
    bench.grant(1, seen);
    bench.ask(Operation::Release { ballot: Ballot(1) });
    assert_eq!(bench.grant(1, seen), Answer::Refused(Refusal::Released));
    assert_eq!(bench.ask(Operation::Confirm { ballot: Ballot(1), term: 8, ttl: TTL }), Answer::Lost);
}

#[test]
fn a_lease_key_that_outlived_a_clock_step_is_cut_to_the_ttl() {
    let mut bench = Bench::joined(Planted::none());
    bench.take(1);
    bench.server.time_us -= 60_000_000;
    assert_eq!(bench.observe().key, LeaseKey::Holders { left: TTL });
}

#[test]
fn only_a_release_that_changes_something_publishes_the_hint() {
    let mut bench = Bench::joined(Planted::none());
    bench.take(1);
    let release = Operation::Release { ballot: Ballot(1) };
    let version = bench.observe().seen.version + 1;
    assert_eq!(bench.ask_as(&OURS, release).hint, Some(Released { holder: Ballot(1), version }));
    assert_eq!(bench.observe().seen.version, version);
    assert_eq!(bench.ask_as(&OURS, release).hint, None);
}
