//! Plain Redlock as its pattern describes it, without any mistake of an implementation: one random value, `SET NX PX`
//! on all N, a majority, validity = ttl − elapsed − drift with the time taken before asking, compare before extending
//! and deleting, everything deleted after a failure, work stopped before the release.
//!
//! It speaks the words of the core so that the same world can drive it; there are no terms, because Redlock has none.

use std::collections::VecDeque;
use std::time::Duration;

use crate::core::{
    Action, Answer, Ballot, EndReason, Event, GrantTerm, Instance, Moment, Now, Operation, Question,
    QuestionId, Randomness, Refusal, Run, Seen, Server, StandBack,
};

/// What a Redlock server stores: one key.
#[derive(Clone, Copy, Debug, Default)]
pub struct RedlockStore {
    key: Option<(Ballot, u64)>,
}

impl RedlockStore {
    /// The key is gone.
    pub fn drop_key(&mut self) {
        self.key = None;
    }

    /// `SET NX PX`, compare and `PEXPIRE`, compare and `DEL`.
    pub fn apply(&mut self, server: &Server, operation: &Operation) -> Answer {
        let now_ms = server.time_us / 1000;
        self.key = self.key.filter(|(_, expires_ms)| now_ms < *expires_ms);
        let expiry =
            |ttl: Duration| now_ms.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        match *operation {
            _ if !server.primary => Answer::Replica,
            Operation::Grant { .. } if self.key.is_some() => Answer::Refused(Refusal::Held),
            Operation::Grant { ballot, ttl, .. } => {
                self.key = Some((ballot, expiry(ttl)));
                Answer::Granted { term: 0, version: 0 }
            }
            Operation::Confirm { ballot, ttl, .. } if self.is_held_by(ballot) => {
                self.key = Some((ballot, expiry(ttl)));
                Answer::Confirmed { term: 0 }
            }
            Operation::Confirm { .. } => Answer::Lost,
            Operation::Release { ballot } => {
                self.key = self.key.filter(|(holder, _)| *holder != ballot);
                Answer::Released
            }
            Operation::Observe { .. } | Operation::Join { .. } => Answer::Silent,
        }
    }

    fn is_held_by(self, ballot: Ballot) -> bool {
        self.key.is_some_and(|(holder, _)| holder == ballot)
    }
}

#[derive(Clone, Copy, Debug)]
enum Role {
    Standby,
    Electing { ballot: Ballot, begun: Moment, answered: usize },
    Leading { ballot: Ballot, until: Moment, next_renewal: Moment, stopping: bool },
    Stopping(Ballot),
}

/// What is known of one server: when the latest acknowledged question to it was sent, and whether it denied.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    acknowledged: Option<Moment>,
    lost: bool,
}

/// A client of plain Redlock that wants to lead.
pub struct RedlockClient<R> {
    ttl: Duration,
    randomness: R,
    role: Role,
    known: Vec<Known>,
    /// What each question under way was, by id: the server, the ballot, and when it was sent.
    asked: VecDeque<(u64, usize, Ballot, Moment)>,
    last_id: u64,
    actions: VecDeque<Action>,
    next_try: Moment,
    stand_back: Duration,
}

impl<R: Randomness> RedlockClient<R> {
    /// A client that knows nothing yet.
    pub fn new(ttl: Duration, servers: usize, randomness: R) -> Self {
        Self {
            ttl,
            randomness,
            role: Role::Standby,
            known: vec![Known::default(); servers],
            asked: VecDeque::new(),
            last_id: 0,
            actions: VecDeque::new(),
            next_try: Moment::default(),
            stand_back: Duration::ZERO,
        }
    }

    /// As the core's.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// As the core's.
    pub fn until(&self) -> Option<Moment> {
        match self.role {
            Role::Leading { until, .. } => Some(until),
            _ => None,
        }
    }

    /// As the core's.
    pub fn poll_timeout(&self) -> Option<Moment> {
        match self.role {
            Role::Standby => Some(self.next_try),
            Role::Electing { begun, .. } => Some(begun.plus(self.patience())),
            Role::Leading { until, next_renewal, .. } => Some(until.earliest(next_renewal)),
            Role::Stopping(_) => None,
        }
    }

    /// As the core's.
    pub fn handle(&mut self, now: Now, event: Event) {
        let now = now.at;
        self.end_if_over(now);
        match event {
            Event::Answer { question, answer, .. } => self.on_answer(now, question, answer),
            Event::Resign { stand_back: StandBack::For(duration) } => self.on_resign(now, duration),
            Event::WorkStopped => self.on_work_stopped(now),
            Event::Verify { request } => self.actions.push_back(Action::Verified { request, term: None }),
            _ => {}
        }
        self.advance(now);
    }

    fn end_if_over(&mut self, now: Moment) {
        if let Role::Leading { ballot, until, .. } = self.role
            && !now.is_before(until)
        {
            self.end(ballot, EndReason::Lapsed);
        }
    }

    fn end(&mut self, ballot: Ballot, reason: EndReason) {
        self.actions.push_back(Action::Ended { term: 0, reason });
        self.role = Role::Stopping(ballot);
    }

    fn advance(&mut self, now: Moment) {
        match self.role {
            Role::Standby if self.next_try.is_at_or_before(now) => self.begin(now),
            Role::Electing { ballot, begun, .. } if begun.plus(self.patience()).is_at_or_before(now) => {
                self.fail(now, ballot);
            }
            Role::Leading { ballot, until, next_renewal, stopping } if next_renewal.is_at_or_before(now) => {
                let next_renewal = now.plus(self.ttl / 5);
                self.role = Role::Leading { ballot, until, next_renewal, stopping };
                let operation = Operation::Confirm { ballot, term: 0, ttl: self.ttl };
                self.ask_all(now, ballot, operation);
            }
            _ => {}
        }
    }

