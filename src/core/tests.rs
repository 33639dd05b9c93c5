//! The rules of protocol.md §4 in virtual time, each with the planted bug that its test catches.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may end by a panic")]
#![expect(clippy::unchecked_time_subtraction, reason = "an overflow fails the test")]

use super::{Bug, Planted};

/// What a test asks for; or, where it asks for no bug, the one that `make mutants` plants in all tests to see which of
/// them notice.
pub(super) fn planted(asked: Planted) -> Planted {
    let everywhere = crate::planted_everywhere();
    let bug = Bug::ALL.iter().find(|(bug, _)| everywhere.as_deref() == Some(format!("{bug:?}").as_str()));
    match bug {
        Some((bug, _)) if asked == Planted::none() => Planted::bug(*bug),
        _ => asked,
    }
}

mod clocks;
mod electing;
mod ending;
mod healing;
mod hints;
mod lab;
mod leading;
mod messages;
mod patience;
mod quorum_first;
mod rejoining;
mod resetting;
mod voter;
mod watching;
