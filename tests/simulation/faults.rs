//! What goes wrong, how often: drawn anew for each seed (swarm), so that some worlds know only one kind of fault.

use crate::chance::Chance;

/// How often something happens, in 1000.
pub type PerMille = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    CandidateCrash,
    CandidatePause,
    Resign,
    VoterRestartsWithData,
    VoterRestartsEmpty,
    VoterDown,
    Flush,
    KeyDropped,
    ForeignKey,
    ClockStep,
    LinkCut,
    FailOverToStale,
    HintFlood,
}

pub const FAULTS: [Fault; 13] = [
    Fault::CandidateCrash,
    Fault::CandidatePause,
    Fault::Resign,
    Fault::VoterRestartsWithData,
    Fault::VoterRestartsEmpty,
    Fault::VoterDown,
    Fault::Flush,
    Fault::KeyDropped,
    Fault::ForeignKey,
    Fault::ClockStep,
    Fault::LinkCut,
    Fault::FailOverToStale,
    Fault::HintFlood,
];

/// The weather of one seed.
#[derive(Clone, Debug)]
pub struct Weather {
    pub dropped: PerMille,
    pub duplicated: PerMille,
    /// Messages that take up to `slowest_ms`.
    pub slow: PerMille,
    pub slowest_ms: u64,
    pub kinds: Vec<Fault>,
    /// Mean true time between two faults.
    pub between_ms: u64,
}

impl Weather {
    pub fn drawn(chance: &mut Chance, ttl_ms: u64) -> Self {
        let kinds: Vec<_> = FAULTS.into_iter().filter(|_| chance.happens(500)).collect();
        let intensity = |chance: &mut Chance, most| if chance.happens(500) { chance.below(most) } else { 0 };
        Self {
            dropped: intensity(chance, 200),
            duplicated: intensity(chance, 200),
            slow: intensity(chance, 200),
            slowest_ms: chance.between(10, 3 * ttl_ms),
            kinds,
            between_ms: chance.between(ttl_ms / 10, 2 * ttl_ms),
        }
    }

    pub fn calm() -> Self {
        Self { dropped: 0, duplicated: 0, slow: 0, slowest_ms: 0, kinds: Vec::new(), between_ms: u64::MAX }
    }
}
