//! Voters on this machine, for the demo, the tests and the benchmarks: real server processes on loopback.
//!
//! A server listens on a port that the kernel chose and on a Unix socket in a directory of its own, keeps nothing on
//! disk unless asked, and ends when its handle is dropped, or when this process ends in whatever way. All calls block;
//! every wait is bounded by `START_LIMIT` or `CONTROL_LIMIT`.

mod control;
mod directory;
mod process;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

pub(crate) use self::control::Control;
pub(crate) use self::directory::Directory;
pub(crate) use self::process::Process;
use self::process::no_process;

/// How long a server may take to answer its first ping; an empty one needs about 20 ms.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long a control command may take.
const CONTROL_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks whether a server is up.
const START_POLL: Duration = Duration::from_millis(3);
/// Another process may take the port between our choice and the server's start; that it happens five times in a row
/// means something else.
const PORT_ATTEMPTS: u32 = 5;

/// How a server is to run.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The program: `redis-server` or `valkey-server`.
    pub binary: PathBuf,
    /// The port speaks TLS; the configuration lines name the certificates.
    pub is_tls: bool,
    /// Further lines of the server's configuration, such as `requirepass …`.
    pub lines: Vec<String>,
}

impl ServerOptions {
    /// A plain server without configuration of its own.
    #[must_use]
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self { binary: binary.into(), is_tls: false, lines: Vec::new() }
    }

    /// With one more line of configuration.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }
}

/// What is left behind at a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Nothing.
    Empty,
    /// What was there when the server was told to end.
    Saved,
}

/// Why a server did not start or did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The program is not there or cannot be run.
    #[error("cannot run {}; install it with `make tools`", binary.display())]
    Binary {
        /// Which.
        binary: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It ended by itself or never answered.
    #[error("the server did not come up: {log}")]
    Start {
        /// The end of what it wrote.
        log: String,
    },
    /// Files, sockets, signals.
    #[error("{what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The server's own error reply.
    #[error("the server refused: {0}")]
    Refused(String),
}

/// A running (or killed) server.
#[derive(Debug)]
pub struct LocalServer {
    options: ServerOptions,
    port: u16,
    /// Dropped before the directory that it writes to.
    process: Option<Process>,
    directory: Directory,
}

