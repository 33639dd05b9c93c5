//! The scripts are the truth: the Rust model of a voter answers as they do, on every server version.
//!
//! Random sequences of questions, mixed with what befalls servers (flushes, evictions, stray deletions, foreign clients,
//! steps of the wall clock, a demotion and promotion, restarts with and without data), go to a real server and to the
//! model. After every step the answers and a full observation must agree; only the time left of a key may differ by
//! what the test itself took.
#![expect(clippy::unwrap_used, reason = "a test ends where a value is not what it must be")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::wall_clock::WallClock;
use common::{PATIENT, Rig, Version, WHO};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use quorate::core::{
    Answer, Ballot, Caller, GrantTerm, HighWater, LeaseKey, Observation, Operation, Planted, Question, Run,
    Seen, Server, VoterModel,
};
use quorate::local::{Memory, ServerOptions};
use quorate::voter::Scope;

/// So long that no key ends during a test.
const TTLS: [Duration; 3] = [Duration::from_secs(200), Duration::from_mins(5), Duration::from_mins(10)];
/// What the test itself may take between setting a key and looking at it.
const SLACK: Duration = Duration::from_secs(30);
/// By how much a wall clock steps, in seconds: so that no sum of some of them is a ttl.
const WALL_STEPS: [i64; 4] = [45, -45, 365, -365];
const CASES: u32 = 48;
const STEPS: usize = 60;

/// One step, as raw choices, so that a failing sequence shrinks well.
#[derive(Clone, Copy, Debug)]
struct Step {
    kind: u8,
    ballot: u8,
    choice: u8,
    term: u16,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..100_u8, 0..3_u8, any::<u8>(), 0..1000_u16);
    proptest::collection::vec(
        step.prop_map(|(kind, ballot, choice, term)| Step { kind, ballot, choice, term }),
        STEPS,
    )
}

/// A real voter and the model of it, kept in step.
struct Pair {
    rig: Rig,
    wall_clock: WallClock,
    others: Scope,
    model: VoterModel,
    run: Run,
    primary: bool,
    time_us: u64,
    /// The latest observation, for questions that compare.
    seen: Option<Seen>,
    /// The kinds of answer that were compared.
    reached: BTreeSet<String>,
}

impl Pair {
    fn new(version: Version) -> Self {
        let wall_clock = WallClock::new();
        let rig = Rig::with(ServerOptions::new(wall_clock.program(&version.binary())));
        let run = run_of(&rig);
        let others = Scope::new("quorate", "orders", ["a", "x", "y"], "a");
        let model = VoterModel::new(Planted::none());
        Self {
            rig,
            wall_clock,
            others,
            model,
            run,
            primary: true,
            time_us: 0,
            seen: None,
            reached: BTreeSet::new(),
        }
    }

    fn reset(&mut self) {
        if !self.primary {
            self.rig.redis(&["REPLICAOF", "NO", "ONE"]);
        }
        self.rig.redis(&["FLUSHALL"]);
        self.model = VoterModel::new(Planted::none());
        (self.primary, self.seen, self.run) = (true, None, run_of(&self.rig));
    }

    async fn take(&mut self, step: Step) {
        match step.kind {
            0..=1 if self.primary => {
                self.rig.redis(&["FLUSHALL"]);
                self.model.flush();
            }
            2..=3 if self.primary => {
                self.rig.redis(&["DEL", self.rig.scope.lease_key()]);
                self.model.drop_key();
            }
            4 if self.primary => {
                self.rig.redis(&["UNLINK", self.rig.scope.record_key()]);
                self.model.drop_record();
            }
            5 if self.primary => self.evict(step.choice.is_multiple_of(4)),
            6..=9 if self.primary => self.take_foreign(step.choice.is_multiple_of(2)),
            10..=12 => {
                let words =
                    if self.primary { ["REPLICAOF", "127.0.0.1", "1"] } else { ["REPLICAOF", "NO", "ONE"] };
                self.rig.redis(&words);
                self.primary = !self.primary;
            }
            13 if self.primary => {
                let memory = if step.choice.is_multiple_of(2) { Memory::Saved } else { Memory::Empty };
                self.rig.server.restart(memory).unwrap();
                if memory == Memory::Empty {
                    self.model.flush();
                }
                // The first question may be the one that finds the old connection dead.
                self.ask(false, Operation::Release { ballot: Ballot(99) }, None, true).await;
            }
            85..=88 if self.primary => {
                let seconds = WALL_STEPS[usize::from(step.choice) % WALL_STEPS.len()];
                self.wall_clock.step(seconds * 1_000_000);
                // A server deletes what has expired when somebody asks for it, or by and by: as the model, now.
                self.rig.redis(&["EXISTS", self.rig.scope.lease_key()]);
            }
            14..=16 => {
                self.compare(true, Operation::Observe { proposal: Some(step.term.into()) }, None).await;
            }
            _ => {
                let operation = self.operation(step);
                let high_water = self.high_water(step);
                self.compare(false, operation, high_water).await;
            }
        }
        self.run = run_of(&self.rig);
        self.compare(false, Operation::Observe { proposal: None }, None).await;
    }

