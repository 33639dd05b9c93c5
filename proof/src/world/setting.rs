//! What a world is made from.

use super::Limit;
use crate::contender::Protocol;
use crate::core::Planted;
use crate::weather::{Fault, PerMille};

/// What goes wrong in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A swarm of everything within the protocol's limits.
    Storm,
    /// One kind of fault.
    Only(Fault),
    /// A bad network, in 1000 messages each.
    Network {
        /// Lost.
        dropped: PerMille,
        /// Arrive twice.
        duplicated: PerMille,
        /// Take up to three ttl.
        slow: PerMille,
    },
    /// Something beyond the protocol's limits.
    Beyond(Limit),
}

/// How much of a world is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trace {
    /// Nothing.
    Nothing,
    /// Faults, leaderships, and whatever changes a voter.
    Changes,
    /// Observations, too.
    Everything,
}

/// What a world is made from; the same setting makes the same world.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Of all chance.
    pub seed: u64,
    /// N.
    pub voters: usize,
    /// Which protocol.
    pub protocol: Protocol,
    /// Which rule is left out.
    pub planted: Planted,
    /// What goes wrong.
    pub trouble: Trouble,
    /// Whether it ends with the first promise that is broken.
    pub ends_when_broken: bool,
    /// How much is written down.
    pub trace: Trace,
}

impl Setting {
    /// A storm over the product's core.
    #[must_use]
    pub fn storm(voters: usize, seed: u64) -> Self {
        Self {
            seed,
            voters,
            protocol: Protocol::Quorate,
            planted: Planted::none(),
            trouble: Trouble::Storm,
            ends_when_broken: true,
            trace: Trace::Nothing,
        }
    }
}
