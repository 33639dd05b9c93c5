//! What the core says, done: one function for each action, and the one log line of each transition.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::core::{
    Action, Answer, Ballot, EndReason, Event, FORMAT, Inertia, Moment, Now, Operation, Question, QuestionId,
    ResetKind, Seen, StandBack, Term, VoterIndex,
};
use crate::election::asks::{Answered, Sent};
use crate::election::board::{ObservedLeader, Stage};
use crate::election::candidacy::ForeignRecord;
use crate::election::driver::{Attempt, Driver, Inertness, Releasing, WorkState};
use crate::election::leadership::{LeaderChange, whole_ms};
use crate::election::news::{Who, rfc3339};
use crate::election::port::{VoterPort, Work};
use crate::election::predecessor::Sight;
use crate::election::report::{AttemptResult, Fact, OperationKind, Succession, end_word, reset_word};
use crate::election::status::Aside;

impl<V: VoterPort + ?Sized, W: Work> Driver<V, W> {
    /// Does what the core wants. Answers with the operation, where a voter is asked.
    pub(super) fn act(&mut self, now: Now, action: &Action) -> Option<OperationKind> {
        match *action {
            Action::Ask { id, voter, ref question } => return Some(self.ask(now, id, voter, question)),
            Action::Elected { term, until, took } => self.elected(now, term, until, took),
            Action::Extended { until } => self.extended(now, until),
            Action::StopWork { reason } => self.stop_work(now, reason),
            Action::Ended { term, reason } => self.ended(now, term, reason),
            Action::AttemptFailed => {
                self.report.note(Fact::Attempt(AttemptResult::Failed));
                self.leadership.set_stage(Stage::Observing);
                tracing::debug!(election = %self.settings.about.election, "attempt failed");
            }
            Action::Verified { request, term } => {
                if let Some(request) = self.rounds.answered(request, term, now.at) {
                    self.follow_ups.push_back(Event::Verify { request });
                }
            }
            Action::EpochReset { kind, floor } => self.epoch_reset(now, kind, floor),
            Action::Halted { kind } => {
                self.is_halted = true;
                self.leadership.set_aside(Some(Aside::Halted));
                self.leadership.remember(now, "halted", None, reset_word(kind));
                tracing::error!(election = %self.settings.about.election, kind = reset_word(kind),
                    "halted: the voters forgot their terms, and onEpochReset is halt; \
                     to begin a new epoch stop all candidates, run `quorate reset`, and start them");
            }
            Action::Inert(inertia) => self.inert(now, inertia),
        }
        None
    }

    fn ask(&mut self, now: Now, id: QuestionId, voter: VoterIndex, question: &Question) -> OperationKind {
        if let Operation::Grant { ballot, .. } = question.operation
            && self.attempt.as_ref().is_none_or(|attempt| attempt.ballot != ballot)
        {
            let who = self.describe(now);
            self.attempt = Some(Attempt { ballot, who });
            self.predecessor.attempted(ballot);
            if self.led.is_none() {
                self.leadership.set_stage(Stage::Electing);
            }
        }
        let over = match question.operation {
            Operation::Grant { seen: Seen { holder, released: true, .. }, .. } => holder,
            _ => None,
        };
        if let Some(releasing) = &mut self.releasing {
            releasing.ask(voter, question);
        }
        let who = self.attempt.as_ref().map_or_else(|| Arc::from("{}"), |attempt| Arc::clone(&attempt.who));
        let operation = OperationKind::from(&question.operation);
        self.asks.send(Sent { id, voter, operation, at: now.at, over }, question, who);
        operation
    }

    /// What voters tell others about us: since when is the beginning of the attempt.
    fn describe(&self, now: Now) -> Arc<str> {
        let about = &self.settings.about;
        let who = Who {
            identity: Some(about.identity.clone()),
            cluster: about.cluster.clone(),
            namespace: about.namespace.clone(),
            node: about.node.clone(),
            address: about.address.clone(),
            since: Some(rfc3339(now.wall_us)),
        };
        serde_json::to_string(&who).map_or_else(|_| Arc::from("{}"), Arc::from)
    }

