//! Rules 3 to 5: grant, raise, verify.

use std::time::Duration;

use super::asking::Pending;
use super::leading::Leadership;
use super::{Candidate, Role};
use crate::core::event::{Action, VoterIndex};
use crate::core::planted::Bug;
use crate::core::record::{Answer, Ballot, Term};
use crate::core::time::Moment;
use crate::core::voter_set::VoterSet;

/// The random pause after a failed attempt is at most this many round trips, doubled with each further failure …
const PAUSE_ROUND_TRIPS: u32 = 4;
/// … this often at the most,
const MOST_DOUBLINGS: u32 = 6;
/// … and never longer than this part of the ttl: a split vote must not wait the ttl out.
const LONGEST_PAUSE_OF_TTL: u32 = 8;

/// A voter that granted.
#[derive(Clone, Copy, Debug)]
struct Grant {
    voter: VoterIndex,
    term: Term,
    received: Moment,
}

/// What the attempt waits for.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// q grants.
    Granting,
    /// Every voter of W at the term M.
    Raising(Round),
    /// Every voter of W again, so that all of W was held at one instant.
    Verifying(Round),
}

/// One round of confirms to exactly W.
#[derive(Clone, Copy, Debug)]
struct Round {
    term: Term,
    sent: Moment,
    acknowledged: VoterSet,
}

/// One try to be elected.
#[derive(Debug)]
pub(super) struct Attempt {
    ballot: Ballot,
    /// t₀: read before the first grant was sent.
    begun: Moment,
    /// When the present step began.
    step_begun: Moment,
    step: Step,
    asked: VoterSet,
    /// Voters that stayed silent in the last attempt.
    spared: VoterSet,
    /// Voters that said no, or nothing.
    refused: VoterSet,
    /// Voters that said no: they do not hold the ballot, so there is nothing to give back.
    denied: VoterSet,
    /// In the order of their arrival; the first q are W.
    granted: Vec<Grant>,
    /// W, once it is complete.
    electors: VoterSet,
}

impl Attempt {
    pub(super) fn deadline(&self, step_limit: Duration) -> Moment {
        self.step_begun.plus(step_limit)
    }

    fn granted_voters(&self) -> VoterSet {
        self.granted.iter().map(|grant| grant.voter).collect()
    }

    /// Who was asked in the present step and has said nothing.
    fn silent(&self) -> VoterSet {
        match self.step {
            Step::Granting => self.asked.without(self.granted_voters()).without(self.refused),
            Step::Raising(round) | Step::Verifying(round) => self.electors.without(round.acknowledged),
        }
    }
}

impl Candidate {
    pub(super) fn begin_attempt(&mut self, now: Moment, eligible: VoterSet) {
        let fresh = Ballot(self.random_128());
        let reused =
            self.dead_ballots.back().copied().filter(|_| self.settings.planted.has(Bug::BallotReused));
        let ballot = reused.unwrap_or(fresh);
        let spared = std::mem::take(&mut self.left_out).without(eligible);
        self.role = Role::Electing(Attempt {
            ballot,
            begun: now,
            step_begun: now,
            step: Step::Granting,
            asked: eligible,
            spared,
            refused: VoterSet::EMPTY,
            denied: VoterSet::EMPTY,
            granted: Vec::with_capacity(self.watched.len()),
            electors: VoterSet::EMPTY,
        });
        for voter in eligible.iter() {
            if let Some(basis) = self.grantable(voter, now) {
                self.watched[voter].forget_told();
                self.grant(now, voter, ballot, basis);
            }
        }
    }

    /// Time passed, or something was learnt, while electing: more voters may have become eligible, or the step may
    /// have run past its budget.
    pub(super) fn continue_attempt(&mut self, now: Moment) {
        let limit = self.settings.timing.voter_timeout;
        let Role::Electing(attempt) = &self.role else { return };
        let over = attempt.deadline(limit).is_at_or_before(now);
        if over || !now.is_before(attempt.begun.plus(self.validity())) || self.inertia.is_some() {
            self.fail_attempt(now);
            return;
        }
        if !matches!(attempt.step, Step::Granting) {
            return;
        }
        let (ballot, asked) = (attempt.ballot, attempt.asked.with(attempt.spared));
        for voter in self.grantable_voters(now).without(asked).iter() {
            if let (Some(basis), Role::Electing(attempt)) = (self.grantable(voter, now), &mut self.role) {
                attempt.asked.insert(voter);
                self.watched[voter].forget_told();
                self.grant(now, voter, ballot, basis);
            }
        }
    }

