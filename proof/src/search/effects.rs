//! What each step makes of a state, and which promise it breaks.

use super::Variant;
use super::rules::{Attempt, QUORUM, Rules, Step, Term};
use super::state::{AttemptState, Bits, Grant, Phase, Reseed, State, VOTERS, members, name, set};
use super::voters::{Ask, View};
use crate::oracles::Promise;

impl Rules {
    /// Takes a step; the promise that it breaks, if it does.
    pub(super) fn take(&mut self, state: &mut State, step: Step) -> Option<Promise> {
        match step {
            Step::Begins(attempt, asked, hint) => self.begin(state, attempt, asked, hint),
            Step::AsksMore(attempt, voter) => {
                self.wait_for(state, voter);
                state.attempts[attempt].grants[voter] = Grant::UnderWay;
            }
            Step::GrantArrives(attempt, voter) => self.grant(state, attempt, voter),
            Step::HasQuorum(attempt, quorum) => return self.have_quorum(state, attempt, quorum),
            Step::ConfirmArrives(attempt, voter) => {
                let now = &state.attempts[attempt];
                let told = self.ask(state, voter, Ask::Confirm(attempt, now.term));
                // Silence is not agreement, and neither is another term.
                if told == Some(state.attempts[attempt].term) {
                    state.attempts[attempt].confirmed |= 1 << voter;
                }
            }
            Step::RoundEnds(attempt) => return self.end_round(state, attempt),
            Step::Fails(attempt) | Step::Ends(attempt) => state.attempts[attempt].give_up(),
            Step::ReleaseArrives(attempt, voter) => {
                self.ask(state, voter, Ask::Release(attempt));
            }
            Step::Forgets(voter) => {
                state.amnesias += 1;
                self.ask(state, voter, Ask::Forget);
            }
            Step::SeenJoining(voter, slot) => self.see_joining(state, voter, slot),
            Step::ReadsEarly(slot, other) | Step::Reads(slot, other) => {
                state.reseeds[slot].reads[other] = self.term(state, other) + 1;
            }
            Step::SendsJoin(slot) => self.send_join(state, slot),
            Step::JoinArrives(slot) => self.join(state, slot),
            Step::LeaderSees(attempt, voter) => {
                self.observe(state, voter);
                let now = &mut state.attempts[attempt];
                (now.target, now.fresh) = (name(voter), 0);
            }
            Step::LeaderConfirms(attempt, voter) => self.renew(state, attempt, voter),
            Step::Renews(attempt) => {
                let now = &mut state.attempts[attempt];
                now.renewal = (now.ledger, 0);
            }
            Step::SendsAdopt(attempt) => {
                let term = state.attempts[attempt].term;
                self.send_adopt(state, attempt, term);
            }
            Step::SendsAdoptWithFloor(attempt) => {
                let terms = (0..VOTERS).map(|voter| self.term(state, voter));
                let known =
                    state.attempts.iter().filter(|attempt| attempt.was_complete).map(|attempt| attempt.term);
                let floor = terms.chain(known).max().unwrap_or_default() + 1;
                self.send_adopt(state, attempt, floor);
            }
            Step::AdoptArrives(attempt, voter) => self.adopt(state, attempt, voter),
        }
        None
    }

    /// Asks a voter; where that changes it, whatever was to compare with what it was before is sure to be refused.
    fn ask(&mut self, state: &mut State, voter: usize, ask: Ask) -> Option<Term> {
        let told = self.voters.ask(state.voters[voter], ask);
        state.voters[voter] = told.voter;
        if told.changed {
            state.attempts.iter_mut().for_each(|attempt| attempt.outdate(voter));
        }
        if self.view(state, voter) != View::Joining {
            let about_it = state.reseeds.iter_mut().filter(|reseed| reseed.voter == name(voter));
            about_it.for_each(|reseed| *reseed = Reseed::default());
        }
        told.yes
    }

    fn observe(&mut self, state: &mut State, voter: usize) {
        self.ask(state, voter, Ask::Observe);
    }

