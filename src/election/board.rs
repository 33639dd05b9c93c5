//! What the election's task last wrote down for those who ask about more than the claim.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::claim::Claim;
use super::news::{Leader, Transition, rfc3339};
use super::status::{Aside, ForeignKey, Phase, StandingWord, VoterStatus};
use crate::core::{Ballot, Moment, Now, Standing, Term, VoterIndex, VoterView, observer_wait};

/// How many of the latest changes `/status` shows.
const TRANSITIONS_KEPT: usize = 16;

/// What a candidate does while it does not lead, or while it gives up leading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Observing,
    Electing,
    Stopping,
    /// Stands back until then; `None`: for good.
    Resigned(Option<Moment>),
}

impl Stage {
    pub(super) fn phase(self, claim: Option<&Claim>, now: Moment) -> Phase {
        match (self, claim.filter(|claim| claim.holds(now))) {
            (Self::Stopping, _) => Phase::Stopping,
            (_, Some(claim)) if claim.leads_before_soft(now) => Phase::Leading,
            (_, Some(_)) => Phase::Jeopardy,
            (Self::Resigned(None), None) => Phase::Resigned,
            (Self::Resigned(Some(end)), None) if now.is_before(end) => Phase::Resigned,
            (Self::Electing, None) => Phase::Electing,
            (Self::Observing | Self::Resigned(Some(_)), None) => Phase::Observing,
        }
    }
}

/// A leader as the voters show it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ObservedLeader {
    pub(super) ballot: Ballot,
    pub(super) leader: Leader,
    /// When a voter last showed that it had renewed.
    pub(super) last_sign: Moment,
    /// Its ttl, by its record.
    pub(super) ttl: Duration,
}

impl ObservedLeader {
    /// It may still lead: it renewed within O.
    pub(super) fn is_live(&self, now: Moment) -> bool {
        now.observer_elapsed(self.last_sign) < observer_wait(self.ttl)
    }
}

/// What is known about one voter.
#[derive(Clone, Debug, Default)]
pub(crate) struct VoterState {
    pub(crate) view: VoterView,
    /// Its clock minus ours, in seconds.
    pub(crate) clock_offset: Option<f64>,
    pub(crate) version: Option<Arc<str>>,
    pub(crate) error: Option<Arc<str>>,
}

/// What the voters are worth.
pub(super) struct Strength {
    /// How many answer now; of those that are one server none does.
    pub(super) answering: usize,
    /// How many are servers of their own, as far as is known.
    pub(super) distinct: usize,
}

pub(super) struct Board {
    pub(super) stage: Stage,
    pub(super) aside: Option<Aside>,
    pub(super) role_since_us: u64,
    pub(super) observed: Option<ObservedLeader>,
    pub(super) is_jeopardy_told: bool,
    pub(super) news_id: u64,
    voters: Vec<VoterState>,
    transitions: VecDeque<Transition>,
}

impl Board {
    pub(super) fn new(voters: usize, now: Now) -> Self {
        Self {
            stage: Stage::Observing,
            aside: None,
            role_since_us: now.wall_us,
            observed: None,
            is_jeopardy_told: false,
            news_id: 0,
            voters: vec![VoterState::default(); voters],
            transitions: VecDeque::with_capacity(TRANSITIONS_KEPT),
        }
    }

    pub(super) fn begin_role(&mut self, now: Now) {
        self.role_since_us = now.wall_us;
        self.is_jeopardy_told = false;
        self.stage = Stage::Observing;
    }

    pub(super) fn remember(
        &mut self,
        now: Now,
        event: &'static str,
        term: Option<Term>,
        reason: Option<&'static str>,
    ) {
        if self.transitions.len() == TRANSITIONS_KEPT {
            self.transitions.pop_front();
        }
        self.transitions.push_back(Transition { at: rfc3339(now.wall_us), event, term, reason });
    }

    pub(super) fn transitions(&self) -> Vec<Transition> {
        self.transitions.iter().cloned().collect()
    }

    /// Answers what all of them are worth now.
    pub(super) fn set_voter(&mut self, voter: VoterIndex, state: VoterState) -> Strength {
        if let Some(place) = self.voters.get_mut(voter) {
            *place = state;
        }
        Strength {
            answering: self.voters.iter().filter(|voter| voter.counts()).count(),
            distinct: self.voters.iter().filter(|voter| voter.view.same_server.is_none()).count(),
        }
    }

    pub(super) fn is_same_leader(&self, observed: Option<&ObservedLeader>) -> bool {
        let key = |leader: &ObservedLeader| (leader.ballot, leader.leader.term);
        self.observed.as_ref().map(key) == observed.map(key)
    }

    /// Of a leader; a voter whose last acknowledgement has lapsed holds nothing any more.
    pub(super) fn voters_held(&self, leads: bool, now: Moment) -> usize {
        self.voters.iter().filter(|voter| leads && voter.holds_us(now)).count()
    }

    pub(super) fn voter_statuses(&self, names: &[String], leads: bool, now: Moment) -> Vec<VoterStatus> {
        names.iter().zip(&self.voters).map(|(name, voter)| voter.status(name, leads, now)).collect()
    }
}

impl VoterState {
    fn counts(&self) -> bool {
        self.view.reachable && self.view.same_server.is_none()
    }

    fn holds_us(&self, now: Moment) -> bool {
        self.view.held_until.is_some_and(|until| now.is_before(until))
    }

    fn status(&self, name: &str, leads: bool, now: Moment) -> VoterStatus {
        VoterStatus {
            name: name.to_owned(),
            reachable: self.counts(),
            standing: self.view.observation.map(|seen| match seen.standing {
                Standing::Member => StandingWord::Member,
                Standing::Joining => StandingWord::Joining,
            }),
            holds_us: leads && self.holds_us(now),
            round_trip_ms: self.view.round_trip.map(|took| to_hundredth(took.as_secs_f64() * 1e3)),
            clock_offset_ms: self.clock_offset.map(|seconds| to_hundredth(seconds * 1e3)),
            version: self.version.as_deref().map(str::to_owned),
            foreign_key: self.view.observation.and_then(|seen| ForeignKey::of(seen.key)),
            error: self.error.as_deref().map(str::to_owned),
        }
    }
}

/// Two digits after the point are what people read.
fn to_hundredth(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
