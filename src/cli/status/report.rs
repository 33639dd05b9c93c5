//! From what the voters said to what it means: who leads, until when, and what is left to lose. Pure.
//!
//! The document of `GET /status` as the voters see it. Only they are asked, so what belongs to one agent (identity,
//! role, phase, transitions) is null, and what only the voters know is added.

use std::time::Duration;

use serde::Serialize;

use super::holding::{Holding, holdings};
use super::notes;
use crate::core::{Answer, Ballot, LeaseKey, Observation, Standing, Term};
use crate::election::{ForeignKey, printable};
use crate::voter::Details;

/// What one voter said.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Sight {
    pub(in crate::cli) name: String,
    pub(in crate::cli) answer: Answer,
    pub(in crate::cli) details: Option<Details>,
    /// Why it did not answer as a voter, a sentence.
    pub(in crate::cli) trouble: Option<String>,
    /// `None`: it was silent.
    pub(in crate::cli) round_trip: Option<Duration>,
    /// Its wall clock minus ours.
    pub(in crate::cli) clock_offset_us: Option<i64>,
}

/// What the voters' records say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) enum State {
    /// One ballot holds a quorum whose lease keys are alive.
    Leading,
    /// Fewer than a quorum visibly hold, but with those that could not be read it may be one.
    Unclear,
    /// Fewer than a quorum hold: an election is under way, or was given up.
    Electing,
    /// The last holder gave the lease back.
    Released,
    /// The last holder did not give the lease back, and it has run out.
    Expired,
    /// No voter remembers a holder.
    Vacant,
    /// Too few voters answer to say.
    NoQuorum,
}

/// What a voter is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) enum Condition {
    /// It remembers and may vote.
    Member,
    /// It forgot and may not vote, yet.
    Joining,
    /// It has no record of this election, or one from before it forgot.
    Amnesia,
    /// Its record belongs to other voters.
    Mismatch,
    /// It is no primary.
    Replica,
    /// It is the same server as another voter: neither counts.
    Duplicate,
    /// It did not answer.
    Silent,
}

impl Condition {
    /// It answered as a voter of this election, able to vote or to become so.
    pub(in crate::cli) fn is_answering(self) -> bool {
        match self {
            Self::Member | Self::Joining | Self::Amnesia => true,
            Self::Mismatch | Self::Replica | Self::Duplicate | Self::Silent => false,
        }
    }

    pub(in crate::cli) fn word(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Joining => "joining",
            Self::Amnesia => "amnesia",
            Self::Mismatch => "mismatch",
            Self::Replica => "replica",
            Self::Duplicate => "duplicate",
            Self::Silent => "silent",
        }
    }
}

/// What the holder wrote about itself, and the largest term that its voters store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Leader {
    pub(in crate::cli) identity: Option<String>,
    pub(in crate::cli) cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) node: Option<String>,
    pub(in crate::cli) address: Option<String>,
    pub(in crate::cli) since: Option<String>,
    pub(in crate::cli) term: Term,
}

/// What is left to lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Margin {
    /// Members that may fail before those left are no quorum; null where they are none already.
    pub(in crate::cli) may_fail: Option<usize>,
    /// Voters that hold the leader beyond the quorum; null without a leader.
    pub(in crate::cli) spare: Option<usize>,
}

/// One voter.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct VoterReport {
    pub(in crate::cli) name: String,
    pub(in crate::cli) reachable: bool,
    pub(in crate::cli) standing: Option<&'static str>,
    pub(in crate::cli) state: Condition,
    pub(in crate::cli) holds_leader: bool,
    pub(in crate::cli) lease_remaining_ms: Option<u64>,
    pub(in crate::cli) term: Option<Term>,
    pub(in crate::cli) record_version: Option<u64>,
    pub(in crate::cli) round_trip_ms: Option<f64>,
    pub(in crate::cli) clock_offset_ms: Option<f64>,
    pub(in crate::cli) version: Option<String>,
    pub(in crate::cli) eviction_policy: Option<String>,
    pub(in crate::cli) foreign_key: Option<ForeignKey>,
    pub(in crate::cli) error: Option<String>,
}

