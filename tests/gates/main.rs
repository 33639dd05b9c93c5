//! Gates against an API server that misbehaves as no real one does when it is told to: it throttles, hangs, answers
//! nonsense, refuses a token, and lets somebody else write between a read and a write. A stand-in, therefore, for this
//! alone; what gates do to a real API server is in tests/kubernetes.
#![cfg(feature = "kubernetes")]
#![expect(clippy::float_cmp, reason = "what is counted is whole")]
#![expect(clippy::unwrap_used, reason = "a test ends where a value is not what it must be")]

#[path = "../common/mod.rs"]
mod common;

mod authority;
mod compared;
mod stand_in;
mod trouble;
