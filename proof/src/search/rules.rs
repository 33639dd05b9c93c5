//! The rules of protocol.md §4 for candidates, told again for a world without time: what may happen next in a state.

use super::state::{Bits, Grant, Phase, Reseed, State, VOTERS, members, name, set};
use super::voters::{View, Voters};
use super::{Bounds, Variant};
use crate::oracles::Promise;

/// Which attempt, in the order of their beginning.
pub(super) type Attempt = usize;
/// A term; those of a search are small.
pub(super) type Term = u8;

/// Of three.
pub(super) const QUORUM: u32 = 2;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The attempt asks these voters, with this hint.
    Begins(Attempt, Bits, Term),
    /// It asks one more.
    AsksMore(Attempt, usize),
    GrantArrives(Attempt, usize),
    /// The grants of these voters were received first.
    HasQuorum(Attempt, Bits),
    ConfirmArrives(Attempt, usize),
    /// All of W have confirmed the term.
    RoundEnds(Attempt),
    /// Something went wrong, or took too long.
    Fails(Attempt),
    Ends(Attempt),
    ReleaseArrives(Attempt, usize),
    Forgets(usize),
    /// A candidate sees the voter joining, and is about to let it vote again: this one of those that are not yet.
    SeenJoining(usize, usize),
    /// A candidate reads members for a reseed to come.
    ReadsEarly(usize, usize),
    Reads(usize, usize),
    SendsJoin(usize),
    JoinArrives(usize),
    /// The leader sees a voter that it does not hold.
    LeaderSees(Attempt, usize),
    LeaderConfirms(Attempt, usize),
    Renews(Attempt),
    SendsAdopt(Attempt),
    SendsAdoptWithFloor(Attempt),
    AdoptArrives(Attempt, usize),
}

/// What may happen, over the voters' memories that have occurred.
pub(super) struct Rules {
    pub(super) voters: Voters,
    pub(super) variant: Variant,
    bounds: Bounds,
}

impl Rules {
    pub(super) fn new(variant: Variant, bounds: Bounds) -> Self {
        Self { voters: Voters::default(), variant, bounds }
    }

    /// Calls `visit` with every step that is possible, the state it leads to, and the promise that it breaks.
    pub(super) fn for_each_step(
        &mut self,
        state: &State,
        mut visit: impl FnMut(Step, State, Option<Promise>),
    ) {
        for step in self.possible(state) {
            let mut next = *state;
            let breaks = self.take(&mut next, step);
            if next != *state || breaks.is_some() {
                visit(step, next, breaks);
            }
        }
    }

    fn possible(&self, state: &State) -> Vec<Step> {
        let mut steps = Vec::with_capacity(32);
        for attempt in 0..self.bounds.attempts {
            self.possible_of_attempt(state, attempt, &mut steps);
        }
        for voter in 0..VOTERS {
            if state.amnesias < self.bounds.amnesias && self.view(state, voter) != View::Forgotten {
                steps.push(Step::Forgets(voter));
            }
            if self.may_be_seen_joining(state, voter) {
                let free =
                    (0..usize::from(self.bounds.amnesias)).filter(|&slot| state.reseeds[slot].is_free());
                steps.extend(free.map(|slot| Step::SeenJoining(voter, slot)));
            }
        }
        for slot in 0..usize::from(self.bounds.amnesias) {
            self.possible_of_reseed(state, slot, &mut steps);
        }
        steps
    }

    fn possible_of_attempt(&self, state: &State, attempt: Attempt, steps: &mut Vec<Step>) {
        let now = &state.attempts[attempt];
        match now.phase {
            Phase::Idle => self.possible_beginnings(state, attempt, steps),
            Phase::Granting => {
                let granted = set(|voter| matches!(now.grants[voter], Grant::Granted(_)));
                let quorums = (1..1 << VOTERS).filter(|quorum: &Bits| quorum.count_ones() == self.quorum());
                steps.extend(
                    quorums
                        .filter(|quorum| quorum & !granted == 0)
                        .map(|quorum| Step::HasQuorum(attempt, quorum)),
                );
                steps.push(Step::Fails(attempt));
            }
            Phase::Raising | Phase::Verifying => {
                let waits = members(now.electors & !now.confirmed);
                steps.extend(waits.map(|voter| Step::ConfirmArrives(attempt, voter)));
                if now.confirmed == now.electors {
                    steps.push(Step::RoundEnds(attempt));
                }
                steps.push(Step::Fails(attempt));
            }
            Phase::Leading => self.possible_of_leader(state, attempt, steps),
            Phase::Over => {
                let held = (0..VOTERS).filter(|&voter| self.holds(state, attempt, voter));
                steps.extend(held.map(|voter| Step::ReleaseArrives(attempt, voter)));
            }
        }
        if self.bounds.heals && matches!(now.phase, Phase::Granting | Phase::Leading) {
            let others = (0..VOTERS).filter(|&voter| now.grants[voter] == Grant::NotAsked);
            let eligible = others.filter(|&voter| self.is_eligible(state, voter, attempt));
            steps.extend(eligible.map(|voter| Step::AsksMore(attempt, voter)));
        }
        let grants = (0..VOTERS).filter(|&voter| now.grants[voter] == Grant::UnderWay);
        steps.extend(grants.map(|voter| Step::GrantArrives(attempt, voter)));
        let adopts = (0..VOTERS).filter(|&voter| now.adopts[voter] > 0);
        steps.extend(adopts.map(|voter| Step::AdoptArrives(attempt, voter)));
    }