/// Everything, for people and programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Report {
    pub(in crate::cli) election: String,
    identity: (),
    role: (),
    phase: (),
    pub(in crate::cli) state: State,
    pub(in crate::cli) term: Option<Term>,
    pub(in crate::cli) since: Option<String>,
    pub(in crate::cli) validity_remaining_ms: u64,
    pub(in crate::cli) ttl_ms: Option<u64>,
    pub(in crate::cli) quorum: usize,
    pub(in crate::cli) voters: usize,
    pub(in crate::cli) voters_answering: usize,
    pub(in crate::cli) voters_held: usize,
    pub(in crate::cli) margin: Margin,
    pub(in crate::cli) leader: Option<Leader>,
    /// Who held the lease last, where nobody certainly leads.
    pub(in crate::cli) last_holder: Option<Leader>,
    pub(in crate::cli) voter: Vec<VoterReport>,
    pub(in crate::cli) notes: Vec<String>,
    last_transitions: (),
}

impl Report {
    /// What the voters of an election said, in the order of the configuration.
    pub(in crate::cli) fn new(election: &str, sights: &[Sight]) -> Self {
        let quorum = sights.len() / 2 + 1;
        let conditions: Vec<_> = sights.iter().map(|sight| condition(sight, sights)).collect();
        let count = |is: fn(Condition) -> bool| conditions.iter().filter(|&&one| is(one)).count();
        let answering = count(Condition::is_answering);
        let members = count(|one| one == Condition::Member);
        // A server in the place of a voter that we cannot read may have been held before we lost sight of it.
        let unread = count(|one| matches!(one, Condition::Silent | Condition::Replica));
        let holding = holdings(sights, &conditions).into_iter().max_by_key(|holding| {
            (holding.left.len() >= quorum, holding.term, holding.left.len() + holding.hidden)
        });
        let state = state(holding.as_ref(), quorum, answering, unread);
        let is_leading = state == State::Leading;
        let held = holding.as_ref().map_or(0, |holding| holding.left.len());
        let last = holding.as_ref().map(Holding::leader);
        let leader = last.clone().filter(|_| is_leading);
        let ballot = holding.as_ref().map(|holding| holding.ballot).filter(|_| is_leading);
        let voter = sights.iter().zip(&conditions).map(|(sight, &one)| voter(sight, one, ballot)).collect();
        Self {
            election: election.to_owned(),
            identity: (),
            role: (),
            phase: (),
            state,
            term: leader.as_ref().map(|leader| leader.term),
            since: leader.as_ref().and_then(|leader| leader.since.clone()),
            validity_remaining_ms: holding.as_ref().and_then(|one| one.validity(quorum)).map_or(0, ms),
            ttl_ms: holding.as_ref().and_then(|holding| holding.ttl).map(ms),
            quorum,
            voters: sights.len(),
            voters_answering: answering,
            voters_held: held,
            margin: Margin {
                may_fail: members.checked_sub(quorum),
                spare: held.checked_sub(quorum).filter(|_| is_leading),
            },
            last_holder: last.filter(|_| !is_leading),
            leader,
            voter,
            notes: notes::notes(sights, &conditions),
            last_transitions: (),
        }
    }

    /// A quorum of voters answered.
    pub(in crate::cli) fn has_quorum(&self) -> bool {
        self.voters_answering >= self.quorum
    }

