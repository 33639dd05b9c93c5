//! What an operator should mend before it hurts.

use super::trouble::Trouble;

/// What is wrong with a voter although it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// Why its hints are not heard; most likely a right is missing.
    pub hints: Option<Trouble>,
    /// Why the own password cannot be read any more; the last one that could be is used.
    pub password: Option<Trouble>,
}