    fn begin(&mut self, state: &mut State, attempt: Attempt, asked: Bits, hint: Term) {
        members(asked).for_each(|voter| self.wait_for(state, voter));
        let complete = |&other: &Attempt| state.attempts[other].was_complete;
        let after = (0..attempt).filter(complete).fold(0, |after, other| after | 1 << other);
        let now = &mut state.attempts[attempt];
        now.phase = Phase::Granting;
        (now.hint, now.after) = (hint, after);
        members(asked).for_each(|voter| now.grants[voter] = Grant::UnderWay);
    }

    /// Whoever takes a voter that another one holds has watched it for O. By then every belief that counts on what that
    /// voter last acknowledged is over, and so is the time for an attempt that has been granted it.
    fn wait_for(&self, state: &mut State, voter: usize) {
        if self.variant == Variant::NoWatch {
            return;
        }
        if let View::Member { holder: Some(holder), released: false, .. } = self.view(state, voter) {
            state.attempts[holder].outlast(voter);
        }
    }

    fn grant(&mut self, state: &mut State, attempt: Attempt, voter: usize) {
        let granted = self.ask(state, voter, Ask::Grant(attempt, state.attempts[attempt].hint));
        let now = &mut state.attempts[attempt];
        now.grants[voter] = match granted {
            Some(term) if now.phase == Phase::Granting => Grant::Granted(term),
            _ => Grant::Refused,
        };
        if granted.is_some() && now.phase == Phase::Leading {
            now.ledger |= 1 << voter;
        }
    }

    /// W and M are settled.
    fn have_quorum(&mut self, state: &mut State, attempt: Attempt, quorum: Bits) -> Option<Promise> {
        let now = &mut state.attempts[attempt];
        let granted = |voter: usize| match now.grants[voter] {
            Grant::Granted(term) => term,
            _ => 0,
        };
        let term = members(quorum).map(granted).max().unwrap_or_default();
        let agreed = members(quorum).all(|voter| granted(voter) == term);
        (now.electors, now.term) = (quorum, term);
        if agreed && self.variant == Variant::NoVerify {
            return Self::complete(state, attempt);
        }
        now.phase = if agreed { Phase::Verifying } else { Phase::Raising };
        None
    }

    fn end_round(&mut self, state: &mut State, attempt: Attempt) -> Option<Promise> {
        let now = &mut state.attempts[attempt];
        if now.phase == Phase::Raising && self.variant != Variant::NoVerify {
            (now.phase, now.confirmed) = (Phase::Verifying, 0);
            return None;
        }
        Self::complete(state, attempt)
    }

    /// The leadership is complete. Terms must be in order whether or not it may still believe.
    fn complete(state: &mut State, attempt: Attempt) -> Option<Promise> {
        let now = &mut state.attempts[attempt];
        let elected = set(|voter| matches!(now.grants[voter], Grant::Granted(_)));
        *now = AttemptState {
            phase: Phase::Leading,
            was_complete: true,
            believes: !now.expired,
            support: now.electors,
            ledger: elected,
            renewal: (elected, 0),
            confirmed: 0,
            electors: 0,
            ..*now
        };
        for grant in &mut now.grants {
            if matches!(grant, Grant::Granted(_)) {
                *grant = Grant::Refused;
            }
        }
        let now = *now;
        for (other, earlier) in state.attempts.iter().enumerate() {
            let is_earlier = now.after & (1 << other) != 0;
            let is_other = other != attempt && earlier.was_complete;
            if is_other && (earlier.term == now.term || (is_earlier && earlier.term > now.term)) {
                return Some(Promise::Order);
            }
        }
        let believers = state.attempts.iter().filter(|attempt| attempt.believes).count();
        (believers > 1).then_some(Promise::Exclusion)
    }

    fn see_joining(&mut self, state: &mut State, voter: usize, slot: usize) {
        self.observe(state, voter);
        let reseed = &mut state.reseeds[slot];
        (reseed.voter, reseed.seen) = (name(voter), true);
        reseed.reads[voter] = 0;
    }

