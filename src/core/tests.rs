//! The rules of protocol.md §4 in virtual time, each with the planted bug that its test catches.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may end by a panic")]
#![expect(clippy::unchecked_time_subtraction, reason = "an overflow fails the test")]

mod electing;
mod healing;
mod hints;
mod lab;
mod leading;
mod patience;
mod quorum_first;
mod rejoining;
mod voter;
mod watching;
