//! Why a configuration is refused: for each problem one sentence with key, value, where it came from, what is
//! allowed and what to do. Values that may hold a secret are masked before they get here.

use std::fmt;
use std::path::PathBuf;

/// Longer values are cut in messages, in characters.
const SHOWN_VALUE_LIMIT: usize = 100;
/// More problems than this are counted, not printed: nobody reads them, and a file may hold a million.
const SHOWN_PROBLEMS_LIMIT: usize = 20;

/// Where a value came from. The order is that of precedence: a later origin wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The configuration file; line and column count from 1.
    File {
        /// As it was given.
        path: PathBuf,
        /// Line.
        line: usize,
        /// Column, in characters.
        column: usize,
    },
    /// An environment variable.
    Environment {
        /// Its whole name.
        name: String,
    },
    /// A flag of the command line.
    Flag {
        /// With its dashes.
        name: String,
    },
}

impl Origin {
    /// Whether `self` comes from a layer that is stronger than that of `other`.
    pub(crate) fn is_stronger_than(&self, other: &Self) -> bool {
        self.layer() > other.layer()
    }

    const fn layer(&self) -> u8 {
        match self {
            Self::File { .. } => 0,
            Self::Environment { .. } => 1,
            Self::Flag { .. } => 2,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment { name } | Self::Flag { name } => f.write_str(name),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(Box<Sentence>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Sentence {
    key: String,
    value: Option<String>,
    origin: Option<Origin>,
    rule: String,
    remedy: String,
}

impl Problem {
    /// `key … {rule}: {remedy}`; `rule` continues the sentence, as "must be …" or "is not …".
    pub(crate) fn new(key: impl Into<String>, rule: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (rule, remedy) = (rule.into(), remedy.into());
        Self(Box::new(Sentence { key: shown(&key.into()), value: None, origin: None, rule, remedy }))
    }

    /// Shows a value that cannot be a secret.
    #[must_use]
    pub(crate) fn with_value(mut self, value: &str) -> Self {
        self.0.value = Some(shown(value));
        self
    }

    /// Says where it came from.
    #[must_use]
    pub(crate) fn at(mut self, origin: &Origin) -> Self {
        self.0.origin = Some(origin.clone());
        self
    }
}

/// A value fit for one line: control characters escaped, long ones cut.
fn shown(value: &str) -> String {
    let mut short: String = value.chars().take(SHOWN_VALUE_LIMIT).flat_map(char::escape_debug).collect();
    if value.chars().nth(SHOWN_VALUE_LIMIT).is_some() {
        short.push('…');
    }
    short
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sentence { key, value, origin, rule, remedy } = self.0.as_ref();
        f.write_str(key)?;
        if let Some(value) = value {
            write!(f, " = \"{value}\"")?;
        }
        if let Some(origin) = origin {
            write!(f, " ({origin})")?;
        }
        write!(f, " {rule}: {remedy}")
    }
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    problems: Vec<Problem>,
}

impl Refused {
    /// The problems in the order in which they were found.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().take(SHOWN_PROBLEMS_LIMIT).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        match self.problems.len().saturating_sub(SHOWN_PROBLEMS_LIMIT) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// There is no value, and the problem that is why has been noted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted;

/// Collects problems, so that one run tells all of them.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// The value, or nothing and the problem noted.
    pub(crate) fn note<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.push(problem)).ok()
    }

    pub(crate) fn into_result(self) -> Result<(), Refused> {
        if self.0.is_empty() { Ok(()) } else { Err(Refused { problems: self.0 }) }
    }
}