    /// The same without what moves by itself, to see whether anything changed.
    pub(in crate::cli) fn at_rest(&self) -> Self {
        let mut rest = Self { validity_remaining_ms: 0, ..self.clone() };
        for voter in &mut rest.voter {
            voter.lease_remaining_ms = None;
            voter.record_version = None;
            voter.round_trip_ms = None;
            voter.clock_offset_ms = None;
            if let Some(key) = &mut voter.foreign_key {
                key.ttl_ms = key.ttl_ms.map(|_| 0);
            }
        }
        rest.notes.clear();
        rest
    }
}

/// Whole milliseconds.
pub(in crate::cli) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn condition(sight: &Sight, sights: &[Sight]) -> Condition {
    match &sight.answer {
        Answer::Observed(observation) => {
            if same_server(sight, observation, sights).next().is_some() {
                return Condition::Duplicate;
            }
            match observation.standing {
                Standing::Member => Condition::Member,
                Standing::Joining => Condition::Joining,
            }
        }
        Answer::Amnesia => Condition::Amnesia,
        Answer::Mismatch { .. } => Condition::Mismatch,
        Answer::Replica => Condition::Replica,
        _ => Condition::Silent,
    }
}

/// The other voters that answered with the same run.
pub(in crate::cli) fn same_server<'a>(
    sight: &'a Sight,
    observation: &'a Observation,
    sights: &'a [Sight],
) -> impl Iterator<Item = &'a Sight> {
    sights.iter().filter(move |other| {
        other.name != sight.name
            && matches!(&other.answer, Answer::Observed(seen) if seen.run == observation.run)
    })
}

fn state(holding: Option<&Holding>, quorum: usize, answering: usize, unread: usize) -> State {
    if answering < quorum {
        return State::NoQuorum;
    }
    let Some(Holding { left, hidden, is_released, .. }) = holding else { return State::Vacant };
    let (held, visible) = (left.len(), left.len() + hidden);
    if held >= quorum {
        State::Leading
    } else if visible > 0 && !is_released && visible + unread >= quorum {
        State::Unclear
    } else if *is_released {
        State::Released
    } else if held > 0 {
        State::Electing
    } else {
        State::Expired
    }
}

fn voter(sight: &Sight, condition: Condition, leader: Option<Ballot>) -> VoterReport {
    let Sight { name, answer, details, trouble, round_trip, clock_offset_us } = sight;
    let observation = match answer {
        Answer::Observed(observation) => Some(observation),
        _ => None,
    };
    let key = observation.map(|observation| observation.key);
    let holds_leader = condition == Condition::Member
        && matches!(key, Some(LeaseKey::Holders { .. }))
        && leader.is_some()
        && observation.is_some_and(|seen| seen.seen.holder == leader && !seen.seen.released);
    let given = |text: &String| Some(printable(text)).filter(|text| !text.is_empty());
    VoterReport {
        name: name.clone(),
        reachable: round_trip.is_some() && condition != Condition::Duplicate,
        standing: observation.map(|observation| match observation.standing {
            Standing::Member => "member",
            Standing::Joining => "joining",
        }),
        state: condition,
        holds_leader,
        lease_remaining_ms: match key {
            Some(LeaseKey::Holders { left }) => Some(ms(left)),
            Some(LeaseKey::Free | LeaseKey::Foreign { .. }) | None => None,
        },
        term: observation.map(|observation| observation.term),
        record_version: observation.map(|observation| observation.seen.version),
        round_trip_ms: round_trip.map(|took| hundredths(took.as_secs_f64() * 1000.0)),
        #[expect(clippy::cast_precision_loss, reason = "for people, and exact below 285 years")]
        clock_offset_ms: clock_offset_us.map(|us| hundredths(us as f64 / 1000.0)),
        version: details.as_ref().and_then(|details| given(&details.server_version)),
        eviction_policy: details.as_ref().and_then(|details| given(&details.eviction_policy)),
        foreign_key: key.and_then(ForeignKey::of),
        error: trouble.clone(),
    }
}

/// More digits would be noise.
fn hundredths(ms: f64) -> f64 {
    (ms * 100.0).round() / 100.0
}
