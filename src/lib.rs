//! Leader election by a majority of independent Redis servers: hardened Redlock with fencing tokens.
//!
//! # What is not guaranteed
//!
//! - **Clock speeds are trusted.** At most one candidate leads at any instant provided that the clocks of their
//!   machines run at the right speed within 0.5 %; the time they show does not matter. A leader whose clock stops
//!   without its knowing (a paused virtual machine, a restored checkpoint) may believe for a while that it still leads.
//! - **What was sent cannot be called back.** A request that left in time may arrive late. [`Leadership::term`] protects
//!   a resource that compares it, once the resource has seen it: claim first, then read, then act.
//! - **This crate cannot stop your work.** [`Leadership::holds`] is to be asked before every act,
//!   [`Leadership::remaining`] bounds every request, and [`Leadership::wait`] says when to stop; a thread that blocks,
//!   or does not ask, acts on. Keep a clone of the [`Leadership`] wherever work runs: nothing is released before the
//!   last one is gone.
//! - **With fewer than a majority of voters in reach nobody leads**, and when a majority forgets at once, the order of
//!   terms rests on wall clocks.
//!
//! The rest is in `docs/safety.md`.
//!
//! # Leading
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use quorate::{Election, Leadership, Voters};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), quorate::Error> {
//! // One connection to each server, shared by any number of elections.
//! let voters = Voters::new([
//!     ("a", "redis://redis-a:6379"),
//!     ("b", "redis://redis-b:6379"),
//!     ("c", "redis://redis-c:6379"),
//! ])?;
//! let mut election =
//!     Election::builder("orders-writer").ttl(Duration::from_secs(10)).identity("orders-1").start(&voters)?;
//! loop {
//!     let leadership = election.campaign().await?;
//!     tokio::select! {
//!         () = write_orders(&leadership) => {}
//!         reason = leadership.wait() => eprintln!("stopped: {reason:?}"),
//!     }
//!     // The work has stopped: the next leader may start at once.
//!     leadership.resign().await;
//! }
//! # }
//!
//! async fn write_orders(leadership: &Leadership) {
//!     while leadership.holds() {
//!         // The resource refuses a smaller term than it has seen, and the request ends with the leadership.
//!         let write = write_one_order(leadership.term());
//!         if tokio::time::timeout(leadership.remaining(), write).await.is_err() {
//!             break;
//!         }
//!     }
//! }
//! # async fn write_one_order(_: u64) {}
//! ```
//!
//! `examples/lead.rs` is a whole program. Logs are [`tracing`] events. Without default features
//! (`default-features = false`) this is the library alone, without the binary's command line, HTTP and configuration.
//! Linux only; Rust 1.95 or later.
//!
//! # Inside
//!
//! The layers, and which way the arrows point (inwards only):
//!
//! ```text
//! cli ──▶ gate, http, metrics ──▶ election ──▶ voter ──▶ core
//!     config ─────────────────────────────────▶ voter ──▶ files
//!     gate ──▶ guardian ──▶ processes
//!     kubernetes ──▶ gate, election
//!                       library ──▶ election ──▶ voter
//! ```
//!
//! What is public but hidden from this documentation serves the binary, the benchmarks and the tests of the repository;
//! it may change at any time.

#[cfg(not(target_os = "linux"))]
compile_error!("Quorate runs on Linux only: its validity rests on CLOCK_BOOTTIME and CLOCK_MONOTONIC_RAW");

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod clock;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod config;
#[doc(hidden)]
pub mod core;
#[doc(hidden)]
pub mod election;
mod files;
#[cfg(feature = "cli")]
mod gate;
#[cfg(feature = "cli")]
mod guardian;
#[cfg(feature = "cli")]
mod http;
#[cfg(feature = "kubernetes")]
mod kubernetes;
mod library;
#[doc(hidden)]
pub mod local;
#[cfg(feature = "cli")]
mod metrics;
#[cfg(feature = "cli")]
mod processes;
#[cfg(feature = "cli")]
mod telemetry;
#[doc(hidden)]
pub mod voter;

pub use crate::core::{EndReason, ResetPolicy, Term};
pub use election::{ForeignKey, Leader, Phase, Role, Snapshot, StandingWord, Transition, VoterStatus};
pub use library::{Election, ElectionBuilder, Error, Leadership, Voters, VotersBuilder};

/// What is planted in every test of the core: nothing. `make mutants` runs them from another crate (proof/src/lib.rs).
#[cfg(test)]
fn planted_everywhere() -> Option<String> {
    None
}