    fn elected(&mut self, now: Now, term: Term, until: Moment, took: Duration) {
        let (why, leaderless) = self.predecessor.succeeded(now.at);
        self.led = Some(term);
        self.ran_out = false;
        self.work_state = WorkState::Running;
        self.leadership.elected(now, term, until, why);
        self.work.start(term);
        self.report.note(Fact::Attempt(AttemptResult::Won));
        self.report.note(Fact::Elected(why));
        if why != Succession::Vacant {
            self.report.note(Fact::FailedOver { kind: why, took: leaderless });
        }
        let (took_ms, validity_ms) = (milliseconds(took), whole_ms(until.observer_elapsed(now.at)));
        tracing::info!(election = %self.settings.about.election, term, reason = why.word(), took_ms, validity_ms,
            "elected");
    }

    fn extended(&mut self, now: Now, until: Moment) {
        let Some(before) = self.leadership.claim() else { return };
        if let Some((took, headroom)) = self.renewals.landed(now.at, before.until, until) {
            self.report.note(Fact::Renewed { took, headroom });
        }
        let Some(claim) = self.leadership.extended(now, until) else { return };
        if claim.sealed && !before.sealed {
            // Past `hard` watchers count this leadership as over. It must not come back under the same term.
            tracing::warn!(election = %self.settings.about.election, term = claim.term,
                "a renewal landed too late to go on: handing over");
            self.resigning.get_or_insert(StandBack::For(Duration::ZERO));
            self.follow_ups.push_back(Event::Resign { stand_back: StandBack::For(Duration::ZERO) });
        } else if !before.leads_before_soft(now.at) && !claim.sealed {
            tracing::info!(election = %self.settings.about.election, term = claim.term, "safe: a renewal landed");
        }
    }