    pub(super) fn on_grant_answer(
        &mut self,
        now: Moment,
        pending: &Pending,
        ballot: Ballot,
        received: Moment,
        answer: Answer,
    ) {
        let accept_stale = self.settings.planted.has(Bug::StaleReplyAccepted);
        let quorum = self.quorum();
        match &mut self.role {
            Role::Electing(attempt) if attempt.ballot == ballot || accept_stale => {
                if let Answer::Granted { term, .. } = answer {
                    attempt.granted.push(Grant { voter: pending.voter, term, received });
                    if matches!(attempt.step, Step::Granting) && attempt.granted.len() == quorum {
                        self.on_quorum_granted(now);
                    }
                } else {
                    attempt.refused.insert(pending.voter);
                    if matches!(answer, Answer::Refused(_)) {
                        attempt.denied.insert(pending.voter);
                    }
                    let possible = attempt.asked.without(attempt.refused).with(attempt.granted_voters());
                    if answer == Answer::Silent {
                        self.left_out.insert(pending.voter);
                    }
                    if possible.len() < quorum {
                        self.fail_attempt(now);
                    }
                }
            }
            Role::Leading(leadership) if leadership.ballot() == ballot => {
                if matches!(answer, Answer::Granted { .. }) {
                    leadership.taken(pending.voter, pending.sent, received);
                }
            }
            _ => {}
        }
    }

    /// W is complete; M is its largest term.
    fn on_quorum_granted(&mut self, now: Moment) {
        let Role::Electing(attempt) = &mut self.role else { return };
        attempt.electors = attempt.granted_voters();
        let term = attempt.granted.iter().map(|grant| grant.term).max().unwrap_or_default();
        let agreed = attempt.granted.iter().all(|grant| grant.term == term);
        if agreed && self.settings.planted.has(Bug::NoVerify) {
            let begun = attempt.begun;
            self.become_leader(now, term, begun);
        } else {
            self.begin_round(now, term, if agreed { Step::Verifying } else { Step::Raising });
        }
    }

    fn begin_round(&mut self, now: Moment, term: Term, step: fn(Round) -> Step) {
        let Role::Electing(attempt) = &mut self.role else { return };
        attempt.step = step(Round { term, sent: now, acknowledged: VoterSet::EMPTY });
        attempt.step_begun = now;
        let (ballot, electors) = (attempt.ballot, attempt.electors);
        electors.iter().for_each(|voter| self.confirm(now, voter, ballot, term));
    }

    /// An answer to a confirm of the running attempt: all of W must say exactly M; silence is not agreement.
    pub(super) fn on_round_answer(&mut self, now: Moment, pending: &Pending, ballot: Ballot, answer: Answer) {
        let Role::Electing(attempt) = &mut self.role else { return };
        let (Step::Raising(round) | Step::Verifying(round)) = &mut attempt.step else { return };
        if attempt.ballot != ballot || pending.sent != round.sent {
            return;
        }
        if answer != (Answer::Confirmed { term: round.term }) {
            if answer == Answer::Silent {
                self.left_out.insert(pending.voter);
            }
            self.fail_attempt(now);
            return;
        }
        round.acknowledged.insert(pending.voter);
        if round.acknowledged != attempt.electors {
            return;
        }
        match attempt.step {
            Step::Granting => {}
            Step::Raising(round) if self.settings.planted.has(Bug::NoVerify) => {
                let begun = attempt.begun;
                self.become_leader(now, round.term, begun);
            }
            Step::Raising(round) => self.begin_round(now, round.term, Step::Verifying),
            Step::Verifying(round) => self.become_leader(now, round.term, round.sent),
        }
    }

    /// Leads until `verified` + D, provided that the whole attempt took less than D.
    fn become_leader(&mut self, now: Moment, term: Term, verified: Moment) {
        let Role::Electing(attempt) = &self.role else { return };
        let took = now.leader_elapsed(attempt.begun);
        if !now.is_before(attempt.begun.plus(self.validity())) {
            self.fail_attempt(now);
            return;
        }
        let mut leadership = Leadership::new(attempt.ballot, term, &self.settings, self.quorum(), now);
        for grant in &attempt.granted {
            if attempt.electors.contains(grant.voter) {
                leadership.verified(grant.voter, verified);
            } else {
                leadership.taken(grant.voter, attempt.begun, grant.received);
            }
        }
        leadership.begin_validity(verified, self.validity());
        let until = leadership.until();
        self.failures_in_a_row = 0;
        self.left_out = VoterSet::EMPTY;
        self.halt_told = false;
        self.first_floor = 0;
        self.largest_term = self.largest_term.max(term);
        self.watched.iter_mut().for_each(super::watching::Watched::forget_time);
        self.role = Role::Leading(leadership);
        self.actions.push_back(Action::Elected { term, until, took });
    }

    /// Gives back whatever was granted, and lets chance decide who tries next.
    pub(super) fn fail_attempt(&mut self, now: Moment) {
        let Role::Electing(attempt) = &self.role else { return };
        let (ballot, denied) = (attempt.ballot, attempt.denied);
        if attempt.deadline(self.settings.timing.voter_timeout).is_at_or_before(now) {
            self.left_out = self.left_out.with(attempt.silent());
        }
        self.actions.push_back(Action::AttemptFailed);
        self.become_standby(now, ballot, denied);
        let doublings = self.failures_in_a_row.min(MOST_DOUBLINGS);
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let longest = (self.round_trip() * PAUSE_ROUND_TRIPS * (1 << doublings))
            .min(self.settings.timing.ttl / LONGEST_PAUSE_OF_TTL);
        let pause = now.plus(self.random_below(longest));
        self.paused_until = self.paused_until.latest(pause);
        for watched in &mut self.watched {
            watched.forget_told();
            watched.poll_at = Some(pause);
            watched.given_back = Some(now);
        }
    }
}
