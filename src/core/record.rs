//! The words that candidates and voters share: what a voter remembers, what it may be asked, what it answers.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::timing::LONGEST_TTL;

/// The number of a leadership and its fencing token; below [`TERM_LIMIT`].
pub type Term = u64;
/// Terms stay below 2^53, so that Lua, JSON and `JavaScript` carry them exactly.
pub const TERM_LIMIT: Term = 1 << 53;
/// The only format of a record there is yet.
pub const FORMAT: u32 = 1;

/// The random value of one attempt to be elected; written `quorate:` and 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ballot(pub u128);

impl Ballot {
    /// What tells our lease keys from those of a classic Redlock client.
    pub const PREFIX: &'static str = "quorate:";
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:032x}", Self::PREFIX, self.0)
    }
}

impl fmt::Debug for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A voter's text is not what the protocol writes there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {text:?}, which Quorate never writes")]
pub struct Malformed {
    what: &'static str,
    text: String,
}

impl Malformed {
    pub(super) fn new(what: &'static str, text: &str) -> Self {
        Self { what, text: text.chars().take(100).collect() }
    }
}

impl FromStr for Ballot {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.strip_prefix(Self::PREFIX)
            .and_then(hex_u128)
            .map(Self)
            .ok_or_else(|| Malformed::new("the holder", text))
    }
}

/// A server's life: which process it is (`run_id`) and which history of writes it serves (`master_replid`, which
/// changes at every start and every promotion of a primary). Written as 40 hexadecimal digits each, with a space between.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Run {
    /// `run_id` of `INFO server`.
    pub process: [u8; 20],
    /// `master_replid` of `INFO replication`.
    pub history: [u8; 20],
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.process)?;
        f.write_str(" ")?;
        write_hex(f, &self.history)
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Run {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.split_once(' ')
            .and_then(|(process, history)| {
                Some(Self { process: hex_20(process)?, history: hex_20(history)? })
            })
            .ok_or_else(|| Malformed::new("the run", text))
    }
}

/// The life of a voter's memory: a value never used before, new at each amnesia. Written
/// `{proposal} {time in µs} {run}`, the proposal as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instance {
    /// Random bits of the candidate whose observation met the amnesia.
    pub proposal: u128,
    /// The server's own time then, in microseconds since 1970.
    pub time_us: u64,
    /// The server's life then.
    pub run: Run,
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x} {} {}", self.proposal, self.time_us, self.run)
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Instance {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let parse = || {
            let (proposal, rest) = text.split_once(' ')?;
            let (time_us, run) = rest.split_once(' ')?;
            Some(Self {
                proposal: hex_u128(proposal)?,
                time_us: time_us.parse().ok()?,
                run: run.parse().ok()?,
            })
        };
        parse().ok_or_else(|| Malformed::new("the instance", text))
    }
}

/// Whether a voter may vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It remembers and may vote.
    Member,
    /// It forgot and may not vote, yet.
    Joining,
}

/// The part of a record that a grant compares and sets: nobody else has touched the voter since it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    /// The life of the voter's memory.
    pub instance: Instance,
    /// Who holds this voter, or held it last.
    pub holder: Option<Ballot>,
    /// Grows at each change, never reset while the instance lasts.
    pub version: u64,
    /// The holder gave it back.
    pub released: bool,
}

/// The classic Redlock key as a voter sees it, with what is left of its ttl (`None`: it has none).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseKey {
    /// There is none.
    Free,
    /// It carries the ballot of the record's holder.
    Holders {
        /// What is left of its ttl.
        left: Duration,
    },
    /// It belongs to a client that is not Quorate.
    Foreign {
        /// What is left of its ttl; `None`: it stays until somebody deletes it.
        left: Option<Duration>,
    },
}

/// What a voter shows to an `observe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Whether it may vote.
    pub standing: Standing,
    /// What a grant will compare.
    pub seen: Seen,
    /// The largest term stored there; of a joining voter a hint only. 0: none yet.
    pub term: Term,
    /// The ttl of the holder's last grant or confirm; of a joining voter a hint only.
    pub ttl: Option<Duration>,
    /// The lease key beside the record.
    pub key: LeaseKey,
    /// The server's `TIME`, in microseconds since 1970.
    pub time_us: u64,
    /// The server's life.
    pub run: Run,
}

/// The term that a grant brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantTerm {
    /// A candidate's: the largest term that it has seen, plus 1. The voter may answer a larger one.
    Hint(Term),
    /// A sitting leader's own, which the voter takes over.
    Adopt(Term),
}

