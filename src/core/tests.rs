//! The rules of protocol.md §4 in virtual time, each with the planted bug that its test catches.
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod electing;
mod healing;
mod lab;
mod leading;
mod rejoining;
mod watching;
