//! The safety rules that a test may switch off, one at a time, to see which test notices.
//!
//! In a build without the feature `planted-bugs` nothing can be switched off and every question here is a constant.

macro_rules! bugs {
    ($(#[doc = $words:literal] $bug:ident,)*) => {
        /// One rule of the protocol left out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Bug {
            $(#[doc = $words] $bug,)*
        }

        impl Bug {
            /// All of them, each with what is left out.
            pub const ALL: &[(Self, &str)] = &[$((Self::$bug, $words),)*];
        }
    };
}

bugs! {
    /// Validity counted from when the answer arrived, not from before the question was sent.
    ValidityFromReply,
    /// No margin for clocks that run at different rates.
    NoRateMargin,
    /// One ballot for all attempts of a candidate.
    BallotReused,
    /// A release deletes the lease key without comparing.
    BlindDelete,
    /// Leadership kept as a flag that only an event takes away.
    LeadershipIsAFlag,
    /// An answer to a question of an earlier attempt is accepted.
    StaleReplyAccepted,
    /// A quorum of ⌊N/2⌋.
    QuorumOfHalf,
    /// A repeated grant is acknowledged without renewing, and counted as a renewal.
    RepeatedGrantNotRenewed,
    /// A grant starts the version again.
    VersionReset,
    /// Leading right after the grants.
    NoVerify,
    /// Observing with the own ttl instead of the record's.
    OwnTtlObserved,
    /// T without the ttl hints of records.
    LongestTtlWithoutHints,
    /// T without what was seen earlier.
    LongestTtlWithoutMemory,
    /// The ledger ignores when a voter was taken.
    LedgerWithoutTaken,
    /// A late reply to an older poll is accepted.
    OldPollAccepted,
    /// A reseed accepts reads that began before the amnesia was seen.
    EarlyReseedReads,
    /// Joining without waiting.
    NoQuarantine,
    /// Adopting without fresh confirms.
    AdoptWithoutConfirms,
    /// A joining voter adopted by a join and then a grant.
    AdoptInTwoSteps,
    /// The same instance after each amnesia.
    InstanceRepeated,
    /// The double collect counts polls that were not answered.
    UnansweredPollCollected,
    /// No reset while members are unreadable.
    NoUnreadableReset,
    /// That reset without waiting.
    UnreadableResetAtOnce,
    /// A voter's life known by its process only, not by its history of writes.
    RunWithoutReplid,
    /// A replica votes.
    RoleIgnored,
    /// Amnesia forgets whose record it is.
    ElectorateDropped,
    /// A foreign lease key is overwritten.
    ForeignOverwritten,
    /// The lease is released before the work has stopped.
    ReleaseBeforeStop,
}

/// Which rule is left out: none, in a product build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Planted {
    #[cfg(any(test, feature = "planted-bugs"))]
    bug: Option<Bug>,
}

impl Planted {
    /// Every rule in force.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            #[cfg(any(test, feature = "planted-bugs"))]
            bug: None,
        }
    }

    /// One rule left out.
    #[cfg(any(test, feature = "planted-bugs"))]
    #[must_use]
    pub const fn bug(bug: Bug) -> Self {
        Self { bug: Some(bug) }
    }

    /// Whether this rule is left out.
    #[cfg(any(test, feature = "planted-bugs"))]
    #[must_use]
    pub(crate) fn has(self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Whether this rule is left out: never.
    #[cfg(not(any(test, feature = "planted-bugs")))]
    #[must_use]
    #[expect(clippy::unused_self, reason = "same shape as in a test build")]
    pub(crate) const fn has(self, _: Bug) -> bool {
        false
    }
}