    /// Attempts begin in the order of their numbers; a candidate may know of larger terms than those it asks.
    fn possible_beginnings(&self, state: &State, attempt: Attempt, steps: &mut Vec<Step>) {
        if attempt > 0 && state.attempts[attempt - 1].phase == Phase::Idle {
            return;
        }
        let eligible = set(|voter| self.is_eligible(state, voter, attempt));
        let term =
            |voters: Bits| members(voters).map(|voter| self.term(state, voter)).max().unwrap_or_default();
        let largest = term(set(|voter| matches!(self.view(state, voter), View::Member { .. })));
        for asked in (1..1 << VOTERS).filter(|asked: &Bits| asked & !eligible == 0) {
            if asked.count_ones() >= self.quorum() {
                steps.push(Step::Begins(attempt, asked, term(asked) + 1));
                if self.bounds.heals && term(asked) < largest {
                    steps.push(Step::Begins(attempt, asked, largest + 1));
                }
            }
        }
    }

    fn possible_of_leader(&self, state: &State, attempt: Attempt, steps: &mut Vec<Step>) {
        let now = &state.attempts[attempt];
        steps.push(Step::Ends(attempt));
        if now.renewal != (now.ledger, 0) {
            steps.push(Step::Renews(attempt));
        }
        for voter in 0..VOTERS {
            if self.holds(state, attempt, voter) {
                steps.push(Step::LeaderConfirms(attempt, voter));
            } else if self.bounds.heals && usize::from(now.target) != voter + 1 && now.adopts[voter] == 0 {
                steps.push(Step::LeaderSees(attempt, voter));
            }
        }
        let Some(target) = usize::from(now.target).checked_sub(1) else { return };
        let is_joining = self.view(state, target) == View::Joining;
        let may_be_taken = is_joining || self.is_eligible(state, target, attempt);
        if may_be_taken && now.fresh.count_ones() >= QUORUM {
            steps.push(Step::SendsAdopt(attempt));
        }
        // Not by one whose clock has stopped: that limit is stated.
        if is_joining && now.believes {
            steps.push(Step::SendsAdoptWithFloor(attempt));
        }
    }

    fn possible_of_reseed(&self, state: &State, slot: usize, steps: &mut Vec<Step>) {
        let Reseed { voter, seen, reads, join } = state.reseeds[slot];
        if join > 0 {
            steps.push(Step::JoinArrives(slot));
        }
        let others = (0..VOTERS).filter(|&other| other + 1 != usize::from(voter) && reads[other] == 0);
        let readable = others.filter(|&other| matches!(self.view(state, other), View::Member { .. }));
        if seen {
            steps.extend(readable.map(|other| Step::Reads(slot, other)));
            if reads.iter().filter(|&&read| read > 0).count() >= 2 {
                steps.push(Step::SendsJoin(slot));
            }
        } else if self.variant == Variant::EarlyReseedReads && join == 0 {
            steps.extend(readable.map(|other| Step::ReadsEarly(slot, other)));
        }
    }

    fn may_be_seen_joining(&self, state: &State, voter: usize) -> bool {
        let is_new = !state.reseeds.iter().any(|reseed| reseed.seen && reseed.voter == name(voter));
        matches!(self.view(state, voter), View::Forgotten | View::Joining) && is_new
    }

    /// Rule 2, with the waiting done: released, or watched for O.
    pub(super) fn is_eligible(&self, state: &State, voter: usize, attempt: Attempt) -> bool {
        matches!(self.view(state, voter), View::Member { holder, .. } if holder != Some(attempt))
    }

    pub(super) fn holds(&self, state: &State, attempt: Attempt, voter: usize) -> bool {
        matches!(self.view(state, voter), View::Member { holder: Some(holder), released: false, .. } if holder == attempt)
    }

    pub(super) fn view(&self, state: &State, voter: usize) -> View {
        self.voters.view(state.voters[voter])
    }

    pub(super) fn term(&self, state: &State, voter: usize) -> Term {
        match self.view(state, voter) {
            View::Member { term, .. } => term,
            View::Forgotten | View::Joining => 0,
        }
    }

    fn quorum(&self) -> u32 {
        if self.variant == Variant::QuorumOfHalf { 1 } else { QUORUM }
    }
}
