//! Rule 7: a leader takes over voters that it lacks.

use std::time::Duration;

use super::{FLOOR_ADOPTION_OF_TTL, shows_holder};
use crate::core::candidate::asking::Asked;
use crate::core::candidate::{Candidate, Role};
use crate::core::event::VoterIndex;
use crate::core::planted::Bug;
use crate::core::record::{Ballot, Seen, Standing, Term};
use crate::core::time::{Moment, Now};

impl Candidate {
    /// Rule 7.
    pub(super) fn heal(&mut self, now: Now) {
        if self.inertia.is_some() {
            return;
        }
        for voter in 0..self.watched.len() {
            let Role::Leading(leadership) = &self.role else { return };
            let watched = &self.watched[voter];
            let Some(watch) = watched.watch.as_ref().filter(|_| watched.reachable) else { continue };
            let (ballot, term) = (leadership.ballot, leadership.term);
            let is_ours = leadership.counts(voter) || shows_holder(&watch.observation, ballot);
            if is_ours
                || watched.twin.is_some()
                || self.is_asking(voter, now.at, |asked| matches!(asked, Asked::Adopt(_) | Asked::Grant(_)))
            {
                continue;
            }
            let fresh = leadership.confirmed_after(watch.since) >= self.quorum()
                || self.settings.planted.has(Bug::AdoptWithoutConfirms);
            let waited = now.at.leader_elapsed(watch.since);
            let impossible = waited >= self.settings.timing.ttl / FLOOR_ADOPTION_OF_TTL;
            match (watch.observation.standing, fresh) {
                (_, true) if self.has_just_proposed(voter, now.at) => {}
                (Standing::Member, true) => {
                    if let Some(basis) = self.eligible(voter, now.at) {
                        self.take_over(now.at, voter, ballot, basis, term);
                    }
                }
                (Standing::Joining, true) => self.adopt_joining(now.at, voter, ballot, term),
                (Standing::Joining, false) if impossible && !self.has_just_proposed(voter, now.at) => {
                    let floor = self.outside_floor(now).max(term);
                    self.adopt_joining(now.at, voter, ballot, floor);
                }
                (Standing::Member, false) if self.eligible(voter, now.at).is_none() => {}
                (_, false) => {
                    let news = watch.since;
                    self.prove_soon(now.at, news);
                }
            }
        }
    }

    /// Confirms what allows to adopt. At once the first time: whoever was elected by a bare quorum may be about to lose
    /// one of it, and then nobody could ever be adopted.
    fn prove_soon(&mut self, now: Moment, news: Moment) {
        let Role::Leading(leadership) = &mut self.role else { return };
        if std::mem::replace(&mut leadership.has_hurried, true) {
            self.renew_soon(now);
        } else {
            // Sent at the very instant of the news they would prove nothing.
            let after = news.plus(Duration::from_nanos(1)).latest(now);
            leadership.next_renewal = leadership.next_renewal.earliest(after);
        }
    }

    fn adopt_joining(&mut self, now: Moment, voter: VoterIndex, ballot: Ballot, term: Term) {
        let Some(seen) = self.watched[voter].watch.as_ref().map(|watch| watch.observation.seen) else {
            return;
        };
        if self.settings.planted.has(Bug::AdoptInTwoSteps) {
            self.join(now, voter, seen.instance, term, self.settings.timing.ttl);
        } else {
            self.take_over(now, voter, ballot, (seen, false), term);
        }
    }

    /// Sending an adopt strikes the voter's entry: from now on it is unknown since when the voter is ours.
    fn take_over(&mut self, now: Moment, voter: VoterIndex, ballot: Ballot, basis: (Seen, bool), term: Term) {
        if let Role::Leading(leadership) = &mut self.role {
            leadership.ledger.strike(voter, now);
        }
        self.watched[voter].proposed = Some(now);
        self.adopt(now, voter, ballot, basis, term);
    }
}