    fn stop_work(&mut self, now: Now, reason: EndReason) {
        if !matches!(self.work_state, WorkState::Running) {
            return;
        }
        let reason = self.as_told(reason);
        let mut stop = self.work.stop(reason);
        match stop.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(()) => {
                self.leadership.withdraw(now, reason);
                self.work_state = WorkState::Idle;
                self.follow_ups.push_back(Event::WorkStopped);
            }
            Poll::Pending => {
                self.leadership.give_up(now, reason);
                self.work_state = WorkState::Stopping(stop, reason);
                tracing::info!(election = %self.settings.about.election, reason = end_word(reason), "stopping the work");
            }
        }
    }

    /// To the core a leader that ran out of time resigns; to people it is a loss.
    fn as_told(&self, reason: EndReason) -> EndReason {
        if self.ran_out && reason == EndReason::Resigned { EndReason::Lapsed } else { reason }
    }

    fn ended(&mut self, now: Now, term: Term, reason: EndReason) {
        let reason = self.as_told(reason);
        self.leadership.withdraw(now, reason);
        self.led = None;
        if let Some(attempt) = &self.attempt {
            self.predecessor.was_ourselves(attempt.ballot, now.at, reason == EndReason::Resigned);
        }
        self.unsettled = Some(term);
        if self.renewals.ended() && reason != EndReason::Resigned {
            self.report.note(Fact::RenewalFailed);
        }
        self.report.note(Fact::Ended(reason));
        let election = &self.settings.about.election;
        match reason {
            EndReason::Resigned => {
                tracing::info!(%election, term, "releasing");
                self.releasing = self.attempt.as_ref().map(|attempt| Releasing::new(term, attempt.ballot));
            }
            EndReason::Lapsed | EndReason::Lost | EndReason::ClockDiverged | EndReason::ClockStood => {
                tracing::warn!(%election, term, reason = end_word(reason), "lost");
            }
        }
        self.stop_work(now, reason);
        self.note_resigned();
    }

    /// Where resigning was asked for and leadership is over: stands back.
    pub(super) fn note_resigned(&mut self) {
        if self.led.is_some() {
            return;
        }
        match self.resigning.take() {
            Some(StandBack::ForGood) => self.leadership.set_stage(Stage::Resigned(None)),
            Some(StandBack::For(pause)) if !pause.is_zero() => {
                self.leadership.set_stage(Stage::Resigned(Some(crate::clock::now().at.plus(pause))));
            }
            Some(StandBack::For(_)) | None => {}
        }
    }

    fn epoch_reset(&mut self, now: Now, kind: ResetKind, floor: Term) {
        self.report.note(Fact::EpochReset(kind));
        self.leadership.remember(now, "epoch-reset", Some(floor), reset_word(kind));
        let election = &self.settings.about.election;
        match kind {
            ResetKind::First => tracing::info!(%election, floor, "first epoch: the voters knew of no term"),
            ResetKind::Forgotten | ResetKind::Unreadable => {
                tracing::warn!(%election, kind = reset_word(kind), floor,
                    "epoch reset: too few voters remember; terms go on above the largest number known");
            }
        }
    }

    fn inert(&mut self, now: Now, inertia: Option<Inertia>) {
        let inert = inertia.map(Inertness::from);
        if std::mem::replace(&mut self.inert, inert) == inert {
            return;
        }
        let election = &self.settings.about.election;
        match inertia {
            None => tracing::info!(%election, "no longer inert"),
            Some(Inertia::Electorate { voter }) => self.tell_of_another_record(voter),
            Some(Inertia::Ttl { voter, theirs, ours }) => {
                let (name, theirs_ms, ours_ms) = (self.roll.name(voter), whole_ms(theirs), whole_ms(ours));
                tracing::error!(%election, voter = name, theirs_ms, ours_ms,
                    "inert: the leader's ttl and ours differ by more than a factor of two; go in steps");
            }
        }
        let aside = inertia.map(|inertia| match inertia {
            Inertia::Electorate { voter } if self.roll.foreign_format(voter).is_some() => Aside::Format,
            Inertia::Electorate { .. } => Aside::Electorate,
            Inertia::Ttl { .. } => Aside::Ttl,
        });
        self.leadership.set_aside(aside.or_else(|| self.is_halted.then_some(Aside::Halted)));
        self.leadership.remember(now, "inert", None, aside.map_or("ended", Aside::word));
    }

    /// A record that other candidates wrote, with other voters or in another format; and the way out.
    fn tell_of_another_record(&self, voter: VoterIndex) {
        let election = &self.settings.about.election;
        let name = self.roll.name(voter);
        if let Some(theirs) = self.roll.foreign_format(voter) {
            self.found(ForeignRecord::Format(theirs.to_owned()));
            tracing::error!(%election, voter = name, theirs, ours = FORMAT,
                "inert until restarted: this voter's record has the format of another version of Quorate; \
                 run one version everywhere");
            return;
        }
        let theirs = self.roll.electorate(voter).unwrap_or("unreadable");
        let ours = electorate(&self.settings.about.voters);
        self.found(ForeignRecord::Voters(theirs.to_owned()));
        tracing::error!(%election, voter = name, theirs, ours,
            "inert until restarted: this voter's record belongs to other voters than the configured ones; \
             configure theirs, or stop all candidates, run `quorate reset` with ours, and start them");
    }

    /// Notices who else leads, and whether that one still shows signs of life.
    pub(super) fn watch_leader(&mut self, now: Now, answered: &Answered, renewed: bool) {
        if self.led.is_some() {
            return;
        }
        let is_another = |&(ballot, ..): &(Ballot, Term, VoterIndex)| !self.predecessor.is_own(ballot);
        let leader = self.core.observed_leader(now.at).filter(is_another);
        if let Answer::Observed(observation) = &answered.reply.answer {
            let (voter, received) = (answered.sent.voter, answered.reply.received);
            let ballot = leader.map(|(ballot, ..)| ballot);
            self.predecessor.observed(ballot, Sight { voter, observation, received, renewed });
        }
        let observed = leader.and_then(|(ballot, term, voter)| {
            let leader = self.roll.who(voter).map(Who::parse).unwrap_or_default().leading(term);
            let ttl = self.core.voter(voter).observation.and_then(|seen| seen.ttl);
            let last_sign = self.predecessor.last_sign(ballot)?;
            Some(ObservedLeader { ballot, leader, last_sign, ttl: ttl.unwrap_or(self.settings.timing.ttl) })
        });
        let observed = observed.filter(|leader| leader.is_live(now.at));
        let election = &self.settings.about.election;
        match self.leadership.observe(now, observed) {
            LeaderChange::None => {}
            LeaderChange::To(leader) => tracing::info!(%election, term = leader.term,
                leader = leader.identity.as_deref().unwrap_or("unknown"), "leader changed"),
            LeaderChange::ToNobody => tracing::info!(%election, "no leader is seen"),
        }
    }
}

/// The electorate as records show it: the generation and the sorted names.
fn electorate(voters: &[String]) -> String {
    let mut names = voters.to_vec();
    names.sort();
    format!("1 {}", names.join(","))
}

/// For people, to a microsecond.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
