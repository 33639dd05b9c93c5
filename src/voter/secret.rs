//! A text that must not be seen: whatever prints it shows [`MASK`].

use std::fmt;

/// What stands where a secret would be.
pub const MASK: &str = "***";

/// A password. It shows as [`MASK`], and it does not serialise.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text to itself.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it to a voter.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_to_nobody_who_only_prints_it() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {:?}", Some(&secret)), "*** Some(***)");
    }
}
