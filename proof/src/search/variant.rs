//! Rules to leave out.

use super::Bounds;

/// Which rule is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// None.
    Whole,
    /// Leading right after the grants, or the raise.
    NoVerify,
    /// A reseed takes reads that began before the amnesia was seen.
    EarlyReseedReads,
    /// A joining voter is adopted by a join and then, as a member, by a grant.
    AdoptInTwoSteps,
    /// Joining without waiting.
    NoQuarantine,
    /// Granting without having watched for O.
    NoWatch,
    /// A quorum of one.
    QuorumOfHalf,
}

impl Variant {
    /// Those that must be found violated.
    pub const BROKEN: [Self; 6] = [
        Self::NoVerify,
        Self::EarlyReseedReads,
        Self::AdoptInTwoSteps,
        Self::NoQuarantine,
        Self::NoWatch,
        Self::QuorumOfHalf,
    ];
}

impl Variant {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Whole => "all rules",
            Self::NoVerify => "no verify",
            Self::EarlyReseedReads => "reseed reads begun too early",
            Self::AdoptInTwoSteps => "a joining voter adopted by a join and then a grant",
            Self::NoQuarantine => "joining without waiting",
            Self::NoWatch => "granting without watching for O",
            Self::QuorumOfHalf => "a quorum of one of three",
        }
    }

    /// A world that is large enough to show what the missing rule is for, and no larger.
    #[must_use]
    pub fn bounds(self) -> Bounds {
        let (attempts, amnesias) = match self {
            Self::NoWatch | Self::QuorumOfHalf => (2, 0),
            Self::NoVerify | Self::EarlyReseedReads | Self::AdoptInTwoSteps | Self::NoQuarantine => (2, 1),
            Self::Whole => (2, 2),
        };
        let heals = matches!(self, Self::AdoptInTwoSteps | Self::Whole);
        Bounds { attempts, amnesias, heals, most_states: 20_000_000 }
    }
}
