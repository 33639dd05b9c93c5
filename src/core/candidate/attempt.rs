//! Rules 3 to 5: grant, raise, verify.

use std::time::Duration;

use super::asking::Pending;
use super::leading::Leadership;
use super::watched::Watched;
use super::{Candidate, Role, Wake};
use crate::core::event::{Action, VoterIndex};
use crate::core::planted::Bug;
use crate::core::record::{Answer, Ballot, Refusal, Term};
use crate::core::time::Moment;
use crate::core::voter_set::VoterSet;

/// The pause after a failed attempt is this many round trips, …
const LEAST_PAUSE_ROUND_TRIPS: u32 = 2;
/// … and a random part of so many more, doubled with each further failure of the same race …
const PAUSE_ROUND_TRIPS: u32 = 4;
/// … this often at the most,
const MOST_DOUBLINGS: u32 = 6;
/// … and, all in all, never longer than this part of the ttl: a split vote must not wait the ttl out.
const LONGEST_PAUSE_OF_TTL: u32 = 8;

/// While an attempt has waited for its grants less than this many round trips it asks no more voters than could make
/// a quorum: whoever else stands for election is refused by few instead of by all, and servers that share a machine
/// work on what is waited for. Then it asks the rest, too, so that nothing waits for the slowest.
const HEDGE_ROUND_TRIPS: u32 = 2;
/// A voter whose round trip is this many times that of the q-th quickest is asked last.
const SLOW_TIMES: u32 = 2;

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
    /// The term that all grants of the attempt propose: larger than any that was seen before.
    hint: Term,
    /// t₀: read before the first grant was sent.
    begun: Moment,
    /// When the present step began.
    step_begun: Moment,
    step: Step,
    /// Voters that were asked for a grant.
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

    /// The step has run past its budget. Asked before an answer counts: a candidate that slept reads answers first.
    fn is_over(&self, now: Moment, step_limit: Duration) -> bool {
        self.deadline(step_limit).is_at_or_before(now)
    }

    /// In time for an answer within the step, even if the round trip was measured in a bad moment.
    fn hedge_at(&self, round_trip: Duration, step_limit: Duration) -> Moment {
        self.begun.plus((round_trip * HEDGE_ROUND_TRIPS).min(step_limit / 2))
    }

    pub(super) fn wakes(&self, round_trip: Duration, step_limit: Duration, wake: &mut Wake) {
        if matches!(self.step, Step::Granting) {
            wake.at(self.hedge_at(round_trip, step_limit));
        }
        wake.at(self.deadline(step_limit));
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
            hint: self.largest_term + 1,
            begun: now,
            step_begun: now,
            step: Step::Granting,
            asked: VoterSet::EMPTY,
            spared,
            refused: VoterSet::EMPTY,
            denied: VoterSet::EMPTY,
            granted: Vec::with_capacity(self.watched.len()),
            electors: VoterSet::EMPTY,
        });
        // What hints told belongs to the attempt now: no need to look.
        self.watched.iter_mut().for_each(Watched::put_off_looking);
        self.ask_for_grants(now);
    }

    /// Asks as many voters as could make a quorum, once all that were asked have answered as many as are then missing,
    /// and all where the step takes long. Fails the attempt where too few are left.
    fn ask_for_grants(&mut self, now: Moment) {
        let quorum = self.quorum();
        let Role::Electing(attempt) = &self.role else { return };
        let (ballot, hint, open) = (attempt.ballot, attempt.hint, attempt.asked.without(attempt.refused));
        let fresh = self.grantable_voters(now).without(attempt.asked).without(attempt.spared);
        if open.len() + fresh.len() < quorum {
            self.fail_attempt(now);
            return;
        }
        let limit = self.settings.timing.voter_timeout;
        let is_late = attempt.hedge_at(self.round_trip(), limit).is_at_or_before(now);
        let wanted = match open.len() {
            _ if is_late => fresh.len(),
            // More answers are coming: where one is no because somebody else was first, the others mostly are, too.
            open if open > attempt.granted.len() => 0,
            open => quorum.saturating_sub(open),
        };
        for voter in self.quick_ones_first(fresh).take(wanted).collect::<Vec<_>>() {
            self.ask_for_grant(now, voter, ballot, hint);
        }
    }

    fn ask_for_grant(&mut self, now: Moment, voter: VoterIndex, ballot: Ballot, hint: Term) {
        let Some(basis) = self.grantable(voter, now) else { return };
        if let Role::Electing(attempt) = &mut self.role {
            attempt.asked.insert(voter);
        }
        self.watched[voter].forget_told();
        self.grant(now, voter, ballot, basis, hint);
    }

    /// In the order of the configuration, which candidates mostly share: whoever is first at the first voter then is
    /// mostly first at the next ones, too, and votes are seldom split. (Where they do not share it, more votes are.)
    fn quick_ones_first(&self, voters: VoterSet) -> impl Iterator<Item = VoterIndex> + use<> {
        let limit = self.round_trip() * SLOW_TIMES;
        let slow = |&voter: &VoterIndex| self.watched[voter].round_trip.is_some_and(|took| took > limit);
        let slow: VoterSet = voters.iter().filter(slow).collect();
        voters.without(slow).iter().chain(slow.iter())
    }

    /// Time passed, or something was learnt, while electing: more voters may have become eligible, or the step may
    /// have run past its budget.
    pub(super) fn continue_attempt(&mut self, now: Moment) {
        let limit = self.settings.timing.voter_timeout;
        let Role::Electing(attempt) = &self.role else { return };
        let over = attempt.is_over(now, limit);
        if over || !now.is_before(attempt.begun.plus(self.validity())) || self.inertia.is_some() {
            self.fail_attempt(now);
            return;
        }
        if !matches!(attempt.step, Step::Granting) {
            return;
        }
        self.ask_for_grants(now);
    }

    pub(super) fn on_grant_answer(
        &mut self,
        now: Moment,
        pending: &Pending,
        ballot: Ballot,
        received: Moment,
        answer: &Answer,
    ) {
        let accept_stale = self.settings.planted.has(Bug::StaleReplyAccepted);
        let (quorum, limit) = (self.quorum(), self.settings.timing.voter_timeout);
        match &mut self.role {
            Role::Electing(attempt) if attempt.ballot == ballot && attempt.is_over(now, limit) => {
                self.fail_attempt(now);
            }
            Role::Electing(attempt) if attempt.ballot == ballot || accept_stale => {
                if let &Answer::Granted { term, .. } = answer {
                    attempt.granted.push(Grant { voter: pending.voter, term, received });
                    if matches!(attempt.step, Step::Granting) && attempt.granted.len() == quorum {
                        self.on_quorum_granted(now);
                    }
                } else {
                    attempt.refused.insert(pending.voter);
                    // Another reason may pass, and let a late duplicate of the grant through.
                    if let Answer::Refused(Refusal::Changed | Refusal::Joining | Refusal::Released) = answer {
                        attempt.denied.insert(pending.voter);
                    }
                    if *answer == Answer::Silent {
                        self.left_out.insert(pending.voter);
                    }
                    if matches!(attempt.step, Step::Granting) {
                        self.ask_for_grants(now);
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
    pub(super) fn on_round_answer(
        &mut self,
        now: Moment,
        pending: &Pending,
        ballot: Ballot,
        answer: &Answer,
    ) {
        let limit = self.settings.timing.voter_timeout;
        let Role::Electing(attempt) = &mut self.role else { return };
        let is_over = attempt.is_over(now, limit);
        let (Step::Raising(round) | Step::Verifying(round)) = &mut attempt.step else { return };
        if attempt.ballot != ballot || pending.sent != round.sent {
            return;
        }
        if is_over {
            self.fail_attempt(now);
            return;
        }
        if *answer != (Answer::Confirmed { term: round.term }) {
            if *answer == Answer::Silent {
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
        let (ballot, asked) = (attempt.ballot, attempt.asked.with(attempt.spared));
        let mut leadership = Leadership::new(ballot, term, &self.settings, self.quorum(), now);
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
        self.watched.iter_mut().for_each(Watched::forget_time);
        self.role = Role::Leading(leadership);
        self.actions.push_back(Action::Elected { term, until, took });
        self.ask_the_rest(now, asked, verified, ballot, term);
    }

    /// Asks the voters that the attempt did not need, no different from grants that were sent earlier and took long:
    /// only over what was known before the verification was sent. That was acknowledged by all of W, so no newer
    /// leadership had completed when it was known (as rule 7 has it for adopting).
    fn ask_the_rest(&mut self, now: Moment, asked: VoterSet, verified: Moment, ballot: Ballot, term: Term) {
        for voter in self.grantable_voters(now).without(asked).iter() {
            if self.watched[voter].known_since().is_some_and(|since| since.is_at_or_before(verified)) {
                self.ask_for_grant(now, voter, ballot, term);
            }
        }
    }

    /// Gives back whatever was granted, and lets chance decide who tries next.
    pub(super) fn fail_attempt(&mut self, now: Moment) {
        let Role::Electing(attempt) = &self.role else { return };
        let (ballot, denied) = (attempt.ballot, attempt.denied);
        if attempt.is_over(now, self.settings.timing.voter_timeout) {
            self.left_out = self.left_out.with(attempt.silent());
        }
        self.actions.push_back(Action::AttemptFailed);
        self.become_standby(now, ballot, denied);
        let pause = now.plus(self.pause_after_failure(now));
        self.paused_until = self.paused_until.latest(pause);
        for watched in &mut self.watched {
            watched.forget_told();
            watched.poll_at = Some(pause);
            watched.given_back = Some(now);
        }
    }

    /// Whoever was first needs about two round trips from here, and does not need company.
    fn pause_after_failure(&mut self, now: Moment) -> Duration {
        let ttl = self.settings.timing.ttl;
        if self.failed_at.is_none_or(|before| now.leader_elapsed(before) >= ttl) {
            self.failures_in_a_row = 0;
        }
        self.failed_at = Some(now);
        let doublings = self.failures_in_a_row.min(MOST_DOUBLINGS);
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let longest = ttl / LONGEST_PAUSE_OF_TTL;
        let least = (self.round_trip() * LEAST_PAUSE_ROUND_TRIPS).min(longest / 2);
        let most =
            (self.round_trip() * PAUSE_ROUND_TRIPS * (1 << doublings)).min(longest.saturating_sub(least));
        least + self.random_below(most)
    }
}
