//! What an election tells whoever counts: facts, with closed sets of values.
//!
//! The election knows no metrics library; `metrics` listens here. Facts are told from the election's task, so
//! listening must not block.

use std::time::Duration;

use super::gate_facts::{GateName, GateTrouble};
use crate::core::{EndReason, Operation, ResetKind, VoterIndex};
use crate::voter::TroubleKind;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    /// It became a leadership.
    Won,
    /// It did not.
    Failed,
}

/// Why a new leader could be elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// The leader before gave the lease back to a quorum of voters, in time.
    Released,
    /// The leader before fell silent, or lapsed: its lease ran out.
    Expired,
    /// No leader had been seen before.
    Vacant,
}

impl Succession {
    /// The word for it in JSON, logs and labels.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Expired => "expired",
            Self::Vacant => "vacant",
        }
    }
}

/// How the work of a term ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkEnd {
    /// By itself, and left nothing behind that had to be killed.
    Exited,
    /// As it was asked to, in time.
    Stopped,
    /// It, or something it had left behind, was killed.
    Killed,
}

impl WorkEnd {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Exited, Self::Stopped, Self::Killed];

    /// The word for it in logs and labels.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Stopped => "stopped",
            Self::Killed => "killed",
        }
    }
}

/// The word for an end in JSON, logs and labels.
#[must_use]
pub fn end_word(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Resigned => "resigned",
        EndReason::Lapsed => "lapsed",
        EndReason::Lost => "lost",
        EndReason::ClockDiverged => "clock_diverged",
        EndReason::ClockStood => "clock_stood",
    }
}

/// The word for a kind of epoch reset in JSON, logs and labels.
#[must_use]
pub fn reset_word(kind: ResetKind) -> &'static str {
    match kind {
        ResetKind::First => "first",
        ResetKind::Forgotten => "forgotten",
        ResetKind::Unreadable => "unreadable",
    }
}

/// The five operations without what they carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Look.
    Observe,
    /// Take, or adopt.
    Grant,
    /// Raise, verify, renew.
    Confirm,
    /// Give back.
    Release,
    /// Let vote again.
    Join,
}

impl OperationKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Observe, Self::Grant, Self::Confirm, Self::Release, Self::Join];

    /// The word for it in logs and labels.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Grant => "grant",
            Self::Confirm => "confirm",
            Self::Release => "release",
            Self::Join => "join",
        }
    }
}

impl From<&Operation> for OperationKind {
    fn from(operation: &Operation) -> Self {
        match operation {
            Operation::Observe { .. } => Self::Observe,
            Operation::Grant { .. } => Self::Grant,
            Operation::Confirm { .. } => Self::Confirm,
            Operation::Release { .. } => Self::Release,
            Operation::Join { .. } => Self::Join,
        }
    }
}

/// Something that happened and that somebody may count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fact {
    /// An attempt to be elected ended.
    Attempt(AttemptResult),
    /// This candidate became leader.
    Elected(Succession),
    /// This candidate ceased to be leader.
    Ended(EndReason),
    /// Elected after another leader; counted from its release, or from its last sign of life.
    FailedOver {
        /// Which of the two; never [`Succession::Vacant`].
        kind: Succession,
        /// From there to being elected.
        took: Duration,
    },
    /// A renewal landed.
    Renewed {
        /// From sending to the acknowledgement that completed the quorum.
        took: Duration,
        /// Validity left when it landed, as a share of the ttl.
        headroom: f64,
    },
    /// A renewal round was overtaken by the next, or by the end.
    RenewalFailed,
    /// The election slept through the whole fence margin: it woke up after its validity had ended.
    Overrun,
    /// A question to a voter ended with an answer.
    Asked {
        /// Whom.
        voter: VoterIndex,
        /// What.
        operation: OperationKind,
        /// From sending to receiving.
        took: Duration,
    },
    /// A question to a voter ended in trouble.
    Trouble {
        /// Whom.
        voter: VoterIndex,
        /// Which.
        kind: TroubleKind,
    },
    /// A voter forgot.
    Amnesia {
        /// Which one.
        voter: VoterIndex,
    },
    /// The work of a term ended, and nothing of it is left.
    WorkEnded(WorkEnd),
    /// A new epoch was begun by this candidate.
    EpochReset(ResetKind),
    /// The election's task woke up this much after it wanted to.
    LoopDelay(Duration),
    /// From now on a quorum of voters answers, or does not.
    Quorum(bool),
    /// A gate asked a cluster for a change.
    GateWrote(GateName),
    /// What a gate asked was not done.
    GateFailed {
        /// Which gate.
        gate: GateName,
        /// Why.
        trouble: GateTrouble,
    },
    /// Whether what a gate wants is not so, for longer than one question takes.
    GateFailing {
        /// Which gate.
        gate: GateName,
        /// It is not so.
        is_failing: bool,
    },
}

/// Who counts.
pub trait Report: Send + Sync {
    /// Takes note; must not block.
    fn note(&self, fact: Fact);
}

/// Nobody counts.
impl Report for () {
    fn note(&self, _: Fact) {}
}
