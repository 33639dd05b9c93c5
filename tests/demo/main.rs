//! `quorate demo` as people run it, as a script and live: what it shows, how it fails, and that nothing is left of it.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]
#![expect(clippy::disallowed_methods, reason = "limits of waits, not validity")]

mod live;
mod remains;
mod script;
mod terminal;
