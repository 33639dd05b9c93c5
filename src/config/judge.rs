//! Turns single texts into values: each question names a key, answers its value or default, and notes what is wrong.
//! After a problem the answer is nothing and the other keys are still judged, so that one run tells everything.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::duration;
use super::problem::{Problem, Problems};
use super::values::{Entry, Values};
use crate::files::FileError;

pub(super) struct Judge<'a> {
    values: &'a Values,
    problems: &'a mut Problems,
}

impl<'a> Judge<'a> {
    pub(super) fn new(values: &'a Values, problems: &'a mut Problems) -> Self {
        Self { values, problems }
    }

    /// What somebody wrote for a key.
    pub(super) fn written(&self, key: &str) -> Option<&'a Entry> {
        self.values.get(key)
    }

    /// What somebody wrote for a key, unless it is empty.
    pub(super) fn text(&self, key: &str) -> Option<&'a Entry> {
        self.written(key).filter(|entry| !entry.value.is_empty())
    }

    pub(super) fn note<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        self.problems.note(result)
    }

    /// Notes that what was written for a key breaks a rule.
    pub(super) fn refuse(&mut self, key: &str, rule: impl Into<String>, remedy: impl Into<String>) {
        let problem = Problem::new(key, rule, remedy);
        self.problems.push(match self.written(key) {
            Some(entry) => problem.with_value(&entry.value).at(&entry.origin),
            None => problem,
        });
    }

    /// A duration between two bounds, both allowed; `allowed` names them.
    pub(super) fn duration(
        &mut self,
        key: &str,
        default: Duration,
        shortest: Duration,
        longest: Duration,
        allowed: &str,
    ) -> Option<Duration> {
        let Some(entry) = self.written(key) else { return Some(default) };
        match duration::parse(&entry.value) {
            Some(duration) if (shortest..=longest).contains(&duration) => return Some(duration),
            Some(short) if short < shortest => {
                self.refuse(
                    key,
                    format!("must be {allowed}"),
                    format!("give at least {}", duration::format(shortest)),
                );
            }
            Some(_) => {
                self.refuse(
                    key,
                    format!("must be {allowed}"),
                    format!("give at most {}", duration::format(longest)),
                );
            }
            None => {
                let rule = format!("must be a duration of {allowed}");
                self.refuse(key, rule, "write it with its unit, as 500ms, 1.5s or 1m30s");
            }
        }
        None
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, default: T, choices: &[(&str, T)]) -> Option<T> {
        let Some(entry) = self.written(key) else { return Some(default) };
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == entry.value) {
            return Some(*value);
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        self.refuse(key, format!("must be one of {}", names.join(", ")), "choose one, in small letters");
        None
    }

    /// `true` or `false`.
    pub(super) fn switch(&mut self, key: &str, default: bool) -> Option<bool> {
        self.choice(key, default, &[("true", true), ("false", false)])
    }
}

/// The path in an entry, if the file can be read as what it has to be.
pub(super) fn checked_file<T>(
    key: &str,
    entry: &Entry,
    read: fn(&Path) -> Result<T, FileError>,
) -> Result<PathBuf, Problem> {
    let path = PathBuf::from(&entry.value);
    match read(&path) {
        Ok(_) => Ok(path),
        Err(why) => {
            let remedy = match why {
                FileError::Unreadable(_) => "give the path of a file that this process may read",
                FileError::NotText | FileError::Empty => "write the password into it, and nothing else",
                FileError::NoCertificate | FileError::NoPrivateKey => {
                    "give the path of a PEM file, with lines of -----BEGIN … and -----END …"
                }
            };
            Err(Problem::new(key, format!("names a file that {why}"), remedy)
                .with_value(&entry.value)
                .at(&entry.origin))
        }
    }
}
