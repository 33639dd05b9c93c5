//! A laboratory: candidates and voters on one table, links that can be cut or held, and time that passes only when
//! told to. All clocks run at the same rate; every message takes 100 µs.

use std::time::Duration;

use crate::core::{
    Action, Answer, Caller, Candidate, EndReason, Event, Moment, Now, Operation, Planted, Question,
    QuestionId, Randomness, ResetKind, ResetPolicy, Run, Server, Settings, StandBack, Term, Timing,
    VoterModel, observer_wait,
};

pub const TTL: Duration = Duration::from_secs(10);
pub const ONE_WAY: Duration = Duration::from_micros(100);
/// Unix time when the laboratory opens.
const OPENED_US: u64 = 1_700_000_000_000_000;

struct Counter(u64);

impl Randomness for Counter {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 8
    }
}

/// What happens to messages between a candidate and a voter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    #[default]
    Up,
    /// Questions are lost.
    Cut,
    /// Nothing but observations passes.
    OnlyObserve,
    /// Questions arrive; answers to all but observations are kept back until released.
    OnlyObservationsAnswered,
    /// Questions arrive; answers are kept back until released.
    AnswersHeld,
    /// Answers are kept back; whatever would write is answered with an error.
    WritesFail,
    /// Confirms are lost.
    NoConfirm,
}

pub struct Participant {
    pub candidate: Option<Candidate>,
    pub told: Vec<Action>,
    /// When the clocks of this host are ahead of the true time.
    pub ahead: Duration,
    pub wall_ahead: Duration,
    held: Vec<(QuestionId, Answer)>,
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
                held: Vec::new(),
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
        let shown = u64::try_from((self.now + self.participants[participant].ahead).as_nanos()).unwrap();
        Moment::from_nanos(shown, shown)
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

    /// Lets a candidate handle an event now and everything that follows from it, messages included.
    pub fn tell(&mut self, participant: usize, event: Event) {
        let mut events = vec![(participant, event)];
        while let Some((participant, event)) = events.pop() {
            let reading = self.reading(participant);
            let host = &mut self.participants[participant];
            let Some(candidate) = host.candidate.as_mut() else { continue };
            candidate.handle(reading, event);
            let mut asked = Vec::new();
            while let Some(action) = candidate.poll_action() {
                match action {
                    Action::Ask { id, voter, question } => asked.push((id, voter, question)),
                    other => host.told.push(other),
                }
                if matches!(action, Action::StopWork { .. } | Action::Ended { .. }) && host.work_stops_at_once
                {
                    events.insert(0, (participant, Event::WorkStopped));
                }
            }
            for (id, voter, question) in asked {
                if let Some(event) = self.ask(participant, voter, id, &question, &mut events) {
                    events.insert(0, (participant, event));
                }
            }
        }
    }

    /// A question travels there and, unless held, back; 100 µs each way, in zero time for everybody else.
    fn ask(
        &mut self,
        participant: usize,
        voter: usize,
        id: QuestionId,
        question: &Question,
        events: &mut Vec<(usize, Event)>,
    ) -> Option<Event> {
        self.asked.push((self.now, participant, voter, question.operation));
        let link = self.links[participant][voter];
        let observes = matches!(question.operation, Operation::Observe { .. });
        if link == Link::Cut || (link == Link::OnlyObserve && !observes) {
            return None;
        }
        if link == Link::NoConfirm && matches!(question.operation, Operation::Confirm { .. }) {
            return None;
        }
        if link == Link::WritesFail {
            let answer = if observes { self.apply(voter, question, events) } else { Answer::Silent };
            self.participants[participant].held.push((id, answer));
            return None;
        }
        let answer = self.apply(voter, question, events);
        if link == Link::AnswersHeld || (link == Link::OnlyObservationsAnswered && !observes) {
            self.participants[participant].held.push((id, answer));
            return None;
        }
        Some(Event::Answer { question: id, received: self.moment(participant).plus(2 * ONE_WAY), answer })
    }

    fn apply(&mut self, voter: usize, question: &Question, events: &mut Vec<(usize, Event)>) -> Answer {
        let names: Vec<_> = (0..self.voters.len()).map(|voter| voter.to_string()).collect();
        let electorate = format!("1 {}", names.join(","));
        let mut server = self.servers[voter];
        let true_us = OPENED_US + u64::try_from(self.now.as_micros()).unwrap();
        server.time_us = server.time_us.wrapping_add(true_us);
        let caller = Caller { electorate: &electorate, voter: &names[voter] };
        let reply = self.voters[voter].apply(&server, &caller, question);
        if reply.hint.is_some() {
            let listening = (0..self.participants.len()).filter(|&p| self.links[p][voter] == Link::Up);
            listening.for_each(|participant| {
                events.insert(0, (participant, Event::Hint { voter, released: reply.hint }));
            });
        }
        reply.answer
    }

    /// Asks a voter something on nobody's behalf.
    pub fn ask_directly(&mut self, voter: usize, operation: Operation) -> Answer {
        self.apply(voter, &Question { operation, high_water: None }, &mut Vec::new())
    }

    /// Answers that were held back arrive now.
    pub fn deliver_held(&mut self, participant: usize) {
        self.deliver_oldest_held(participant, usize::MAX);
    }

    /// The oldest of the answers that were held back arrive now.
    pub fn deliver_oldest_held(&mut self, participant: usize, most: usize) {
        let held = &mut self.participants[participant].held;
        let oldest: Vec<_> = held.drain(..most.min(held.len())).collect();
        for (question, answer) in oldest {
            let received = self.moment(participant);
            self.tell(participant, Event::Answer { question, received, answer });
        }
    }

    /// Time passes, and whoever has something to do does it on time.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let due = (0..self.participants.len()).filter_map(|p| Some((self.due(p)?, p))).min();
            match due {
                Some((due, participant)) if due <= end => {
                    self.now = self.now.max(due);
                    self.tell(participant, Event::Wake);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    /// Time passes while this participant is stopped.
    pub fn pass_without(&mut self, participant: usize, duration: Duration) {
        let stopped = self.participants[participant].candidate.take();
        self.pass(duration);
        self.participants[participant].candidate = stopped;
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

    fn due(&self, participant: usize) -> Option<Duration> {
        let host = &self.participants[participant];
        let due = host.candidate.as_ref()?.poll_timeout()?;
        Some(Duration::from_nanos(due.boot_ns()).saturating_sub(host.ahead))
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

    /// How often something was asked since `since`.
    pub fn count_asked(&self, since: Duration, what: impl Fn(usize, usize, &Operation) -> bool) -> usize {
        let asked = self.asked.iter().filter(|(at, participant, voter, operation)| {
            *at >= since && what(*participant, *voter, operation)
        });
        asked.count()
    }
}
