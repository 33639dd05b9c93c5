//! A laboratory: candidates and voters on one table, links that can be cut or held, and time that passes only when
//! told to. All clocks run at the same rate; what is under way between them is in `messages`.

use std::collections::VecDeque;
use std::time::Duration;

pub use super::messages::{Link, ONE_WAY};
use super::messages::{Message, Process, UnderWay};
use crate::core::{
    Action, Answer, Candidate, EndReason, Event, Moment, Now, Operation, Planted, QuestionId, Randomness,
    ResetKind, ResetPolicy, Run, Server, Settings, StandBack, Term, Timing, VoterModel, observer_wait,
};

pub const TTL: Duration = Duration::from_secs(10);
/// Unix time when the laboratory opens.
const OPENED_US: u64 = 1_700_000_000_000_000;

struct Counter(u64);

impl Randomness for Counter {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 8
    }
}

pub struct Participant {
    pub candidate: Option<Candidate>,
    pub told: Vec<Action>,
    /// When the clocks of this host are ahead of the true time.
    pub ahead: Duration,
    pub wall_ahead: Duration,
    /// For how long `CLOCK_MONOTONIC_RAW` alone has stood still, as in a suspend.
    pub suspended: Duration,
    pub(super) held: Vec<(QuestionId, Answer)>,
    /// What arrived while the process was stopped.
    pub(super) unread: Vec<Message>,
    life: u32,
    is_stopped: bool,
    work_stops_at_once: bool,
}

pub struct Lab {
    now: Duration,
    pub participants: Vec<Participant>,
    pub voters: Vec<VoterModel>,
    pub servers: Vec<Server>,
    pub links: Vec<Vec<Link>>,
    /// Every question that was asked: when, by whom, of whom.
    pub asked: Vec<(Duration, usize, usize, Operation)>,
    pub(super) under_way: VecDeque<UnderWay>,
    settings: Settings,
    lives: u8,
}

impl Lab {
    /// `candidates` that have just started, over voters that never heard of the election.
    pub fn new(voters: usize, candidates: usize, planted: Planted) -> Self {
        let planted = super::planted(planted);
        let settings =
            Settings { timing: Timing::of_ttl(TTL), voters, on_epoch_reset: ResetPolicy::Continue, planted };
        let mut lab = Self {
            now: Duration::from_secs(1000),
            participants: Vec::new(),
            voters: (0..voters).map(|_| VoterModel::new(planted)).collect(),
            servers: Vec::new(),
            links: vec![vec![Link::Up; voters]; candidates],
            asked: Vec::new(),
            under_way: VecDeque::new(),
            settings,
            lives: 0,
        };
        for _ in 0..voters {
            let run = lab.fresh_run();
            lab.servers.push(Server { run, primary: true, time_us: 0 });
        }
        (0..candidates).for_each(|_| {
            lab.participants.push(Participant {
                candidate: None,
                told: Vec::new(),
                ahead: Duration::ZERO,
                wall_ahead: Duration::ZERO,
                suspended: Duration::ZERO,
                held: Vec::new(),
                unread: Vec::new(),
                life: 0,
                is_stopped: false,
                work_stops_at_once: true,
            });
        });
        lab
    }

    /// Candidate 0 leads and holds every voter; the others have not started.
    pub fn with_leader(voters: usize, candidates: usize, planted: Planted) -> Self {
        let mut lab = Self::new(voters, candidates, planted);
        lab.start(0);
        lab.pass(observer_wait(TTL) + TTL / 2);
        assert!(lab.leads(0), "the first candidate leads: {:?}", lab.participants[0].told);
        lab
    }

    /// The same, and candidate 1 has watched it for a while.
    pub fn with_standby(voters: usize, planted: Planted) -> Self {
        let mut lab = Self::with_leader(voters, 2, planted);
        lab.start(1);
        lab.pass(TTL / 10);
        lab
    }

    pub fn fresh_run(&mut self) -> Run {
        self.lives += 1;
        Run { process: [self.lives; 20], history: [self.lives; 20] }
    }

    pub fn start(&mut self, participant: usize) {
        self.start_with(participant, self.settings);
    }

    pub fn start_with_ttl(&mut self, participant: usize, ttl: Duration) {
        self.start_with(participant, Settings { timing: Timing::of_ttl(ttl), ..self.settings });
    }