/// One of the five operations of the protocol, each one atomic script at the voter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Look; and where the voter has forgotten, begin a new instance from the proposal. Without a proposal
    /// nothing is written and the answer to amnesia is [`Answer::Amnesia`].
    Observe {
        /// 128 random bits.
        proposal: Option<u128>,
    },
    /// Take the voter, provided that it is still as it was seen.
    Grant {
        /// The attempt's, or the leader's.
        ballot: Ballot,
        /// The asking candidate's ttl.
        ttl: Duration,
        /// What must not have changed.
        seen: Seen,
        /// The version stood still for 2·O although the key is still there: the server's clock does not run.
        key_stood_still: bool,
        /// The hint, or the term to adopt.
        term: GrantTerm,
    },
    /// Raise the term, verify and renew in one.
    Confirm {
        /// The ballot that must hold the voter.
        ballot: Ballot,
        /// The leadership's term.
        term: Term,
        /// The leader's ttl.
        ttl: Duration,
    },
    /// Give the voter back.
    Release {
        /// Only if this ballot holds it.
        ballot: Ballot,
    },
    /// Let a voter that forgot vote again.
    Join {
        /// Only if it is still this memory.
        instance: Instance,
        /// The term that it starts from.
        term: Term,
        /// The longest ttl that anybody may still rely on.
        ttl: Duration,
    },
}

/// Why a voter did not grant or join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It forgot and may not vote.
    Joining,
    /// The ballot was already released here: a late duplicate.
    Released,
    /// Somebody changed the record since it was seen; for a join: another instance, or a member already.
    Changed,
    /// The lease key belongs to a client that is not Quorate.
    Foreign,
    /// The lease key still carries the holder's ballot.
    Held,
}

/// What a voter says. Three kinds: yes, no, and silence, which means *unknown*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "observations are the most frequent answer; all variants are plain copies"
)]
pub enum Answer {
    /// To `observe`.
    Observed(Observation),
    /// To `grant`: the voter is taken, with the term that it now stores.
    Granted {
        /// The voter's term.
        term: Term,
        /// The record's version after the grant.
        version: u64,
    },
    /// To `grant` and `join`: no.
    Refused(Refusal),
    /// To `confirm`: renewed, with the term that the voter now stores.
    Confirmed {
        /// The voter's term.
        term: Term,
    },
    /// To `confirm`: this ballot does not hold the voter.
    Lost,
    /// To `release`: done.
    Released,
    /// To `join`: it may vote.
    Joined,
    /// To everything but a proposing `observe`: the voter forgot.
    Amnesia,
    /// To everything: the record belongs to other voters, to another voter's name or to another format.
    Mismatch {
        /// The format or the set of voters differs, not just this voter's name.
        electorate_differs: bool,
    },
    /// The server is not a primary. Counts as silence.
    Replica,
    /// No answer, or none that can be understood.
    Silent,
}

impl Answer {
    /// Whether the numbers in it are such as the protocol can have written.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        match self {
            Self::Observed(observation) => {
                observation.term < TERM_LIMIT - 1 && observation.ttl.is_none_or(|ttl| ttl <= LONGEST_TTL)
            }
            Self::Granted { term, .. } | Self::Confirmed { term } => *term < TERM_LIMIT,
            _ => true,
        }
    }
}

/// What a question carries besides its operation, whatever the operation is: the highest version that the caller
/// has seen of an instance there. A voter that is behind it was rolled back, and has forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HighWater {
    /// The instance that was seen.
    pub instance: Instance,
    /// Its highest version seen.
    pub version: u64,
}

/// One question to one voter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// What the voter is to do.
    pub operation: Operation,
    /// What the voter must not have fallen behind.
    pub high_water: Option<HighWater>,
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn hex_u128(digits: &str) -> Option<u128> {
    let is_plain = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_plain.then(|| u128::from_str_radix(digits, 16).ok()).flatten()
}

fn hex_20(digits: &str) -> Option<[u8; 20]> {
    if digits.len() != 40 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 20];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Run = Run { process: [0xab; 20], history: [0x01; 20] };

    #[test]
    fn what_is_written_reads_back() {
        let instance = Instance { proposal: 7, time_us: 1_767_323_045_678_901, run: RUN };
        assert_eq!(instance.to_string().parse(), Ok(instance));
        let ballot = Ballot(u128::MAX - 1);
        assert_eq!(ballot.to_string().parse(), Ok(ballot));
        assert_eq!(RUN.to_string().parse(), Ok(RUN));
    }

    #[test]
    fn what_we_never_write_is_refused_without_a_panic() {
        for text in ["", "quorate:", "quorate:+1", "quorate:é", &format!("quorate:{}", "g".repeat(32))] {
            assert!(text.parse::<Ballot>().is_err(), "{text}");
        }
        for text in ["", " ", "ab cd", &"é".repeat(20), &format!("{} {}", "a".repeat(40), "é".repeat(20))] {
            assert!(text.parse::<Run>().is_err(), "{text}");
            assert!(text.parse::<Instance>().is_err(), "{text}");
        }
    }
}