    fn begin(&mut self, now: Moment) {
        let ballot = Ballot((u128::from(self.randomness.bits()) << 64) | u128::from(self.randomness.bits()));
        self.known.fill(Known::default());
        self.role = Role::Electing { ballot, begun: now, answered: 0 };
        let run = Run { process: [0; 20], history: [0; 20] };
        let instance = Instance { proposal: 0, time_us: 0, run };
        let seen = Seen { instance, holder: None, version: 0, released: true };
        let (ttl, term) = (self.ttl, GrantTerm::Hint(0));
        self.ask_all(now, ballot, Operation::Grant { ballot, ttl, seen, key_stood_still: false, term });
    }

    fn fail(&mut self, now: Moment, ballot: Ballot) {
        self.actions.push_back(Action::AttemptFailed);
        self.stand_by(now, ballot);
    }

    fn stand_by(&mut self, now: Moment, ballot: Ballot) {
        self.ask_all(now, ballot, Operation::Release { ballot });
        self.role = Role::Standby;
        let pause = u64::try_from((self.ttl / 10).as_nanos()).unwrap_or(u64::MAX);
        let pause = Duration::from_nanos(self.randomness.bits() % pause.max(1));
        self.next_try = now.plus(std::mem::take(&mut self.stand_back) + pause);
    }

    fn on_resign(&mut self, now: Moment, stand_back: Duration) {
        self.stand_back = stand_back;
        match &mut self.role {
            Role::Leading { stopping, .. } if !*stopping => {
                *stopping = true;
                self.actions.push_back(Action::StopWork { reason: EndReason::Resigned });
            }
            Role::Electing { ballot, .. } => {
                let ballot = *ballot;
                self.fail(now, ballot);
            }
            _ => {}
        }
    }

    fn on_work_stopped(&mut self, now: Moment) {
        match self.role {
            Role::Leading { ballot, stopping: true, .. } => {
                self.actions.push_back(Action::Ended { term: 0, reason: EndReason::Resigned });
                self.stand_by(now, ballot);
            }
            Role::Stopping(ballot) => self.stand_by(now, ballot),
            _ => {}
        }
    }

    fn on_answer(&mut self, now: Moment, id: QuestionId, answer: Answer) {
        let Some(place) = self.asked.iter().position(|asked| asked.0 == id.0) else { return };
        let Some((_, server, ballot, sent)) = self.asked.remove(place) else { return };
        let is_current = matches!(self.role, Role::Electing { ballot: own, .. } | Role::Leading { ballot: own, .. } if own == ballot);
        if !is_current {
            return;
        }
        let known = &mut self.known[server];
        match answer {
            Answer::Granted { .. } | Answer::Confirmed { .. } => {
                let latest = known.acknowledged.map_or(sent, |before| before.latest(sent));
                *known = Known { acknowledged: Some(latest), lost: false };
            }
            Answer::Lost => known.lost = true,
            _ => {}
        }
        if let Role::Electing { answered, .. } = &mut self.role {
            *answered += 1;
        }
        self.count(now, ballot);
    }

    /// Whether a majority makes this a leader, extends it, or denies it.
    fn count(&mut self, now: Moment, ballot: Ballot) {
        let quorum = self.known.len() / 2 + 1;
        let counts = |b: &Moment| {
            let sent = self.known.iter().filter_map(|known| known.acknowledged);
            sent.filter(|sent| b.is_at_or_before(*sent)).count() >= quorum
        };
        let counted = self.known.iter().filter_map(|known| known.acknowledged).filter(counts);
        let best = counted.reduce(Moment::latest).map(|b| b.plus(self.validity()));
        match (self.role, best) {
            (Role::Electing { begun, .. }, Some(until)) if now.is_before(until) => {
                let next_renewal = now.plus(self.ttl / 5);
                self.role = Role::Leading { ballot, until, next_renewal, stopping: false };
                let took = now.leader_elapsed(begun);
                self.actions.push_back(Action::Elected { term: 0, until, took });
            }
            (Role::Electing { answered, .. }, _) if answered == self.known.len() => self.fail(now, ballot),
            (Role::Leading { .. }, _) if self.known.iter().filter(|known| known.lost).count() >= quorum => {
                self.end(ballot, EndReason::Lost);
            }
            (Role::Leading { until, next_renewal, stopping, .. }, Some(later)) if until.is_before(later) => {
                self.role = Role::Leading { ballot, until: later, next_renewal, stopping };
                self.actions.push_back(Action::Extended { until: later });
            }
            _ => {}
        }
    }

    fn ask_all(&mut self, now: Moment, ballot: Ballot, operation: Operation) {
        while self.asked.len() > 16 * self.known.len() {
            self.asked.pop_front();
        }
        for voter in 0..self.known.len() {
            self.last_id += 1;
            self.asked.push_back((self.last_id, voter, ballot, now));
            let question = Question { operation, high_water: None };
            self.actions.push_back(Action::Ask { id: QuestionId(self.last_id), voter, question });
        }
    }

    /// ttl − drift; the time that passed since asking is taken off by counting from then.
    fn validity(&self) -> Duration {
        (self.ttl * 99 / 100).saturating_sub(Duration::from_millis(2))
    }

    /// How long an attempt may take.
    fn patience(&self) -> Duration {
        (self.ttl / 20).max(Duration::from_millis(50))
    }
}
