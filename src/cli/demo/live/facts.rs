//! What reaches the screen from outside: what was done, what candidates and voters say, and when that was.

use std::time::Duration;

use serde::Deserialize;

use crate::cli::demo::company::{NAMES, VOTERS};
use crate::core::Term;

/// One of the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Actor {
    Candidate(usize),
    Voter(usize),
}

impl Actor {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Candidate(n) => NAMES[n],
            Self::Voter(n) => VOTERS[n],
        }
    }
}

/// What can be done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// SIGKILL.
    Kill,
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Resume,
    /// SIGTERM, to a candidate.
    End,
    /// A new process for a candidate.
    Start,
    /// A new process for a voter, whatever there was before, that finds nothing.
    StartEmpty,
    /// The same, but it finds everything that the voter wrote to disk.
    StartWithData,
}

/// What is to be done to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) actor: Actor,
    pub(super) act: Act,
}

/// Something that happened; the instant is on `CLOCK_MONOTONIC`.
#[derive(Clone, Debug)]
pub(super) struct Happening {
    pub(super) at: Duration,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// An order was carried out.
    Done(Order),
    /// It was not, and why.
    Failed(Order, String),
    /// A candidate's process ended without being killed: how.
    Ended(usize, String),
    /// A candidate's answer to a question sent then.
    Status { candidate: usize, sent: Duration, status: Status },
    /// A candidate did not answer.
    Silence(usize),
    /// Told by a candidate.
    News(usize, News),
    /// What a voter remembers; nothing where it does not answer.
    Recollection(usize, Option<Recollection>),
}

/// As much of `/status` as is shown.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) phase: Phase,
    pub(super) term: Option<Term>,
    pub(super) validity_remaining_ms: u64,
    pub(super) leader: Option<Leader>,
    /// In the order of the configuration.
    pub(super) voter: Vec<VoterStatus>,
}

/// A voter as a candidate sees it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VoterStatus {
    pub(super) reachable: bool,
    pub(super) holds_us: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Phase {
    Observing,
    Electing,
    Leading,
    Jeopardy,
    Stopping,
    Resigned,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Leader {
    pub(super) identity: Option<String>,
    pub(super) term: Term,
}

/// One event of `/watch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    /// Its name.
    pub(super) event: String,
    pub(super) data: NewsData,
}

/// As much of its data as is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct NewsData {
    pub(super) term: Option<Term>,
    pub(super) reason: Option<String>,
}

/// What a voter's record and lease key say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recollection {
    pub(super) standing: Standing,
    /// A value never used before, new at each amnesia.
    pub(super) instance: String,
    /// The largest that it has seen.
    pub(super) term: Option<Term>,
    /// Who holds the lease here, or held it last.
    pub(super) holder: Option<String>,
    pub(super) is_released: bool,
    /// When the lease key will be gone; nothing where there is none.
    pub(super) lease_until: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// No record at all.
    Blank,
    Joining,
    Member,
}