    pub fn start_with(&mut self, participant: usize, mut settings: Settings) {
        settings.planted = super::planted(settings.planted);
        let seed = Box::new(Counter(1 + participant as u64 + self.now.as_secs()));
        self.participants[participant].candidate = Some(Candidate::new(settings, seed));
        self.participants[participant].life += 1;
        self.tell(participant, Event::Wake);
    }

    pub fn settings(&self) -> Settings {
        self.settings
    }

    pub fn crash(&mut self, participant: usize) {
        self.participants[participant].candidate = None;
    }

    /// The voter's server is started again without data.
    pub fn restart_empty(&mut self, voter: usize) {
        self.voters[voter].flush();
        self.restart_with_data(voter);
    }

    /// The voter's server is started again with its data.
    pub fn restart_with_data(&mut self, voter: usize) {
        self.servers[voter].run = self.fresh_run();
    }

    /// A client that is not Quorate takes the lease key.
    pub fn take_foreign(&mut self, voter: usize, ttl: Duration) {
        let server = self.server(voter);
        self.voters[voter].take_foreign(&server, Some(ttl));
    }

    pub fn now(&self) -> Duration {
        self.now
    }

    pub fn cut(&mut self, participant: usize, voters: impl IntoIterator<Item = usize>, link: Link) {
        voters.into_iter().for_each(|voter| self.links[participant][voter] = link);
    }

    pub fn cut_for_all(&mut self, voters: impl IntoIterator<Item = usize>, link: Link) {
        for voter in voters {
            self.links.iter_mut().for_each(|links| links[voter] = link);
        }
    }

    pub fn keep_working(&mut self, participant: usize) {
        self.participants[participant].work_stops_at_once = false;
    }

    pub fn moment(&self, participant: usize) -> Moment {
        let host = &self.participants[participant];
        let ns = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap();
        let boot = self.now + host.ahead;
        Moment::from_nanos(ns(boot), ns(boot - host.suspended))
    }

    pub(super) fn process(&self, participant: usize) -> Process {
        Process { participant, life: self.participants[participant].life }
    }

    pub(super) fn is_stopped(&self, participant: usize) -> bool {
        self.participants[participant].is_stopped
    }

    /// The voter's server with its clock.
    pub(super) fn server(&self, voter: usize) -> Server {
        let true_us = OPENED_US + u64::try_from(self.now.as_micros()).unwrap();
        let server = self.servers[voter];
        Server { time_us: server.time_us.wrapping_add(true_us), ..server }
    }

    fn reading(&self, participant: usize) -> Now {
        let host = &self.participants[participant];
        let wall = self.now + host.ahead + host.wall_ahead;
        let wall_us = OPENED_US + u64::try_from(wall.as_micros()).unwrap();
        Now { at: self.moment(participant), wall_us }
    }

    pub fn leads(&self, participant: usize) -> bool {
        let until = self.participants[participant].candidate.as_ref().and_then(Candidate::until);
        until.is_some_and(|until| self.moment(participant).is_before(until))
    }

    /// What is left of the validity.
    pub fn remaining(&self, participant: usize) -> Duration {
        let until = self.participants[participant].candidate.as_ref().and_then(Candidate::until);
        until.map_or(Duration::ZERO, |until| until.observer_elapsed(self.moment(participant)))
    }

    pub fn leaders(&self) -> Vec<usize> {
        (0..self.participants.len()).filter(|&participant| self.leads(participant)).collect()
    }

    pub fn held_by(&self, participant: usize) -> usize {
        let candidate = self.participants[participant].candidate.as_ref().unwrap();
        let now = self.moment(participant);
        let held =
            |&voter: &usize| candidate.voter(voter).held_until.is_some_and(|until| now.is_before(until));
        (0..self.voters.len()).filter(held).count()
    }

