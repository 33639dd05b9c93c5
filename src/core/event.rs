//! What goes into a candidate and what comes out of it.

use std::time::Duration;

use super::planted::Planted;
use super::record::{Answer, Observation, Question, Term};
use super::released::Released;
use super::time::Moment;
use super::timing::Timing;

/// Which voter, counted in the order of the configuration.
pub type VoterIndex = usize;

/// Ties an answer to its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(pub u64);

/// A stream of random bits; the product's comes from the operating system, a test's from a seed.
pub trait Randomness {
    /// The next 64 bits.
    fn bits(&mut self) -> u64;
}

/// What is done about voters that forgot when nobody is left who remembers (never concerns the first start).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetPolicy {
    /// Begin a new epoch.
    #[default]
    Continue,
    /// Wait for an operator.
    Halt,
}

/// What a candidate is told once.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How often and how patiently.
    pub timing: Timing,
    /// N, the number of voters: odd.
    pub voters: usize,
    /// What to do about a lost epoch.
    pub on_epoch_reset: ResetPolicy,
    /// Which rule a test leaves out.
    pub planted: Planted,
}

/// What a candidate is told.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// Nothing happened but time.
    Wake,
    /// A voter answered, or its question ended in silence.
    Answer {
        /// Which question.
        question: QuestionId,
        /// Read after the reply was read completely.
        received: Moment,
        /// What it said.
        answer: Answer,
    },
    /// A voter said "released".
    Hint {
        /// Which voter.
        voter: VoterIndex,
        /// What was released, where the hint could be read.
        released: Option<Released>,
    },
    /// Hand over: stop the work, then release, then do not campaign for a while.
    Resign {
        /// For how long.
        stand_back: StandBack,
    },
    /// Campaign again after a [`StandBack::ForGood`]; changes nothing otherwise.
    Campaign,
    /// The work has stopped, as [`Action::StopWork`] or [`Action::Ended`] asked; there will be no act of this term.
    WorkStopped,
    /// Ask q voters, from now on, whether this is still the leader.
    Verify {
        /// Comes back in [`Action::Verified`].
        request: u64,
    },
}

/// How long a candidate does not campaign after it resigned; of several the longest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StandBack {
    /// Counted from the release.
    For(Duration),
    /// Until [`Event::Campaign`]: the process is ending, or nobody wants to lead.
    ForGood,
}

/// Why a leadership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// It was asked to.
    Resigned,
    /// Its validity ended before a quorum of renewals was acknowledged.
    Lapsed,
    /// q voters that held this ballot said that they no longer do.
    Lost,
    /// The wall clock and the boot clock diverged: suspend, restore, or a step.
    ClockDiverged,
    /// The voters' clocks ran on while the own stood still.
    ClockStood,
}

/// The kinds of epoch reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetKind {
    /// No voter and no candidate knows a former term: the first start.
    First,
    /// A quorum of voters had forgotten at one instant.
    Forgotten,
    /// Too few members could be read for too long.
    Unreadable,
}

/// Why a candidate proposes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inertia {
    /// A record belongs to another set of voters, or has another format. Until restarted.
    Electorate {
        /// Where it was read.
        voter: VoterIndex,
    },
    /// A live holder's ttl is more than twice or less than half the own.
    Ttl {
        /// Where it was read.
        voter: VoterIndex,
        /// The holder's.
        theirs: Duration,
        /// The own.
        ours: Duration,
    },
}

/// What a candidate wants done, or tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "questions are the most frequent action; all variants are plain copies"
)]
pub enum Action {
    /// Ask a voter, at once and once. The question counts as sent at the `now` of the `handle` that produced it.
    Ask {
        /// To be named with the answer.
        id: QuestionId,
        /// Whom.
        voter: VoterIndex,
        /// What.
        question: Question,
    },
    /// Leading from now on.
    Elected {
        /// Of this leadership.
        term: Term,
        /// When its validity ends unless extended.
        until: Moment,
        /// From the first grant sent to now, on the leader's clock.
        took: Duration,
    },
    /// A renewal moved the end of validity.
    Extended {
        /// The new end.
        until: Moment,
    },
    /// Still leading until the last `until`, but about to give it up: stop the work and answer
    /// [`Event::WorkStopped`].
    StopWork {
        /// Why.
        reason: EndReason,
    },
    /// No longer leading. Unless [`Event::WorkStopped`] came before, it is awaited before anything is released.
    Ended {
        /// Of the leadership that ended.
        term: Term,
        /// Why.
        reason: EndReason,
    },
    /// An attempt did not lead to a leadership.
    AttemptFailed,
    /// A sitting leader's request to be verified is answered.
    Verified {
        /// As in [`Event::Verify`].
        request: u64,
        /// The term that q voters confirmed after the request; `None`: not leading, or no longer.
        term: Option<Term>,
    },
    /// Joins that begin a new epoch were sent.
    EpochReset {
        /// Which kind.
        kind: ResetKind,
        /// The first term of the epoch is larger than this.
        floor: Term,
    },
    /// A reset is due, but the policy says halt. Told once.
    Halted {
        /// Which kind.
        kind: ResetKind,
    },
    /// This candidate began (`Some`) or ceased (`None`) to be inert.
    Inert(Option<Inertia>),
}

/// What a candidate knows about one voter, for status and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VoterView {
    /// The last poll that ended was answered.
    pub reachable: bool,
    /// The last observation, however old.
    pub observation: Option<Observation>,
    /// This candidate leads, and the voter acknowledged its ballot: what it said last is good until then at the most.
    pub held_until: Option<Moment>,
    /// Another configured voter answers with the same run, so neither counts.
    pub same_server: Option<VoterIndex>,
    /// The last answered poll, from sending to receiving.
    pub round_trip: Option<Duration>,
}
