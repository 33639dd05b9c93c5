//! What the log shows.

/// How and how much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The shape of a line.
    pub format: LogFormat,
    /// The least important level that is shown.
    pub level: LogLevel,
}

/// The shape of a line in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Plain,
    /// Plain on a terminal, else JSON.
    #[default]
    Auto,
}

/// The least important level that is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Something broke.
    Error,
    /// Something needs a look.
    Warn,
    /// Every transition.
    #[default]
    Info,
    /// Every decision.
    Debug,
    /// Every question and answer.
    Trace,
}

impl LogFormat {
    pub(super) const ALL: [Self; 3] = [Self::Json, Self::Plain, Self::Auto];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Plain => "plain",
            Self::Auto => "auto",
        }
    }
}

impl LogLevel {
    pub(super) const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