    /// Lets a candidate handle an event now; what it asks is under way then.
    pub fn tell(&mut self, participant: usize, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let reading = self.reading(participant);
            let host = &mut self.participants[participant];
            let Some(candidate) = host.candidate.as_mut() else { return };
            candidate.handle(reading, event);
            let mut asked = Vec::new();
            while let Some(action) = candidate.poll_action() {
                if matches!(action, Action::StopWork { .. } | Action::Ended { .. }) && host.work_stops_at_once
                {
                    events.push_back(Event::WorkStopped);
                }
                match action {
                    Action::Ask { id, voter, question } => asked.push((id, voter, question)),
                    other => host.told.push(other),
                }
            }
            for (id, voter, question) in asked {
                self.ask(participant, voter, id, question);
            }
        }
    }

    /// Time passes, messages arrive, and whoever has something to do does it on time.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let wake = (0..self.participants.len()).filter_map(|p| Some((self.due(p)?, p))).min();
            let arrival = self.under_way.front().map(|message| message.arrives);
            match (arrival, wake) {
                (Some(arrives), _) if arrives <= end && wake.is_none_or(|(due, _)| arrives <= due) => {
                    self.now = self.now.max(arrives);
                    self.deliver_next();
                }
                (_, Some((due, participant))) if due <= end => {
                    self.now = self.now.max(due);
                    self.tell(participant, Event::Wake);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    /// Time passes while this participant is stopped; it reads then what has arrived meanwhile.
    pub fn pass_without(&mut self, participant: usize, duration: Duration) {
        self.participants[participant].is_stopped = true;
        self.pass(duration);
        self.participants[participant].is_stopped = false;
        for message in std::mem::take(&mut self.participants[participant].unread) {
            self.deliver(message);
        }
    }

    /// Time passes until a condition holds; fails after `limit`.
    pub fn pass_until(&mut self, limit: Duration, condition: impl Fn(&Self) -> bool) -> Duration {
        let begun = self.now;
        while !condition(self) {
            assert!(self.now < begun + limit, "it did not come true within {limit:?}");
            self.pass(Duration::from_millis(1));
        }
        self.now - begun
    }

    /// Time passes in steps of 1 ms, and each time what was held back arrives: a round trip of 1 ms.
    pub fn pass_slowly(&mut self, participant: usize, duration: Duration) {
        for _ in 0..duration.as_millis() {
            self.pass(Duration::from_millis(1));
            self.deliver_held(participant);
        }
    }

    /// When either of its clocks has reached what the candidate wants to be woken for; if that is past, when the other
    /// has.
    fn due(&self, participant: usize) -> Option<Duration> {
        let host = &self.participants[participant];
        let due = host.candidate.as_ref().filter(|_| !host.is_stopped)?.poll_timeout()?;
        let boot = Duration::from_nanos(due.boot_ns()).saturating_sub(host.ahead);
        let raw = (Duration::from_nanos(due.raw_ns()) + host.suspended).saturating_sub(host.ahead);
        let first = boot.min(raw);
        Some(if first > self.now { first } else { boot.max(raw) })
    }

    pub fn resign(&mut self, participant: usize, stand_back: StandBack) {
        self.tell(participant, Event::Resign { stand_back });
    }

    pub fn terms(&self, participant: usize) -> Vec<Term> {
        let told = self.participants[participant].told.iter();
        told.filter_map(|action| match action {
            Action::Elected { term, .. } => Some(*term),
            _ => None,
        })
        .collect()
    }

    pub fn end_reasons(&self, participant: usize) -> Vec<EndReason> {
        let told = self.participants[participant].told.iter();
        told.filter_map(|action| match action {
            Action::Ended { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect()
    }

    pub fn resets(&self, participant: usize) -> Vec<ResetKind> {
        let told = self.participants[participant].told.iter();
        told.filter_map(|action| match action {
            Action::EpochReset { kind, .. } => Some(*kind),
            _ => None,
        })
        .collect()
    }

    /// Every join it asked for: when, and of whom.
    pub fn joins(&self, participant: usize) -> Vec<(Duration, usize)> {
        let joins = self.asked.iter().filter(|(_, who, _, operation)| {
            *who == participant && matches!(operation, Operation::Join { .. })
        });
        joins.map(|(at, _, voter, _)| (*at, *voter)).collect()
    }

    /// Lets it look at one voter, and at no other.
    pub fn look(&mut self, participant: usize, voter: usize) {
        let asked = self.asked.len();
        self.tell(participant, Event::Hint { voter, released: None });
        self.pass(8 * ONE_WAY);
        let looked: Vec<_> = self.asked[asked..].iter().map(|(_, who, of, _)| (*who, *of)).collect();
        assert_eq!(looked, [(participant, voter)]);
    }

    /// How often something was asked since `since`.
    pub fn count_asked(&self, since: Duration, what: impl Fn(usize, usize, &Operation) -> bool) -> usize {
        let asked = self.asked.iter().filter(|(at, participant, voter, operation)| {
            *at >= since && what(*participant, *voter, operation)
        });
        asked.count()
    }
}
