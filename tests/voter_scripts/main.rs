//! The five operations and every rule of their prelude, on every server version that is promised.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where a value is not what it must be")]

#[path = "../common/mod.rs"]
mod common;

mod operations;
mod prelude;
