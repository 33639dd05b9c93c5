//! Runs the binary on a file of our own, in an environment of our own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Three voters that nobody speaks with.
pub const VOTERS: &str = "voters:\n\
    - {name: a, url: \"redis://one:6379\"}\n\
    - {name: b, url: \"redis://two:6379\"}\n\
    - {name: c, url: \"redis://three:6379\"}\n";

/// A password that no output may show.
pub const PASSWORD: &str = "hunter2-7f3a";

/// A directory with files, and what stands in the environment and on the command line.
pub struct Setting {
    directory: TempDir,
    variables: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Setting {
    /// A file with this text.
    pub fn file(text: &str) -> Self {
        Self::bytes(text.as_bytes())
    }

    /// A file with an election, three voters, and this text.
    pub fn valid_and(text: &str) -> Self {
        Self::file(&format!("election: orders\n{VOTERS}{text}"))
    }

    /// A file with these bytes.
    pub fn bytes(bytes: &[u8]) -> Self {
        let setting =
            Self { directory: tempfile::tempdir().unwrap(), variables: Vec::new(), flags: Vec::new() };
        setting.write("quorate.yaml", bytes);
        setting
    }

    /// One more file beside it; answers its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// `quorate run --print-config`, in the directory of the file.
    pub fn print(&self) -> Printed {
        let output = Command::new(env!("CARGO_BIN_EXE_quorate"))
            .current_dir(self.directory.path())
            .env_clear()
            .envs(self.variables.iter().cloned())
            .args(["run", "--print-config", "--config", "quorate.yaml"])
            .args(&self.flags)
            .output()
            .unwrap();
        Printed::of(&output)
    }
}

/// What the binary said.
#[derive(Debug, PartialEq, Eq)]
pub struct Printed {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Printed {
    fn of(output: &Output) -> Self {
        let printed = Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        };
        assert!(
            !printed.out.contains(PASSWORD) && !printed.err.contains(PASSWORD),
            "a password shows: {printed:?}"
        );
        printed
    }

    /// The YAML of a configuration that was accepted.
    pub fn accepted(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self.out
    }

    /// Refused as a configuration, in sentences with all these fragments, and nothing on standard output.
    pub fn refused_with(&self, fragments: &[&str]) {
        assert_eq!(self.code, Some(64), "{self:?}");
        assert_eq!(self.out, "");
        for fragment in fragments {
            assert!(self.err.contains(fragment), "{fragment:?} is missing in: {}", self.err);
        }
    }
}

/// The line of a printed configuration that sets this key, wherever it is nested.
pub fn line<'a>(yaml: &'a str, key: &str) -> &'a str {
    let begins = format!("{key}: ");
    yaml.lines().map(str::trim).find(|line| line.starts_with(&begins)).unwrap_or_default()
}
