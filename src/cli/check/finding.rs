//! What a check finds: a sentence on what is so, why it matters, and what to do.

use serde::Serialize;

/// How bad it is; the worst one decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Severity {
    /// Good to know.
    Note,
    /// An election works, but worse than it could.
    Warning,
    /// A voter does not vote, or must not be trusted with one.
    Failure,
}

impl Severity {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// What was looked at. A closed list, so that scripts can pick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Topic {
    /// Reaching it, TLS, logging in, within the voter timeout.
    Connection,
    /// What its user may do.
    Rights,
    /// Whether it takes writes.
    Writes,
    /// A primary of its own, without replicas.
    Role,
    /// No part of a cluster.
    Cluster,
    /// The server's version.
    Version,
    /// One server, one vote.
    Distinct,
    /// `maxmemory-policy`.
    Eviction,
    /// Whether saving works.
    Persistence,
    /// Room for what it has to remember.
    Memory,
    /// Round trips against the timing.
    RoundTrip,
    /// Its wall clock against ours.
    Clock,
    /// Whether it remembers and may vote.
    Standing,
    /// Whose record it keeps.
    Electorate,
    /// Another client's lock in the place of the lease key.
    ForeignKey,
    /// Whether releases will be heard of.
    Hints,
    /// What can fail at once.
    Domain,
    /// Whether enough voters can be used.
    Quorum,
    /// The ttl of who leads, against ours.
    Ttl,
    /// What the configuration itself should not say.
    Configuration,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// Null: about the election as a whole.
    pub(super) voter: Option<String>,
    pub(super) topic: Topic,
    pub(super) what: String,
    pub(super) why: String,
    pub(super) remedy: String,
}

/// Collects findings about one voter, or about the election.
pub(super) struct Findings<'a> {
    found: &'a mut Vec<Finding>,
    voter: Option<&'a str>,
}

impl<'a> Findings<'a> {
    pub(super) fn about(voter: Option<&'a str>, found: &'a mut Vec<Finding>) -> Self {
        Self { found, voter }
    }

    pub(super) fn failure(&mut self, topic: Topic, what: impl Into<String>, why: &str, remedy: &str) {
        self.add(Severity::Failure, topic, what.into(), why, remedy);
    }

    pub(super) fn warning(&mut self, topic: Topic, what: impl Into<String>, why: &str, remedy: &str) {
        self.add(Severity::Warning, topic, what.into(), why, remedy);
    }

    pub(super) fn note(&mut self, topic: Topic, what: impl Into<String>, why: &str, remedy: &str) {
        self.add(Severity::Note, topic, what.into(), why, remedy);
    }

    fn add(&mut self, severity: Severity, topic: Topic, what: String, why: &str, remedy: &str) {
        self.found.push(Finding {
            severity,
            voter: self.voter.map(str::to_owned),
            topic,
            what,
            why: why.to_owned(),
            remedy: remedy.to_owned(),
        });
    }
}