    /// The server is full for a moment: what has a ttl goes, or everything.
    fn evict(&mut self, everything: bool) {
        let has_ttl = self.rig.redis(&["PTTL", self.rig.scope.lease_key()]) != "-1";
        let policy = if everything { "allkeys-random" } else { "volatile-random" };
        let set = |what, to| ["CONFIG", "SET", what, to];
        self.rig.redis(&set("maxmemory-policy", policy));
        self.rig.redis(&set("maxmemory", "1"));
        self.rig.redis(&set("maxmemory", "0"));
        self.rig.redis(&set("maxmemory-policy", "noeviction"));
        if everything {
            self.model.flush();
        } else if has_ttl {
            self.model.drop_key();
        }
    }

    fn take_foreign(&mut self, is_lasting: bool) {
        let key = self.rig.scope.lease_key();
        let ttl = TTLS[0].as_millis().to_string();
        let words: &[&str] = if is_lasting {
            &["SET", key, "redlock", "NX"]
        } else {
            &["SET", key, "redlock", "NX", "PX", &ttl]
        };
        self.rig.redis(words);
        self.time_us = time_of(&self.rig);
        let server = self.server();
        self.model.take_foreign(&server, (!is_lasting).then_some(TTLS[0]));
    }

    fn operation(&self, step: Step) -> Operation {
        let ballot = Ballot(step.ballot.into());
        let ttl = TTLS[usize::from(step.choice) % TTLS.len()];
        let term = step.term.into();
        match (step.kind, self.seen) {
            (17..=34, Some(seen)) => {
                let seen = Seen { instance: seen.instance, ..distorted(seen, step.choice) };
                let term = if step.choice & 32 == 0 { GrantTerm::Hint(term) } else { GrantTerm::Adopt(term) };
                Operation::Grant { ballot, ttl, seen, key_stood_still: step.choice & 64 != 0, term }
            }
            (35..=54, _) => Operation::Confirm { ballot, term, ttl },
            (55..=69, _) => Operation::Release { ballot },
            (70..=84, Some(seen)) => {
                let instance = distorted(seen, step.choice).instance;
                Operation::Join { instance, term, ttl }
            }
            _ => Operation::Observe { proposal: Some(term.into()) },
        }
    }

    fn high_water(&self, step: Step) -> Option<HighWater> {
        let seen = self.seen.filter(|_| step.term.is_multiple_of(3))?;
        // Seldom above what is there, which is a rollback.
        let version = if step.term.is_multiple_of(33) { seen.version + 5 } else { seen.version };
        Some(HighWater { instance: seen.instance, version })
    }

    async fn compare(&mut self, by_others: bool, operation: Operation, high_water: Option<HighWater>) {
        self.ask(by_others, operation, high_water, false).await;
    }

    async fn ask(
        &mut self,
        by_others: bool,
        operation: Operation,
        high_water: Option<HighWater>,
        may_fail: bool,
    ) {
        (self.run, self.time_us) = (run_of(&self.rig), time_of(&self.rig));
        let scope = if by_others { &self.others } else { &self.rig.scope };
        let question = Question { operation, high_water };
        let reply = self.rig.voter.ask(scope, &question, WHO, PATIENT).await;
        if may_fail && reply.answer == Answer::Silent {
            return;
        }
        if let Answer::Observed(Observation { time_us, seen, .. }) = reply.answer {
            // The time at which the script ran is the one that went into a new instance.
            (self.time_us, self.seen) = (time_us, Some(seen));
        }
        self.reached.insert(kind_of(reply.answer));
        let caller = Caller { electorate: scope.electorate(), voter: "a" };
        let modelled = self.model.apply(&self.server(), &caller, &question);
        assert!(
            agree(reply.answer, modelled.answer),
            "{question:?}, trouble {:?}, real {:?}, model {:?}",
            reply.trouble,
            reply.answer,
            modelled.answer
        );
    }

