//! Every question that a candidate asks, and which of them still wait for an answer.

use std::collections::VecDeque;
use std::time::Duration;

use super::Candidate;
use crate::core::event::{Action, QuestionId, VoterIndex};
use crate::core::record::{Ballot, GrantTerm, Instance, Operation, Question, Seen, Term};
use crate::core::time::Moment;
use crate::core::timing::LONGEST_TTL;

/// The most questions from the oldest that waits for an answer to the newest; beyond it the oldest is forgotten. At
/// the defaults a candidate asks each of at most 9 voters about 25 questions a ttl, and forgets them after two.
const MOST_PENDING: usize = 1024;

/// What was asked, as far as the answer needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Observe,
    Grant(Ballot),
    Confirm(Ballot),
    Adopt(Ballot),
    Release,
    Join,
}

/// A question that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) voter: VoterIndex,
    /// Read before the question was handed out, so never later than it really went.
    pub(super) sent: Moment,
    pub(super) asked: Asked,
}

/// All questions that wait. Ids grow with time by one each, so the first is the oldest, and it waits.
#[derive(Default)]
pub(super) struct Questions {
    last_id: u64,
    pending: VecDeque<Option<Pending>>,
}

impl Questions {
    fn add(&mut self, pending: Pending) -> QuestionId {
        self.last_id += 1;
        let id = QuestionId(self.last_id);
        if self.pending.len() >= MOST_PENDING {
            self.forget_oldest();
        }
        self.pending.push_back(Some(pending));
        id
    }

    fn forget_oldest(&mut self) {
        self.pending.pop_front();
        while self.pending.front().is_some_and(Option::is_none) {
            self.pending.pop_front();
        }
    }

    /// The question with this id, which is thereby answered; `None` for one that was never asked, or answered, or
    /// forgotten.
    pub(super) fn take(&mut self, id: QuestionId) -> Option<Pending> {
        let newer = usize::try_from(self.last_id.checked_sub(id.0)?).ok()?;
        let place = self.pending.len().checked_sub(newer + 1)?;
        let taken = self.pending[place].take();
        if place == 0 {
            self.forget_oldest();
        }
        taken
    }

    /// Whether something of this kind has been asked of this voter at or after `since` and not been answered.
    pub(super) fn is_waiting(&self, voter: VoterIndex, since: Moment, kind: fn(Asked) -> bool) -> bool {
        let waiting = self.pending.iter().rev().flatten();
        let mut recent = waiting.take_while(|pending| !pending.sent.is_before(since));
        recent.any(|pending| pending.voter == voter && kind(pending.asked))
    }

    /// Forgets what nobody can answer usefully any more.
    pub(super) fn forget_before(&mut self, instant: Moment) {
        while self
            .pending
            .front()
            .is_some_and(|oldest| oldest.is_none_or(|asked| asked.sent.is_before(instant)))
        {
            self.forget_oldest();
        }
    }
}

impl Candidate {
    pub(super) fn observe(&mut self, now: Moment, voter: VoterIndex) {
        let proposal = self.random_128();
        let proposal = self.inertia.is_none().then_some(proposal);
        self.ask(now, voter, Asked::Observe, Operation::Observe { proposal });
    }

    /// `seen` and whether the key stood still are what [`Candidate::grantable`] found.
    pub(super) fn grant(
        &mut self,
        now: Moment,
        voter: VoterIndex,
        ballot: Ballot,
        (seen, stood_still): (Seen, bool),
        hint: Term,
    ) {
        let ttl = self.settings.timing.ttl;
        let term = GrantTerm::Hint(hint);
        let operation = Operation::Grant { ballot, ttl, seen, key_stood_still: stood_still, term };
        self.ask(now, voter, Asked::Grant(ballot), operation);
    }

    /// As [`Candidate::grant`], by a sitting leader.
    pub(super) fn adopt(
        &mut self,
        now: Moment,
        voter: VoterIndex,
        ballot: Ballot,
        (seen, stood_still): (Seen, bool),
        term: Term,
    ) {
        let ttl = self.settings.timing.ttl;
        let term = GrantTerm::Adopt(term);
        let operation = Operation::Grant { ballot, ttl, seen, key_stood_still: stood_still, term };
        self.ask(now, voter, Asked::Adopt(ballot), operation);
    }

    pub(super) fn confirm(&mut self, now: Moment, voter: VoterIndex, ballot: Ballot, term: Term) {
        let ttl = self.settings.timing.ttl;
        self.ask(now, voter, Asked::Confirm(ballot), Operation::Confirm { ballot, term, ttl });
    }

    pub(super) fn release(&mut self, now: Moment, voter: VoterIndex, ballot: Ballot) {
        self.ask(now, voter, Asked::Release, Operation::Release { ballot });
    }

    pub(super) fn join(
        &mut self,
        now: Moment,
        voter: VoterIndex,
        instance: Instance,
        term: Term,
        ttl: Duration,
    ) {
        self.ask(now, voter, Asked::Join, Operation::Join { instance, term, ttl: ttl.min(LONGEST_TTL) });
    }

    fn ask(&mut self, now: Moment, voter: VoterIndex, asked: Asked, operation: Operation) {
        let id = self.questions.add(Pending { voter, sent: now, asked });
        let question = Question { operation, high_water: self.watched[voter].high_water };
        self.actions.push_back(Action::Ask { id, voter, question });
    }
}
