//! The `/status` document.

use serde::Serialize;

use super::leadership::whole_ms;
use super::news::{Leader, Transition};
use crate::core::{LeaseKey, Term};

/// What a candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Now is before the end of its validity.
    Leader,
    /// It is not.
    Standby,
}

/// What a candidate is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Phase {
    /// Watching the voters.
    Observing,
    /// In an attempt to be elected.
    Electing,
    /// Leading; work may run.
    Leading,
    /// Leading, but too near to the end of validity for work to run.
    Jeopardy,
    /// Its work is being stopped.
    Stopping,
    /// Not campaigning, because it was asked to hand over.
    Resigned,
}

/// Whether a voter may vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StandingWord {
    /// It remembers and may vote.
    Member,
    /// It forgot and may not vote, yet.
    Joining,
}

/// A lease key of a client that is not Quorate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ForeignKey {
    /// What was left of its ttl; null: it has none, and stays until somebody deletes it.
    pub ttl_ms: Option<u64>,
}

impl ForeignKey {
    /// What a voter shows, if it is one.
    #[must_use]
    pub(crate) fn of(key: LeaseKey) -> Option<Self> {
        match key {
            LeaseKey::Foreign { left } => Some(Self { ttl_ms: left.map(whole_ms) }),
            LeaseKey::Free | LeaseKey::Holders { .. } => None,
        }
    }

    /// Nobody is elected over it until somebody deletes it.
    #[must_use]
    pub fn is_endless(self) -> bool {
        self.ttl_ms.is_none()
    }
}

/// Why a candidate that reaches a quorum takes no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    /// A record belongs to other voters.
    Electorate,
    /// A record has another format.
    Format,
    /// The leader's ttl and ours differ by more than a factor of two.
    Ttl,
    /// The voters forgot, and `onEpochReset` is `halt`.
    Halted,
}

impl Aside {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Electorate, Self::Format, Self::Ttl, Self::Halted];

    /// The word for it in labels and transitions.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Electorate => "electorate",
            Self::Format => "format",
            Self::Ttl => "ttl",
            Self::Halted => "halted",
        }
    }

    /// The same for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Electorate => "a voter's record belongs to other voters than the configured ones",
            Self::Format => "a voter's record has the format of another version",
            Self::Ttl => "the leader's ttl and ours differ by more than a factor of two",
            Self::Halted => "the voters forgot their terms, and onEpochReset is halt",
        }
    }
}

/// One voter as this candidate last saw it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct VoterStatus {
    /// Its configured name.
    pub name: String,
    /// It answered the last poll that ended, and as no second name of another voter's server.
    pub reachable: bool,
    /// Whether it may vote; null where it never answered.
    pub standing: Option<StandingWord>,
    /// This candidate leads, and this voter counts towards its validity.
    pub holds_us: bool,
    /// Of the last answered poll.
    pub round_trip_ms: Option<f64>,
    /// Its wall clock minus ours.
    pub clock_offset_ms: Option<f64>,
    /// Of the server.
    pub version: Option<String>,
    /// Somebody else's lock in the place of its lease key.
    pub foreign_key: Option<ForeignKey>,
    /// Why it does not answer.
    pub error: Option<String>,
}

/// Everything about one candidate, for people and scripts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Snapshot {
    /// The name of what is led.
    pub election: String,
    /// This candidate's name.
    pub identity: String,
    /// Its namespace in its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The node that it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Whether it leads.
    pub role: Role,
    /// What it is doing.
    pub phase: Phase,
    /// The term that it leads; null where it does not.
    pub term: Option<Term>,
    /// When its role last changed: RFC 3339 with milliseconds.
    pub since: String,
    /// What is left of its validity; 0 where it does not lead.
    pub validity_remaining_ms: u64,
    /// L.
    pub ttl_ms: u64,
    /// q.
    pub quorum: usize,
    /// N.
    pub voters: usize,
    /// How many voters count towards its validity.
    pub voters_held: usize,
    /// Who leads, as far as this candidate knows.
    pub leader: Option<Leader>,
    /// Each voter.
    pub voter: Vec<VoterStatus>,
    /// The latest changes, oldest first; at most 16.
    pub last_transitions: Vec<Transition>,
}