    fn server(&self) -> Server {
        Server { run: self.run, primary: self.primary, time_us: self.time_us }
    }
}

/// Every answer there is.
const REACHABLE: [&str; 15] = [
    "Amnesia",
    "Confirmed",
    "Granted",
    "Joined",
    "Lost",
    "Mismatch",
    "Observed Joining",
    "Observed Member",
    "Refused(Changed)",
    "Refused(Foreign)",
    "Refused(Held)",
    "Refused(Joining)",
    "Refused(Released)",
    "Released",
    "Replica",
];

fn kind_of(answer: Answer) -> String {
    match answer {
        Answer::Observed(observation) => format!("Observed {:?}", observation.standing),
        Answer::Refused(_) => format!("{answer:?}"),
        _ => format!("{answer:?}").split(' ').next().unwrap().to_owned(),
    }
}

/// A version seen that is often right and sometimes not.
fn distorted(mut seen: Seen, choice: u8) -> Seen {
    match choice % 16 {
        0 => seen.version += 1,
        1 => seen.released = !seen.released,
        2 => seen.holder = Some(Ballot(7)),
        3 => seen.instance.proposal += 1,
        _ => {}
    }
    seen
}

/// Whether two answers are the same but for the time that the test itself took.
fn agree(real: Answer, model: Answer) -> bool {
    let left = |answer| match answer {
        Answer::Observed(Observation { key: LeaseKey::Holders { left }, .. }) => Some(left),
        Answer::Observed(Observation { key: LeaseKey::Foreign { left }, .. }) => left,
        _ => None,
    };
    let differ_by = left(real).unwrap_or_default().abs_diff(left(model).unwrap_or_default());
    differ_by <= SLACK && timeless(real) == timeless(model)
}

fn timeless(answer: Answer) -> Answer {
    let Answer::Observed(mut observation) = answer else { return answer };
    observation.time_us = 0;
    observation.key = match observation.key {
        LeaseKey::Free => LeaseKey::Free,
        LeaseKey::Holders { .. } => LeaseKey::Holders { left: Duration::ZERO },
        LeaseKey::Foreign { left } => LeaseKey::Foreign { left: left.map(|_| Duration::ZERO) },
    };
    Answer::Observed(observation)
}

fn time_of(rig: &Rig) -> u64 {
    let time = rig.redis(&["TIME"]);
    let (seconds, us) = time.split_once('\n').unwrap();
    seconds.parse::<u64>().unwrap() * 1_000_000 + us.parse::<u64>().unwrap()
}

fn run_of(rig: &Rig) -> Run {
    let field = |section, name: &str| {
        let text = rig.redis(&["INFO", section]);
        let rest = text.split(&format!("\n{name}:")).nth(1).unwrap().to_owned();
        rest.split('\r').next().unwrap().to_owned()
    };
    format!("{} {}", field("server", "run_id"), field("replication", "master_replid")).parse().unwrap()
}

fn the_model_answers_as_the_scripts_do(version: Version) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pair = std::cell::RefCell::new(Pair::new(version));
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&steps(), |steps| {
        let mut pair = pair.borrow_mut();
        pair.reset();
        for step in steps {
            runtime.block_on(pair.take(step));
        }
        Ok(())
    });
    // Its own text shows the shortest sequence.
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    let reached = &pair.borrow().reached;
    assert!(reached.iter().eq(REACHABLE), "a comparison that reaches too little proves nothing: {reached:?}");
}

#[test]
fn the_model_answers_as_the_scripts_do_on_redis_6_2() {
    the_model_answers_as_the_scripts_do(Version::Redis62);
}

#[test]
fn the_model_answers_as_the_scripts_do_on_redis_7_0() {
    the_model_answers_as_the_scripts_do(Version::Redis70);
}

#[test]
fn the_model_answers_as_the_scripts_do_on_valkey_8_1() {
    the_model_answers_as_the_scripts_do(Version::Valkey81);
}
