//! Whether the work does its job, as somebody outside of it can tell: an HTTP request or a command.

use std::fmt;
use std::io;
use std::net::Ipv6Addr;
use std::os::unix::process::CommandExt;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use nix::sys::signal::{Signal, killpg};
use tokio::net::TcpStream;
use tokio::sync::oneshot::error::TryRecvError;

use super::children::{Child, Starter};
use crate::clock;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Healthy is an answer from 200 to 399.
    Http(Target),
    /// A line for `sh -c`; healthy is 0.
    Command(String),
}

/// How often, and how patiently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is asked.
    pub probe: Probe,
    /// Between an answer and the next question.
    pub interval: Duration,
    /// No answer within it is a failure.
    pub timeout: Duration,
    /// So many failures in a row are too many.
    pub failures: u32,
    /// From the start of the work; failures do not count before, unless it was healthy once.
    pub start_period: Duration,
}

/// An `http://` address that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    uri: Uri,
    host: String,
    port: u16,
}

/// Not an address that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be http://HOST[:PORT][/PATH]: the work is on this host, where TLS adds nothing")]
pub struct BadTarget;

impl FromStr for Target {
    type Err = BadTarget;

    fn from_str(text: &str) -> Result<Self, BadTarget> {
        let uri: Uri = text.parse().map_err(|_| BadTarget)?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(BadTarget)?;
        if uri.scheme_str() != Some("http") || uri.authority().is_some_and(|all| all.as_str().contains('@')) {
            return Err(BadTarget);
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if host.starts_with('[') && bare.parse::<Ipv6Addr>().is_err() {
            return Err(BadTarget);
        }
        let (host, port) = (bare.to_owned(), uri.port_u16().unwrap_or(80));
        Ok(Self { uri, host, port })
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(target) => write!(f, "{}", target.uri),
            Self::Command(line) => write!(f, "`{line}`"),
        }
    }
}

impl Check {
    /// Answers why, once the work has failed too often in a row. `shell` makes the process of a line for `sh -c`.
    pub(super) async fn until_unhealthy(&self, starter: &Starter, shell: impl Fn(&str) -> Command) -> String {
        let mut is_starting = true;
        let mut failed = 0;
        let begun = clock::now().at;
        loop {
            tokio::time::sleep(self.interval).await;
            let answer = tokio::time::timeout(self.timeout, self.ask(starter, &shell)).await;
            let is_early = clock::now().at.observer_elapsed(begun) < self.start_period;
            is_starting = is_starting && is_early && !matches!(answer, Ok(Ok(())));
            let why = match answer {
                Ok(Ok(())) => {
                    failed = 0;
                    continue;
                }
                Ok(Err(why)) => why,
                Err(_) => format!("no answer within {:?}", self.timeout),
            };
            failed += u32::from(!is_starting);
            tracing::info!(probe = %self.probe, why, failed, of = self.failures, "the work failed its check");
            if failed >= self.failures {
                return format!("{}: {why}", self.probe);
            }
        }
    }

    async fn ask(&self, starter: &Starter, shell: impl Fn(&str) -> Command) -> Result<(), String> {
        match &self.probe {
            Probe::Http(target) => match target.get().await {
                Ok(code) if code.is_success() || code.is_redirection() => Ok(()),
                Ok(code) => Err(format!("it answers {code}")),
                Err(error) => Err(error.to_string()),
            },
            Probe::Command(line) => run(starter, shell(line)).await,
        }
    }
}

impl Target {
    async fn get(&self) -> io::Result<StatusCode> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = self.uri.authority().map_or(self.host.as_str(), |authority| authority.as_str());
        let request = Request::get(path).header(HOST, host).body(String::new()).map_err(io::Error::other)?;
        let mut asking = pin!(sender.send_request(request));
        let answer = tokio::select! {
            biased;
            answer = &mut asking => answer,
            // The answer may have come with the end of the connection.
            _ = connection => asking.await,
        };
        Ok(answer.map_err(io::Error::other)?.status())
    }
}

/// Kills what has not ended when it is dropped: a check that takes too long.
struct Overdue(Child);

impl Drop for Overdue {
    fn drop(&mut self) {
        if self.0.ended.try_recv() == Err(TryRecvError::Empty) {
            // Not reaped, so the number is still its own.
            let _ = killpg(self.0.pid, Signal::SIGKILL);
        }
    }
}

async fn run(starter: &Starter, mut command: Command) -> Result<(), String> {
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = starter.start(command).map_err(|error| format!("cannot run sh: {error}"))?;
    let mut overdue = Overdue(child);
    let ended = (&mut overdue.0.ended).await.map_err(|_| "it was lost".to_owned())?;
    if ended.code == 0 { Ok(()) } else { Err(format!("it ends with {}", ended.code)) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
    use super::*;

    #[test]
    fn only_what_can_be_asked_is_a_target() {
        let target: Target = "http://localhost:8080/healthz?deep=1".parse().unwrap();
        assert_eq!((target.host.as_str(), target.port), ("localhost", 8080));
        let target: Target = "http://[::1]/".parse().unwrap();
        assert_eq!((target.host.as_str(), target.port), ("::1", 80));
        for bad in [
            "https://localhost/",
            "localhost:80",
            "http://",
            "http:///x",
            "http://u:p@host/",
            "http://[::z]/",
            "",
        ] {
            assert_eq!(bad.parse::<Target>(), Err(BadTarget), "{bad}");
        }
    }
}
