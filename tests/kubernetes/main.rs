//! Gates on a real API server, which `KUBECONFIG` names: `make test-gates`. No kubelet is needed: pods are objects, and
//! candidates run here with their names.
#![expect(clippy::float_cmp, reason = "what is counted is whole")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where a value is not what it must be")]

#[path = "../common/mod.rs"]
mod common;

mod fenced;
mod outage;
mod repair;
mod rights;
mod shown;
mod space;
mod speed;
