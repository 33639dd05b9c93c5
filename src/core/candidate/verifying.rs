//! Rule 12: whether this is still the leader, asked of the voters anew.

use super::{Candidate, Role};
use crate::core::event::Action;
use crate::core::time::Moment;

/// The most requests for verification that may wait; further ones are answered "unknown" at once.
const MOST_VERIFICATIONS: usize = 16;

impl Candidate {
    pub(super) fn on_verify(&mut self, now: Moment, request: u64) {
        match &mut self.role {
            Role::Leading(leadership) if leadership.verifications.len() < MOST_VERIFICATIONS => {
                leadership.verifications.push((request, now));
                let (ballot, term) = (leadership.ballot(), leadership.term());
                for voter in 0..self.watched.len() {
                    if matches!(&self.role, Role::Leading(leadership) if leadership.counts(voter)) {
                        self.confirm(now, voter, ballot, term);
                    }
                }
            }
            _ => self.actions.push_back(Action::Verified { request, term: None }),
        }
    }

    /// Rule 12: q confirms sent after the request.
    pub(super) fn answer_verifications(&mut self, now: Moment) {
        let (quorum, limit) = (self.quorum(), self.settings.timing.voter_timeout);
        let Role::Leading(leadership) = &mut self.role else { return };
        let term = leadership.term();
        for (request, asked) in std::mem::take(&mut leadership.verifications) {
            let confirmed =
                leadership.acknowledged.iter().flatten().filter(|sent| asked.is_at_or_before(**sent));
            if confirmed.count() >= quorum {
                self.actions.push_back(Action::Verified { request, term: Some(term) });
            } else if asked.plus(limit).is_at_or_before(now) {
                self.actions.push_back(Action::Verified { request, term: None });
            } else {
                leadership.verifications.push((request, asked));
            }
        }
    }

    pub(super) fn end_verifications(&mut self) {
        let Role::Leading(leadership) = &mut self.role else { return };
        for (request, _) in std::mem::take(&mut leadership.verifications) {
            self.actions.push_back(Action::Verified { request, term: None });
        }
    }
}
