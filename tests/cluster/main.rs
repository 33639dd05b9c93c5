//! The chart and real pods on a real Kubernetes, which `KUBECONFIG` names: `make test-cluster`.
//!
//! What strikes nodes or the control plane itself needs a cluster of `make cluster-up`, which `CLUSTER` names; on any other
//! those tests say that they did nothing.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not what it must be")]

#[path = "../common/mod.rs"]
mod common;

mod faults;
mod gates;
mod installed;
mod kubernetes;
mod lifecycle;
mod modes;
mod nodes;
mod onlookers;
mod ours;
mod release;
mod rollouts;
mod two_clusters;
mod watch;
mod work;
