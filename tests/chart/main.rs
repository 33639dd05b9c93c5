//! The chart: what it renders and what it refuses, with Helm 3 and 4; its alerts and dashboard against promtool and the
//! real `/metrics`; the configuration it makes against the real binary; its voters' scripts against real servers.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where a value is not what it must be")]

#[path = "../common/mod.rs"]
mod common;

mod alerts;
mod configuration;
mod dashboard;
mod documents;
mod examples;
mod harness;
mod monitored;
mod monitoring;
mod refused;
mod rendered;
mod sidecar;
mod upgrades;
mod voters;
mod wrapped;
