//! Logs: one line an event on standard error, for people or as JSON.
//!
//! Lines are handed to a thread of their own, which drops them while nobody reads standard error: a blocked log must
//! not stop an election.
//!
//! Crates that we use are heard from `warn` on unless `debug` or `trace` is asked for, because theirs are not the
//! transitions that an operator looks for.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{Log, LogFormat, LogLevel};

/// How many lines wait for whoever reads standard error, before more are dropped: minutes at `info`, a burst at `trace`.
/// The room for them is taken at once, 32 bytes each; the crate's own limit would be half of what the process needs.
const LINES_WAITING: usize = 4096;

/// Begins to log, for the rest of the process. What was logged last is written when the guard is dropped.
///
/// # Errors
///
/// Where it was done before.
pub fn begin(log: Log) -> Result<WorkerGuard, TryInitError> {
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(LINES_WAITING).finish(io::stderr());
    begin_with(log, writer)?;
    Ok(guard)
}

/// The same for a process that must have no second thread: a line that standard error does not take at once is dropped.
///
/// # Errors
///
/// Where it was done before.
pub fn begin_without_threads(log: Log) -> Result<(), TryInitError> {
    begin_with(log, || WhatIsTakenAtOnce)
}

/// What is told meanwhile stands on standard error before this ends, unless nobody takes it at once: for a process that
/// is about to end without waiting for the thread that writes.
pub fn log_at_once(log: Log, tell: impl FnOnce()) {
    tracing::subscriber::with_default(subscriber(log, || WhatIsTakenAtOnce), tell);
}

struct WhatIsTakenAtOnce;

impl Write for WhatIsTakenAtOnce {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let stderr = io::stderr();
        let mut ready = [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)];
        if poll(&mut ready, PollTimeout::ZERO)? > 0 { stderr.lock().write(line) } else { Ok(line.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn begin_with<W>(log: Log, writer: W) -> Result<(), TryInitError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    subscriber(log, writer).try_init()
}

fn subscriber<W>(log: Log, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let is_terminal = io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = if is_json(log.format, is_terminal) {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    } else {
        lines.with_ansi(is_coloured(is_terminal)).with_target(false).boxed()
    };
    tracing_subscriber::registry().with(lines.with_filter(filter(log.level)))
}

fn is_json(format: LogFormat, is_terminal: bool) -> bool {
    match format {
        LogFormat::Json => true,
        LogFormat::Plain => false,
        LogFormat::Auto => !is_terminal,
    }
}

/// Colours only on a terminal that can show them and whose owner has not said `NO_COLOR` (<https://no-color.org>).
pub(crate) fn is_coloured(is_terminal: bool) -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_terminal && !is_dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn filter(level: LogLevel) -> Targets {
    let (ours, others) = match level {
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
        LogLevel::Warn => (LevelFilter::WARN, LevelFilter::WARN),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::WARN),
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::INFO),
        LogLevel::Trace => (LevelFilter::TRACE, LevelFilter::DEBUG),
    };
    // kube tells of an answer that it cannot read with all of it; we tell of it ourselves, in a line.
    let targets = Targets::new().with_target(env!("CARGO_CRATE_NAME"), ours).with_default(others);
    if level == LogLevel::Trace { targets } else { targets.with_target("kube_client", LevelFilter::OFF) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_plain_on_a_terminal_and_json_elsewhere() {
        assert!(!is_json(LogFormat::Auto, true));
        assert!(is_json(LogFormat::Auto, false));
        assert!(is_json(LogFormat::Json, true));
        assert!(!is_json(LogFormat::Plain, false));
    }

    #[test]
    fn nothing_is_coloured_outside_a_terminal() {
        assert!(!is_coloured(false));
    }

    #[test]
    fn other_crates_are_quiet_at_info() {
        let filter = filter(LogLevel::Info);
        assert!(filter.would_enable("quorate::election", &tracing::Level::INFO));
        assert!(!filter.would_enable("redis", &tracing::Level::INFO));
        assert!(filter.would_enable("redis", &tracing::Level::WARN));
    }
}
