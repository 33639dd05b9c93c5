//! Five real voters, three real candidates, and the files they need.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use super::candidate::{Candidate, log_in, tail};
use super::interrupt::Interrupt;
use super::times::{TTL, VOTER_TIMEOUT};
use crate::config::duration;
use crate::local::{Directory, LocalServer, ServerOptions};

/// The candidates.
pub(super) const NAMES: [&str; 3] = ["ann", "ben", "cat"];
/// The voters.
pub(super) const VOTERS: [&str; 5] = ["v1", "v2", "v3", "v4", "v5"];
/// A majority of them.
pub(super) const QUORUM: usize = VOTERS.len() / 2 + 1;
const ELECTION: &str = "demo";
/// Where a voter keeps what it remembers of [`ELECTION`].
pub(super) const RECORD: &str = "quorate:{demo}:record";

/// Its lease key.
pub(super) const LEASE: &str = "quorate:{demo}:lease";

/// Why a demo does not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    /// Something was not as the protocol promises.
    #[error("{0}")]
    Broken(String),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The machine did not do what was asked of it: no verdict about the protocol.
    #[error(transparent)]
    Trouble(#[from] anyhow::Error),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<crate::local::LocalError> for Stop {
    fn from(error: crate::local::LocalError) -> Self {
        Self::Trouble(error.into())
    }
}

/// The voters, and what the candidates are started with. It ends, and its files go, when this is dropped.
#[derive(Debug)]
pub(super) struct Company {
    pub(super) voters: Vec<LocalServer>,
    directory: Directory,
}

impl Company {
    /// Starts the voters.
    pub(super) fn start(options: &ServerOptions, interrupt: &Interrupt) -> Result<Self, Stop> {
        let mut voters = Vec::new();
        for _ in VOTERS {
            if interrupt.has_come() {
                return Err(Stop::Interrupted);
            }
            voters.push(LocalServer::start(options.clone())?);
        }
        let company = Self { voters, directory: Directory::new()? };
        fs::write(company.config(), company.configuration()).context("cannot write the configuration")?;
        Ok(company)
    }

    /// Starts a candidate, for the first time or again, and waits until it listens.
    pub(super) fn candidate(&self, candidate: usize, interrupt: &Interrupt) -> Result<Candidate, Stop> {
        let name = NAMES[candidate];
        let log = log_in(self.directory.path(), name);
        let process = Candidate::start(name, &self.config(), &log, interrupt);
        if interrupt.has_come() {
            return Err(Stop::Interrupted);
        }
        Ok(process?)
    }

    /// The end of a candidate's log.
    pub(super) fn last_words(&self, name: &str, count: usize) -> Vec<String> {
        tail(&log_in(self.directory.path(), name), count)
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("quorate.yaml")
    }

    fn configuration(&self) -> String {
        let voter =
            |(name, server): (&&str, &LocalServer)| format!("{{name: {name}, url: \"{}\"}}", server.url());
        let voters: Vec<String> = VOTERS.iter().zip(&self.voters).map(voter).collect();
        let (voters, ttl) = (voters.join(", "), duration::format(TTL));
        let timeout = duration::format(VOTER_TIMEOUT);
        format!(
            "election: {ELECTION}\nvoters: [{voters}]\ntiming: {{ttl: {ttl}, voterTimeout: {timeout}}}\nhttp: {{listen: \"127.0.0.1:0\"}}\n"
        )
    }
}
