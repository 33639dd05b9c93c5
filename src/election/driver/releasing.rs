//! What became of a release: told once all have answered or none will.

use crate::core::{Ballot, Operation, Question, Term, VoterIndex};
use crate::election::asks::Answered;
use crate::election::driver::Driver;
use crate::election::port::{VoterPort, Work};
use crate::election::report::OperationKind;

/// A leadership that is being given back.
pub(super) struct Releasing {
    term: Term,
    ballot: Ballot,
    asked: Vec<VoterIndex>,
    heard: Vec<VoterIndex>,
}

impl Releasing {
    pub(super) fn new(term: Term, ballot: Ballot) -> Self {
        Self { term, ballot, asked: Vec::new(), heard: Vec::new() }
    }

    /// A voter is asked something.
    pub(super) fn ask(&mut self, voter: VoterIndex, question: &Question) {
        if matches!(question.operation, Operation::Release { ballot } if ballot == self.ballot) {
            self.asked.push(voter);
        }
    }

    /// A question ended.
    pub(super) fn note(&mut self, answered: &Answered) {
        let voter = answered.sent.voter;
        let is_heard = answered.reply.answer != crate::core::Answer::Silent;
        if answered.sent.operation == OperationKind::Release && is_heard && self.asked.contains(&voter) {
            self.heard.push(voter);
        }
    }
}

impl<V: VoterPort + ?Sized, W: Work> Driver<V, W> {
    /// The release has been heard by all who will hear it.
    pub(super) fn tell_of_release(&mut self) {
        let Some(Releasing { term, ballot: _, asked, heard }) = self.releasing.take() else { return };
        let election = &self.settings.about.election;
        let silent: Vec<_> = asked.iter().filter(|voter| !heard.contains(voter)).collect();
        if heard.is_empty() {
            tracing::warn!(%election, term,
                "no voter acknowledged the release: the lease lapses by itself, and nobody leads before");
        } else if silent.is_empty() {
            tracing::info!(%election, term, "released");
        } else {
            let (heard, asked) = (heard.len(), asked.len());
            let silent: Vec<_> = silent.into_iter().map(|&voter| self.roll.name(voter)).collect();
            tracing::warn!(%election, term, silent = silent.join(","),
                "released at {heard} of {asked} voters: the others' leases lapse by themselves");
        }
    }
}
