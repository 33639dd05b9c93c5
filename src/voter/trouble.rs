//! Why a voter did not vote, told so that an operator knows what to do.
//!
//! A trouble never carries a password, a URL or a server's raw bytes: servers may echo the arguments of a command
//! that they refuse, so of their messages only the part before an echo is kept.

use std::fmt;

/// How much of a server's message is kept, in characters.
const MESSAGE_LIMIT: usize = 160;

/// Why the answer to a question was silence, *replica* or *mismatch*. Displays as a sentence: what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Which kind, for a metric's label and to notice changes.
    pub kind: TroubleKind,
    detail: String,
}

/// The kinds of trouble: a closed list, each with a label for `quorate_voter_errors_total{voter,kind}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TroubleKind {
    /// No complete answer within the question's timeout.
    Timeout,
    /// Nobody listens there.
    Refused,
    /// No way there, or the connection broke.
    Unreachable,
    /// The host name cannot be resolved.
    Dns,
    /// TLS failed: certificates, names, or files of ours.
    Tls,
    /// Our own password cannot be read.
    Credentials,
    /// `NOAUTH`: a password is needed and none is configured.
    NoAuth,
    /// `WRONGPASS`: user or password are wrong.
    WrongPass,
    /// `NOPERM`: the user lacks a right.
    NoPerm,
    /// `LOADING`: reading its data set from disk.
    Loading,
    /// `BUSY`: a script has been running for too long.
    Busy,
    /// `MISCONF`: refuses writes because it cannot persist.
    Misconf,
    /// `READONLY`: refuses writes because it is a replica.
    ReadOnly,
    /// `OOM`: refuses writes because its memory is full.
    OutOfMemory,
    /// It is part of a cluster, or a sentinel.
    Cluster,
    /// Its connections are used up.
    MaxClients,
    /// It is not a primary.
    Replica,
    /// The record belongs to other voters, another voter or another format.
    Mismatch,
    /// It is the same server as another configured voter; only who asks all of them can tell.
    Duplicate,
    /// What listens there does not speak the Redis protocol.
    Garbage,
    /// It speaks the protocol but the answer is none of ours.
    Malformed,
    /// Any other error of the server.
    Other,
}

impl TroubleKind {
    /// All of them, so that every label can be initialised.
    pub const ALL: [Self; 22] = [
        Self::Timeout,
        Self::Refused,
        Self::Unreachable,
        Self::Dns,
        Self::Tls,
        Self::Credentials,
        Self::NoAuth,
        Self::WrongPass,
        Self::NoPerm,
        Self::Loading,
        Self::Busy,
        Self::Misconf,
        Self::ReadOnly,
        Self::OutOfMemory,
        Self::Cluster,
        Self::MaxClients,
        Self::Replica,
        Self::Mismatch,
        Self::Duplicate,
        Self::Garbage,
        Self::Malformed,
        Self::Other,
    ];

    /// The stable, short label of this kind.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Credentials => "credentials",
            Self::NoAuth => "noauth",
            Self::WrongPass => "wrongpass",
            Self::NoPerm => "noperm",
            Self::Loading => "loading",
            Self::Busy => "busy",
            Self::Misconf => "misconf",
            Self::ReadOnly => "readonly",
            Self::OutOfMemory => "oom",
            Self::Cluster => "cluster",
            Self::MaxClients => "maxclients",
            Self::Replica => "replica",
            Self::Mismatch => "mismatch",
            Self::Duplicate => "duplicate",
            Self::Garbage => "garbage",
            Self::Malformed => "malformed",
            Self::Other => "other",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Timeout => "did not answer in time; is the server stopped, overloaded or cut off?",
            Self::Refused => "nothing listens at the address; start the server or correct the voter's url",
            Self::Unreachable => {
                "cannot be reached or closed the connection; check the server and the network between"
            }
            Self::Dns => "the host name does not resolve; correct the voter's url or the name service",
            Self::Tls => {
                "no TLS session; check scheme and port, tls.caFile, tls.serverName and the certificates"
            }
            Self::Credentials => {
                "the own password cannot be read; check auth.passwordFile or auth.passwordEnv"
            }
            Self::NoAuth => "asks for a password (NOAUTH); configure auth for this voter",
            Self::WrongPass => {
                "refuses user or password (WRONGPASS); correct auth, or the user on the server"
            }
            Self::NoPerm => "the user lacks a right (NOPERM); grant the rights listed in docs/operations.md",
            Self::Loading => "is loading its data from disk (LOADING); it votes again when that is done",
            Self::Busy => "is kept busy by somebody's script (BUSY); end it with SCRIPT KILL",
            Self::Misconf => {
                "refuses writes because it cannot save to disk (MISCONF); free the disk or stop saving"
            }
            Self::ReadOnly => {
                "refuses writes (READONLY): it is a replica; a voter must be a primary of its own"
            }
            Self::OutOfMemory => {
                "refuses writes because its memory is full (OOM); raise maxmemory or free memory"
            }
            Self::Cluster => {
                "runs in cluster or sentinel mode; a voter must be a standalone server of its own"
            }
            Self::MaxClients => "has no connection left (maxclients); raise maxclients or close idle clients",
            Self::Replica => "is a replica; a voter must be a primary of its own",
            Self::Mismatch => {
                "keeps a record that is not of this configuration; give the voters, names and version that wrote it, or see \"Changing the voters\" in docs/operations.md"
            }
            Self::Duplicate => {
                "is the same server as another voter, so neither counts; give each voter a server of its own"
            }
            Self::Garbage => {
                "does not speak the Redis protocol; correct the voter's url, or its scheme if TLS is on"
            }
            Self::Malformed => {
                "answered what Quorate never writes; if somebody edited the record by hand, delete it, and the voter joins again"
            }
            Self::Other => "answered with an error",
        }
    }
}

