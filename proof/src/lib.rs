//! The proof that the protocol keeps its promises, over the product's own core.
//!
//! `world` simulates candidates, voters and links with everything that may go wrong between them; `storms`, `limits`
//! and `matrix` live through many such worlds. `search` exhausts every order of events on three voters.
//! `mutants` plants bugs and sees who catches them. What all of it shows is told in docs/safety.md.

/// The product's sources, as far as the proof needs them: the core, which knows no clock, no I/O and no randomness.
#[path = "../../src"]
mod product {
    pub mod core;
}

pub use product::core;

/// What is planted in every test of the core, which are compiled into this crate's tests as well.
#[cfg(test)]
fn planted_everywhere() -> Option<String> {
    std::env::var("QUORATE_PLANTED").ok()
}

pub mod agenda;
pub mod cells;
pub mod chance;
pub mod clock;
pub mod contender;
pub mod counted;
pub mod documented;
pub mod host;
pub mod limits;
pub mod matrix;
pub mod mutants;
pub mod oracles;
pub mod redlock;
pub mod runner;
pub mod search;
pub mod server;
pub mod storms;
pub mod weather;
pub mod world;