    /// Rule 11, *reseed*: after O(T), with the largest term of q other members.
    fn send_join(&mut self, state: &mut State, slot: usize) {
        let Reseed { voter, reads, .. } = state.reseeds[slot];
        if self.variant != Variant::NoQuarantine {
            state.attempts.iter_mut().for_each(|attempt| attempt.outlast(usize::from(voter) - 1));
        }
        let join = reads.iter().max().copied().unwrap_or_default();
        state.reseeds[slot] = Reseed { voter, join, ..Reseed::default() };
    }

    fn join(&mut self, state: &mut State, slot: usize) {
        let Reseed { voter, join, .. } = std::mem::take(&mut state.reseeds[slot]);
        self.ask(state, usize::from(voter) - 1, Ask::Join(join - 1));
    }

    fn renew(&mut self, state: &mut State, attempt: Attempt, voter: usize) {
        let term = state.attempts[attempt].term;
        let confirmed = self.ask(state, voter, Ask::Confirm(attempt, term));
        let now = &mut state.attempts[attempt];
        if confirmed.is_none() {
            return;
        }
        let place = 1 << voter;
        now.ledger |= place;
        if now.target != 0 {
            now.fresh |= place;
        }
        now.renewal.1 |= place & now.renewal.0;
        if now.believes && now.renewal.1.count_ones() >= QUORUM {
            now.support = now.renewal.1;
        }
    }

    /// Sending an adopt strikes the voter's entry.
    fn send_adopt(&mut self, state: &mut State, attempt: Attempt, term: Term) {
        let Some(target) = usize::from(state.attempts[attempt].target).checked_sub(1) else { return };
        self.wait_for(state, target);
        let now = &mut state.attempts[attempt];
        now.ledger &= !(1 << target);
        (now.target, now.fresh) = (0, 0);
        now.adopts[target] = term + 1;
    }

    fn adopt(&mut self, state: &mut State, attempt: Attempt, voter: usize) {
        let term = state.attempts[attempt].adopts[voter] - 1;
        state.attempts[attempt].adopts[voter] = 0;
        if self.variant == Variant::AdoptInTwoSteps && self.view(state, voter) == View::Joining {
            self.ask(state, voter, Ask::Join(term));
            return;
        }
        let adopted = self.ask(state, voter, Ask::Adopt(attempt, term));
        if adopted.is_some() && state.attempts[attempt].phase == Phase::Leading {
            state.attempts[attempt].ledger |= 1 << voter;
        }
    }
}

impl Reseed {
    /// Nobody is at work on a voter here; terms may have been read too early, where that is not forbidden.
    pub(super) fn is_free(self) -> bool {
        !self.seen && self.join == 0
    }
}

impl AttemptState {
    /// Everything is given back, but what is under way stays so.
    fn give_up(&mut self) {
        let Self { grants, adopts, term, was_complete, after, hint, .. } = *self;
        let under_way = grants.contains(&Grant::UnderWay);
        *self = Self {
            phase: Phase::Over,
            adopts,
            was_complete,
            after: if was_complete { after } else { 0 },
            term: if was_complete { term } else { 0 },
            hint: if under_way { hint } else { 0 },
            grants: grants.map(|grant| if grant == Grant::UnderWay { grant } else { Grant::Refused }),
            ..Self::default()
        };
    }

    /// What counts on this voter's earlier word is over.
    fn outlast(&mut self, voter: usize) {
        let place = 1 << voter;
        let took = matches!(self.grants[voter], Grant::Granted(_));
        match self.phase {
            Phase::Granting | Phase::Raising | Phase::Verifying if took => self.expired = true,
            Phase::Leading => {
                if self.support & place != 0 {
                    (self.believes, self.support) = (false, 0);
                }
                if self.renewal.1 & place != 0 {
                    self.renewal = (0, 0);
                }
            }
            _ => {}
        }
    }

    /// The voter has changed: what was to compare with its earlier version is sure to be refused.
    fn outdate(&mut self, voter: usize) {
        if self.grants[voter] == Grant::UnderWay {
            self.grants[voter] = Grant::Refused;
        }
        self.adopts[voter] = 0;
        if self.target == name(voter) {
            (self.target, self.fresh) = (0, 0);
        }
    }
}
