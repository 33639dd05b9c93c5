//! What a run exercised: a proof that never met a situation proves nothing about it.

use std::fmt;

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident => $words:literal,)*) => {
        /// Something that happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reached {
            $($(#[doc = $doc])* $name,)*
        }

        impl Reached {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// In words.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                }
            }
        }
    };
}

counters! {
    /// A leadership began.
    Elected => "elections",
    /// An attempt did not lead to a leadership.
    AttemptFailed => "failed attempts",
    /// The q grants differed in their terms.
    Raise => "raises",
    /// The verifying round, or the raising one, did not succeed.
    VerifyFailed => "verifications that failed",
    /// A validity ended before it was extended.
    Lapsed => "lapses",
    /// A quorum of voters denied the leader.
    Lost => "losses",
    /// A leader handed over.
    Resigned => "resignations",
    /// A trip-wire ended a leadership: wall and boot clock came apart.
    TripWire => "trip-wires: wall and boot clock apart",
    /// … or the own clocks had stood still.
    ClockStoodTripWire => "trip-wires: own clocks stood",
    /// A voter that forgot was joined while a quorum of others remembered.
    Reseed => "reseeds",
    /// A join came too late.
    JoinRefused => "joins refused",
    /// The first epoch.
    ResetFirst => "resets, first",
    /// A new epoch because a quorum forgot.
    ResetForgotten => "resets, forgotten",
    /// A new epoch because members could not be read.
    ResetUnreadable => "resets, unreadable",
    /// A leader adopted a member.
    AdoptedMember => "members adopted",
    /// A leader adopted a joining voter.
    AdoptedJoining => "joining voters adopted",
    /// An answer beyond the voter timeout made or extended a leadership.
    LateAnswerUsed => "late answers used",
    /// An answer beyond the voter timeout told of a ballot that was dead by then.
    LateAnswerRefused => "late answers refused",
    /// A grant reached a voter after its attempt was over.
    OrphanGrant => "orphan grants",
    /// A candidate met its own dead ballot and released it again.
    DeadBallotReleased => "own dead ballots released again",
    /// A repeated grant of the holder's.
    RepeatedGrant => "grants repeated by the holder",
    /// A grant of a ballot that had been released.
    ReleasedGrantRefused => "grants of a released ballot refused",
    /// A grant over a version that is no longer there.
    GrantChanged => "grants refused because the record had changed",
    /// A voter was taken whose lease key had stood still.
    KeyStoodStill => "voters taken whose key stood still",
    /// A foreign key forbade a grant.
    ForeignRefused => "grants refused because of a foreign key",
    /// A candidate with another configuration found out.
    Inert => "inert candidates",
    /// A leader asked its voters whether it is one, and it was.
    Verified => "verified leaderships",
    /// An act reached the resource and was accepted.
    ActAccepted => "acts accepted by the resource",
    /// … after an act of a later leadership, which a resource with terms does not allow.
    LateActAccepted => "acts of a deposed leader accepted",
    /// An act of a leader that had been deposed reached the resource and was refused.
    ActRefused => "acts refused by the resource",
}

/// How often everything happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    reached: [u64; Reached::ALL.len()],
    /// Messages delivered, timers fired and faults struck.
    pub events: u64,
    /// Simulated true time.
    pub simulated_ns: u64,
    /// Differs for different worlds.
    pub fingerprint: u64,
}

impl Counted {
    /// Nothing has happened.
    #[must_use]
    pub fn new() -> Self {
        Self { reached: [0; Reached::ALL.len()], events: 0, simulated_ns: 0, fingerprint: 0 }
    }

    /// It happened.
    pub fn note(&mut self, what: Reached) {
        self.reached[what as usize] += 1;
    }

    /// A message was delivered, a timer fired, or a fault struck; `what` tells it from others at the same time.
    pub fn event(&mut self, now_ns: u64, what: u64) {
        self.events += 1;
        self.fingerprint =
            (self.fingerprint ^ now_ns ^ (what << 56)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    /// How often.
    #[must_use]
    pub fn count(&self, what: Reached) -> u64 {
        self.reached[what as usize]
    }

    /// What happened here and there.
    pub fn add(&mut self, other: &Self) {
        self.reached.iter_mut().zip(other.reached).for_each(|(sum, count)| *sum += count);
        self.events += other.events;
        self.simulated_ns += other.simulated_ns;
        self.fingerprint = self.fingerprint.wrapping_add(other.fingerprint);
    }
}

impl Default for Counted {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &what in Reached::ALL {
            writeln!(f, "{:>14}  {}", self.count(what), what.words())?;
        }
        Ok(())
    }
}
