//! What a Rust program needs to take part in an election, and nothing else: voters that are shared, an election that
//! campaigns when asked, a leadership that can be asked and must be given up.
//!
//! This is the whole public surface; what it stands on is visible for the benchmarks and the tests of this
//! repository, hidden from the documentation, and no promise (docs/adr/0006-library.md).

mod builder;
mod election;
mod error;
mod holding;
mod leadership;
mod voters;

pub use self::builder::ElectionBuilder;
pub use self::election::Election;
pub use self::error::Error;
pub use self::leadership::Leadership;
pub use self::voters::{Voters, VotersBuilder};
