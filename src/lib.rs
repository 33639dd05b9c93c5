//! Quorate elects one leader among many candidates with a lease that a majority of independent Redis servers grant.
//!
//! The layers, and which way the arrows point (inwards only):
//!
//! ```text
//! cli ──▶ http, metrics ──▶ election ──▶ voter ──▶ core
//!     config ───────────────────────────▶ voter ──▶ files
//! ```

#[cfg(not(target_os = "linux"))]
compile_error!("Quorate runs on Linux only: its validity rests on CLOCK_BOOTTIME and CLOCK_MONOTONIC_RAW");

#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
#[cfg(feature = "cli")]
pub mod config;
pub mod core;
pub mod election;
pub mod files;
#[cfg(feature = "cli")]
pub mod http;
pub mod local;
#[cfg(feature = "cli")]
pub mod metrics;
#[cfg(feature = "cli")]
pub mod telemetry;
pub mod voter;
