//! A place for the files of a process.

use std::io;
use std::path::{Path, PathBuf};

use super::LocalError;

/// A directory that goes away with its owner.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(crate) fn new() -> Result<Self, LocalError> {
        let system = |source| LocalError::System { what: "cannot make a directory", source };
        let number = getrandom::u64().map_err(|error| system(io::Error::other(error.to_string())))?;
        let path = std::env::temp_dir().join(format!("quorate-{number:016x}"));
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        std::fs::create_dir(&path).map_err(|error| system(named(error)))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A directory that stays behind harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
