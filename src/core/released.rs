//! The word that a voter publishes when it is released.

use std::fmt;
use std::str::FromStr;

use super::record::{Ballot, Malformed, TERM_LIMIT};

/// What a hint tells of a release: whose it was, and the version that it left behind. Decides nothing: a grant built
/// on it is compared with the record like any other. Written as the two with a space between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// Whose.
    pub holder: Ballot,
    /// The record's, after the release.
    pub version: u64,
}

impl fmt::Display for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.holder, self.version)
    }
}

impl FromStr for Released {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.split_once(' ')
            .and_then(|(holder, version)| {
                Some(Self {
                    holder: holder.parse().ok()?,
                    version: version.parse().ok().filter(|&version| version < TERM_LIMIT)?,
                })
            })
            .ok_or_else(|| Malformed::new("the hint", text))
    }
}