impl LocalServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    ///
    /// Where the program is missing or ends at once.
    pub fn start(options: ServerOptions) -> Result<Self, LocalError> {
        let mut server = Self { options, directory: Directory::new()?, port: 0, process: None };
        let mut attempts = PORT_ATTEMPTS;
        loop {
            server.port = free_port()?;
            attempts -= 1;
            match server.spawn() {
                Err(LocalError::Start { log }) if attempts > 0 && log.contains("in use") => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(server),
            }
        }
    }

    /// The port on 127.0.0.1; the same after every restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `redis://` or `rediss://` with the port.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.options.is_tls { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// The Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    /// The directory of the server's files, removed with the server.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The process, while there is one.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Kills the server at once and reaps it. Nothing of its memory survives.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Stops the process as it stands (`SIGSTOP`): connections are accepted by the kernel, nothing is answered.
    ///
    /// # Errors
    ///
    /// Where there is no process.
    pub fn stop(&self) -> Result<(), LocalError> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets a stopped process go on.
    ///
    /// # Errors
    ///
    /// Where there is no process.
    pub fn resume(&self) -> Result<(), LocalError> {
        self.signal(Signal::SIGCONT)
    }

    /// Ends the server, if it still runs, and starts it again on the same port.
    ///
    /// # Errors
    ///
    /// As [`Self::start`]; where a memory is to be saved, also as [`Self::command`].
    pub fn restart(&mut self, memory: Memory) -> Result<(), LocalError> {
        match memory {
            Memory::Saved if self.process.is_some() => drop(self.command(&["SAVE"])?),
            Memory::Saved => {}
            Memory::Empty => self.forget(),
        }
        self.kill();
        self.spawn()
    }

    /// Removes what a server may have written: a snapshot, an append-only file (6.2) or a directory of them (7.0).
    fn forget(&self) {
        let inside = |name| self.directory.path().join(name);
        // Most of them are not there.
        let _ = std::fs::remove_file(inside("dump.rdb"));
        let _ = std::fs::remove_file(inside("appendonly.aof"));
        let _ = std::fs::remove_dir_all(inside("appendonlydir"));
    }

    /// Makes this server a replica of another one on this machine, or with `None` a primary.
    ///
    /// # Errors
    ///
    /// As [`Self::command`].
    pub fn replicate(&self, primary: Option<&Self>) -> Result<(), LocalError> {
        let port = primary.map_or_else(|| "ONE".to_owned(), |primary| primary.port.to_string());
        let host = if primary.is_some() { "127.0.0.1" } else { "NO" };
        self.command(&["REPLICAOF", host, &port]).map(drop)
    }

    /// Runs one command over the Unix socket; the reply as text, elements of arrays in lines of their own.
    ///
    /// # Errors
    ///
    /// The server's error reply, or none within the limit.
    pub fn command(&self, words: &[&str]) -> Result<String, LocalError> {
        self.commands(&[words])
    }

    /// Runs commands on one connection, such as `AUTH` first; the last reply.
    ///
    /// # Errors
    ///
    /// As [`Self::command`], at the first command that fails.
    pub fn commands(&self, commands: &[&[&str]]) -> Result<String, LocalError> {
        let mut control = Control::open(&self.socket(), CONTROL_LIMIT)?;
        let mut last = String::new();
        for words in commands {
            last = control.ask(words)?;
        }
        Ok(last)
    }

    fn signal(&self, signal: Signal) -> Result<(), LocalError> {
        self.process.as_ref().map_or_else(|| Err(no_process()), |process| process.signal(signal))
    }

    #[expect(clippy::disallowed_methods, reason = "how long to wait for a child; no validity rests on it")]
    fn spawn(&mut self) -> Result<(), LocalError> {
        let system = |source| LocalError::System { what: "cannot write the server's configuration", source };
        let binary = || self.options.binary.clone();
        let config = self.directory.path().join("server.conf");
        std::fs::write(&config, self.config()?).map_err(system)?;
        let log = std::fs::File::create(self.log()).map_err(system)?;
        // What the former process left would look like a server that is up.
        let _ = std::fs::remove_file(self.socket());
        let server = Command::new(&self.options.binary)
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(system)?)
            .stderr(log)
            // Ctrl-C is for whoever started it, who then ends it.
            .process_group(0)
            .spawn()
            .map_err(|source| LocalError::Binary { binary: binary(), source })?;
        self.process = Some(Process::new(server)?);
        let deadline = Instant::now() + START_LIMIT;
        while !self.is_up() {
            let has_ended = self.process.as_mut().is_none_or(|process| process.ended().is_some());
            if has_ended || Instant::now() > deadline {
                self.kill();
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                return Err(LocalError::Start { log });
            }
            std::thread::sleep(START_POLL);
        }
        Ok(())
    }

    /// Any answer will do: it may want a password first.
    fn is_up(&self) -> bool {
        matches!(self.command(&["PING"]), Ok(_) | Err(LocalError::Refused(_)))
    }

    fn config(&self) -> Result<String, LocalError> {
        let (port, tls_port) = if self.options.is_tls { (0, self.port) } else { (self.port, 0) };
        let mut lines = vec![
            format!("port {port}"),
            "bind 127.0.0.1".to_owned(),
            format!("unixsocket {}", self.socket().display()),
            format!("dir {}", self.directory.path().display()),
            "save \"\"".to_owned(),
            "appendonly no".to_owned(),
            "daemonize no".to_owned(),
            // Whoever waits for a full copy here waits in vain otherwise: the default is five seconds.
            "repl-diskless-sync-delay 0".to_owned(),
        ];
        if self.options.is_tls {
            lines.push(format!("tls-port {tls_port}"));
        }
        if major_version(&self.options.binary)? >= 7 {
            lines.push("enable-debug-command local".to_owned());
        }
        lines.extend_from_slice(&self.options.lines);
        Ok(lines.join("\n") + "\n")
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }
}

fn free_port() -> Result<u16, LocalError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|source| LocalError::System { what: "cannot find a free port", source })
}

/// From `Redis server v=7.0.15 sha=…`.
fn major_version(binary: &Path) -> Result<u32, LocalError> {
    let missing = |source| LocalError::Binary { binary: binary.to_owned(), source };
    let output = Command::new(binary).arg("--version").output().map_err(missing)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version =
        text.split("v=").nth(1).and_then(|rest| rest.split('.').next()).and_then(|n| n.parse().ok());
    version.ok_or_else(|| missing(io::Error::other(format!("it says {text:?}"))))
}
