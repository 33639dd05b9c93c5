//! The configuration, through the real binary: what is refused and how, which source wins, what is printed.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod documented;
mod harness;
mod printed;
mod refused;
mod sources;
