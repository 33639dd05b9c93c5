//! Which test catches which planted bug.
//!
//! Three kinds of test are asked: the directed ones beside the core, the simulation, the exhaustive search. One build
//! does it: the bug is handed to the core as a value.

use crate::core::{Bug, Planted};
use crate::runner::{Go, for_each_seed};
use crate::search::{Found, Variant, search};
use crate::storms::SIZES;
use crate::world::{Setting, World};

/// How many storms it takes until one breaks a promise with this bug planted, sizes in turn; `None`: these seeds of each
/// size are not enough.
#[must_use]
pub fn storms_until_caught(bug: Bug, seeds: u64) -> Option<u64> {
    let sizes = SIZES.len() as u64;
    let mut first = None;
    for_each_seed(
        0..seeds * sizes,
        |number| {
            let voters = SIZES[usize::try_from(number % sizes).unwrap_or_default()];
            let setting = Setting { planted: Planted::bug(bug), ..Setting::storm(voters, number / sizes) };
            !World::new(setting).run().broken.is_empty()
        },
        |number, is_broken| {
            if !is_broken {
                return Go::On;
            }
            // Another thread may still be at an earlier one.
            first = Some(first.unwrap_or(number).min(number));
            Go::Stop
        },
    );
    first.map(|number| number + 1)
}

/// The search in which this rule is missing, if it is about it.
#[must_use]
pub fn variant(bug: Bug) -> Option<Variant> {
    match bug {
        Bug::NoVerify => Some(Variant::NoVerify),
        Bug::EarlyReseedReads => Some(Variant::EarlyReseedReads),
        Bug::AdoptInTwoSteps => Some(Variant::AdoptInTwoSteps),
        Bug::NoQuarantine => Some(Variant::NoQuarantine),
        Bug::QuorumOfHalf => Some(Variant::QuorumOfHalf),
        _ => None,
    }
}

/// The search without this rule.
#[must_use]
pub fn searched(bug: Bug) -> Option<Found> {
    variant(bug).map(|variant| search(variant, variant.bounds(), |_, _, _| {}))
}

#[cfg(test)]
mod tests;
