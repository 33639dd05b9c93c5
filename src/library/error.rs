//! What can go wrong for a program that takes part in an election.

use crate::voter::{Unfit, UrlError};

/// Why there is no [`Voters`](crate::Voters), no [`Election`](crate::Election) or no [`Leadership`](crate::Leadership).
///
/// A voter in trouble is none of these: it is logged, shown by [`Election::status`](crate::Election::status), and
/// asked again. No message holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is not what it must be.
    #[error("{setting}{} {rule}: {remedy}", shown(value.as_deref()))]
    Setting {
        /// Which, by the method that sets it.
        setting: String,
        /// What it was, where that cannot be a secret.
        value: Option<String>,
        /// What it must be; continues a sentence that begins with the setting.
        rule: String,
        /// What to do.
        remedy: String,
    },
    /// It was asked for outside of a tokio runtime.
    #[error("there is no tokio runtime here: start the election inside one that has I/O and time enabled")]
    NoRuntime,
    /// Campaigning again needs the former leadership to be over, and its work to have stopped.
    #[error("the leadership of term {term} is still held: stop its work, then resign or drop all its clones")]
    StillHeld {
        /// Its term.
        term: u64,
    },
    /// The voters serve an election of the same name that was configured with other voters. This candidate proposes
    /// nothing any more.
    #[error(
        "the voters serve this election for other voters ({theirs}) than the configured ones ({ours}): correct \
         the list, or stop all candidates, run `quorate reset` with it, and start them"
    )]
    OtherVoters {
        /// As the record that was read says.
        theirs: String,
        /// As configured.
        ours: String,
    },
    /// The voters' records are written by another version of Quorate. This candidate proposes nothing any more.
    #[error(
        "the voters' records have the format {theirs} of another version of Quorate: run one version everywhere"
    )]
    OtherFormat {
        /// As the record that was read says.
        theirs: String,
    },
    /// The election's task has ended: the runtime is shutting down, or the operating system refused something.
    #[error("the election's task has ended, {cause}: start the election anew")]
    Ended {
        /// Why.
        cause: String,
    },
}

impl Error {
    pub(super) fn setting(
        setting: impl Into<String>,
        rule: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Setting { setting: setting.into(), value: None, rule: rule.into(), remedy: remedy.into() }
    }

    /// Shows a value that cannot be a secret.
    pub(super) fn with_value(self, shown: &str) -> Self {
        match self {
            Self::Setting { setting, value: _, rule, remedy } => {
                let value = Some(shown.chars().flat_map(char::escape_debug).collect());
                Self::Setting { setting, value, rule, remedy }
            }
            other => other,
        }
    }

    pub(super) fn unfit(setting: &str, value: &str, Unfit { rule, remedy }: Unfit) -> Self {
        Self::setting(setting, rule, remedy).with_value(value)
    }

    /// The URL itself may hold a password.
    pub(super) fn url(voter: &str, UrlError { rule, remedy }: UrlError) -> Self {
        Self::setting(format!("the URL of voter {}", voter.escape_debug()), rule, remedy)
    }
}

fn shown(value: Option<&str>) -> String {
    value.map_or_else(String::new, |value| format!(" = \"{value}\""))
}