impl Trouble {
    /// What is wrong, and what to do about it where that is known.
    #[must_use]
    pub fn advice(&self) -> (String, Option<&'static str>) {
        let (what, remedy) = match self.kind.sentence().split_once("; ") {
            Some((what, remedy)) => (what, Some(remedy)),
            None => (self.kind.sentence(), None),
        };
        let what = if self.detail.is_empty() { what.to_owned() } else { format!("{what} [{}]", self.detail) };
        (what, remedy)
    }

    pub(super) fn new(kind: TroubleKind) -> Self {
        Self { kind, detail: String::new() }
    }

    /// With what helps to find the cause. Text of a server must have gone through [`harmless`].
    pub(super) fn with(kind: TroubleKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// The same with more of what helps.
    pub(super) fn and(self, more: &str) -> Self {
        let detail =
            if self.detail.is_empty() { more.to_owned() } else { format!("{}; {more}", self.detail) };
        Self { detail, ..self }
    }

    /// From a failure to open, read or write a stream.
    pub(super) fn of_stream(error: &std::io::Error) -> Self {
        let is_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some();
        let kind = match error.kind() {
            // A server that wants our certificate says so only after the handshake.
            _ if is_tls => TroubleKind::Tls,
            std::io::ErrorKind::InvalidData => TroubleKind::Garbage,
            std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound => TroubleKind::Refused,
            std::io::ErrorKind::TimedOut => TroubleKind::Timeout,
            _ => TroubleKind::Unreachable,
        };
        Self::with(kind, error.to_string())
    }

    /// From an error reply: its first word and the rest.
    pub(super) fn of_server(code: &str, message: &str) -> Self {
        let kind = kind_of_code(code)
            // 6.2 wraps errors inside a script: "ERR Error running script (call to f_…): @user_script: 12: -OOM …".
            .or_else(|| message.split([' ', '-', ':']).find_map(kind_of_code))
            .or_else(|| kind_of_words(message))
            .unwrap_or(TroubleKind::Other);
        Self::with(kind, harmless(&format!("{code} {message}")))
    }
}

fn kind_of_code(code: &str) -> Option<TroubleKind> {
    Some(match code {
        "NOAUTH" => TroubleKind::NoAuth,
        "WRONGPASS" => TroubleKind::WrongPass,
        "NOPERM" => TroubleKind::NoPerm,
        "LOADING" => TroubleKind::Loading,
        "BUSY" => TroubleKind::Busy,
        "MISCONF" => TroubleKind::Misconf,
        "READONLY" => TroubleKind::ReadOnly,
        "MASTERDOWN" => TroubleKind::Replica,
        "OOM" => TroubleKind::OutOfMemory,
        "WRONGTYPE" => TroubleKind::Malformed,
        "CLUSTERDOWN" | "MOVED" | "ASK" | "CROSSSLOT" => TroubleKind::Cluster,
        _ => return None,
    })
}

/// Errors that servers tell by words alone.
fn kind_of_words(message: &str) -> Option<TroubleKind> {
    if message.contains("max number of clients") {
        Some(TroubleKind::MaxClients)
    } else if message.contains("user executing the script can't") || message.contains("ACL failure in script")
    {
        Some(TroubleKind::NoPerm)
    } else if message.contains("without any password configured") || message.contains("invalid password") {
        Some(TroubleKind::WrongPass)
    } else {
        None
    }
}

/// A server's message without the arguments that it may echo, in one line, of bounded length.
fn harmless(message: &str) -> String {
    let told = message.split_once("with args").map_or(message, |(told, _echo)| told);
    told.trim_end_matches([' ', ','])
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MESSAGE_LIMIT)
        .collect()
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.sentence())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " [{}]", self.detail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed_once_with_a_label_of_its_own() {
        let labels: std::collections::BTreeSet<_> =
            TroubleKind::ALL.iter().map(|kind| kind.label()).collect();
        assert_eq!(labels.len(), TroubleKind::ALL.len());
        assert!(TroubleKind::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(TroubleKind::ALL.last(), Some(&TroubleKind::Other), "the last variant");
    }

    #[test]
    fn a_command_that_a_server_echoes_is_not_told() {
        let echo = "unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `s3cret`, ";
        let trouble = Trouble::of_server("ERR", echo);
        assert!(!trouble.to_string().contains("s3cret"), "{trouble}");
        assert!(trouble.to_string().contains("unknown command `HELLO`"), "{trouble}");
    }

    #[test]
    fn errors_inside_a_script_are_recognised_as_6_2_wraps_them() {
        let wrapped = "Error running script (call to f_5a): @user_script:12: @user_script: 12: -OOM command not allowed";
        assert_eq!(Trouble::of_server("ERR", wrapped).kind, TroubleKind::OutOfMemory);
        let wrapped = "Error running script (call to f_5a): @user_script:12: @user_script: 12: The user executing \
                       the script can't run this command or subcommand";
        assert_eq!(Trouble::of_server("ERR", wrapped).kind, TroubleKind::NoPerm);
    }
}
