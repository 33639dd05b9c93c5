//! `quorate run` as a process, and the voters that it campaigns at.

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use quorate::clock;
use quorate::core::{Answer, Operation, Question};
use quorate::local::LocalServer;
use quorate::voter::{Scope, Voter};
use serde_json::Value;

use super::{PATIENT, Version, WHO, settings};

/// The names of voters, in order.
pub const LETTERS: [&str; 9] = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
/// Voters that nobody will ever reach.
pub const NOWHERE: [(&str, &str); 3] =
    [("a", "redis://127.0.0.1:1"), ("b", "redis://127.0.0.1:2"), ("c", "redis://127.0.0.1:3")];
/// The term that [`Voters::experienced`] remember.
pub const FORMER_TERM: u64 = 1_000;
const RECORD: &str = "quorate:{orders}:record";
const LEASE: &str = "quorate:{orders}:lease";

/// `CLOCK_BOOTTIME`: what all processes of this host agree on.
pub fn boot() -> Duration {
    Duration::from_nanos(clock::now().at.boot_ns())
}

/// How long ago that was.
pub fn since(begun: Duration) -> Duration {
    boot().saturating_sub(begun)
}

/// Waits for a condition, within twice [`PATIENT`].
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = boot();
    while !condition() {
        assert!(since(begun) < PATIENT * 2, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The voters of one election: real servers, named by [`LETTERS`].
pub struct Voters {
    pub servers: Vec<LocalServer>,
}

impl Voters {
    /// Servers that never heard of the election.
    pub fn new(count: usize) -> Self {
        Self { servers: (0..count).map(|_| Version::Redis70.start()).collect() }
    }

    /// Servers that remember a released lease, so that the first candidate need not sit out the quarantine of a
    /// first start.
    pub fn experienced(count: usize, ttl: Duration) -> Self {
        let voters = Self::new(count);
        voters.educate(ttl);
        voters
    }

    /// Makes members of servers that forgot or never knew.
    pub fn educate(&self, ttl: Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let names = &LETTERS[..self.servers.len()];
        for (name, server) in names.iter().zip(&self.servers) {
            let voter = Voter::new(settings(&server.url()));
            let scope = Scope::new("quorate", "orders", names.iter().copied(), name);
            let ask = |operation| {
                let question = Question { operation, high_water: None };
                runtime.block_on(voter.ask(&scope, &question, WHO, PATIENT)).answer
            };
            let seen = super::observation(ask(Operation::Observe { proposal: Some(1) })).seen;
            let join = Operation::Join { instance: seen.instance, term: FORMER_TERM, ttl };
            assert_eq!(ask(join), Answer::Joined);
        }
    }

    pub fn urls(&self) -> Vec<(&'static str, String)> {
        LETTERS.into_iter().zip(self.servers.iter().map(LocalServer::url)).collect()
    }

    pub fn stop(&self, which: Range<usize>) {
        self.servers[which].iter().for_each(|server| server.stop().unwrap());
    }

    pub fn resume(&self, which: Range<usize>) {
        self.servers[which].iter().for_each(|server| server.resume().unwrap());
    }
}

/// A field of a server's record.
pub fn field(server: &LocalServer, name: &str) -> String {
    server.command(&["HGET", RECORD, name]).unwrap()
}

pub fn has_lease(server: &LocalServer) -> bool {
    server.command(&["EXISTS", LEASE]).unwrap() == "1"
}

/// A candidate that is to be started.
pub struct Launch {
    identity: String,
    command: Command,
}

impl Launch {
    pub fn new<N: Display, U: Display>(
        identity: &str,
        voters: impl IntoIterator<Item = (N, U)>,
        ttl: Duration,
    ) -> Self {
        Self::of("run", identity, voters, ttl)
    }

    /// `quorate exec` of a command.
    pub fn exec<N: Display, U: Display>(
        identity: &str,
        voters: impl IntoIterator<Item = (N, U)>,
        ttl: Duration,
        options: &[&str],
        work: &[&str],
    ) -> Self {
        let mut launch = Self::of("exec", identity, voters, ttl);
        launch.command.args(options).arg("--").args(work).stdin(Stdio::null());
        launch
    }

    fn of<N: Display, U: Display>(
        how: &str,
        identity: &str,
        voters: impl IntoIterator<Item = (N, U)>,
        ttl: Duration,
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
        command.args([how, "--election", "orders", "--identity", identity]);
        command.arg("--ttl").arg(format!("{}ms", ttl.as_millis()));
        command.args(["--listen", "127.0.0.1:0", "--log-format", "json", "--log-level", "info"]);
        for (name, url) in voters {
            command.arg("--voter").arg(format!("{name}={url}"));
        }
        Self { identity: identity.to_owned(), command }
    }

    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Under another program, as PID 1 of a namespace for instance: its arguments end where the command line begins.
    pub fn under(mut self, program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).arg(self.command.get_program()).args(self.command.get_args());
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.command = command;
        self
    }

    /// Listens there, and not on loopback.
    pub fn listen(mut self, address: &str) -> Self {
        let arguments = self.command.get_args().map(|argument| match argument.to_str() {
            Some("127.0.0.1:0") => address.into(),
            _ => argument.to_owned(),
        });
        let mut command = Command::new(self.command.get_program());
        command.args(arguments);
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.command = command;
        self
    }

    pub fn flag(mut self, flag: &str, value: &str) -> Self {
        self.command.args([flag, value]);
        self
    }

    /// It ends with 1 before it does anything; what it says.
    pub fn refused(mut self) -> String {
        let output = self.command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    }

    /// Without waiting for it to listen.
    pub fn spawn(mut self) -> Child {
        self.command.stderr(Stdio::null()).spawn().unwrap()
    }

    pub fn start(mut self) -> Agent {
        let mut child = self.command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut told = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "ended without listening:\n{told}");
            told.push_str(&line);
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == "listening" {
                break line["address"].as_str().unwrap().parse().unwrap();
            }
        };
        let told = Arc::new(Mutex::new(told));
        let log = Arc::clone(&told);
        // Read to the end, so that the process never waits for us.
        let reader = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut told = told.lock().unwrap();
                told.push_str(&line);
                told.push('\n');
            }
        });
        Agent { identity: self.identity, child, address, log, reader: Some(reader) }
    }
}

/// A candidate process; killed with its value.
pub struct Agent {
    pub identity: String,
    pub address: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Agent {
    /// The code, and the whole answer with its head.
    pub fn ask(&self, path: &str) -> (u16, String) {
        ask(self.address, path).unwrap()
    }

    pub fn code(&self, path: &str) -> u16 {
        self.ask(path).0
    }

    pub fn status(&self) -> Value {
        body(&self.ask("/status").1)
    }

    pub fn leads(&self) -> bool {
        self.code("/leaderz") == 200
    }

    /// The term that it leads.
    pub fn term(&self) -> Option<u64> {
        self.status()["term"].as_u64()
    }

    /// The leader that it knows of.
    pub fn sees(&self, leader: &str) -> bool {
        self.status()["leader"]["identity"] == leader
    }

    pub fn holds(&self, voters: usize) -> bool {
        self.status()["votersHeld"] == voters
    }

    /// The value of a series, given as `name` or `name{label="value"}` without the election.
    pub fn metric(&self, series: &str) -> f64 {
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.trim_end_matches('}');
        let text = self.ask("/metrics").1;
        let is_it = |line: &&str| {
            let rest = line.strip_prefix(name).and_then(|rest| rest.strip_prefix('{'));
            rest.is_some_and(|rest| {
                let own = rest.split('}').next().unwrap_or_default();
                labels.split(',').all(|label| own.contains(label))
            })
        };
        let line = text.lines().find(is_it).unwrap_or_else(|| panic!("no {series} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// The process that was started.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Kills it at once and reaps it.
    pub fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end: the exit code, and what it logged.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let begun = boot();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(since(begun) < PATIENT, "it does not end");
            std::thread::sleep(Duration::from_millis(2));
        };
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        (status.code(), self.log())
    }

    pub fn end(self) -> (Option<i32>, String) {
        self.signal(Signal::SIGTERM);
        self.ended()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // A guardian ends everything that its elector had started, once it runs and its elector is gone.
        let children =
            if matches!(self.child.try_wait(), Ok(None)) { children(self.pid()) } else { Vec::new() };
        for child in &children {
            let _ = kill(*child, Signal::SIGKILL);
        }
        if !children.is_empty() {
            let _ = kill(self.pid(), Signal::SIGCONT);
            let begun = boot();
            while matches!(self.child.try_wait(), Ok(None)) && since(begun) < PATIENT {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The children of a process, by `/proc`.
pub fn children(parent: Pid) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the name in brackets: the state, then the parent.
        let parent_of = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        parent_of == Some(parent.as_raw())
    };
    pids.filter(is_child).map(Pid::from_raw).collect()
}

/// Asks, and waits for the answer.
pub fn ask(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    answer(send(address, path)?)
}

/// Asks without waiting: a stopped process is asked by its kernel.
pub fn send(address: SocketAddr, path: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
    Ok(stream)
}

pub fn answer(mut stream: TcpStream) -> io::Result<(u16, String)> {
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.map(|code| (code, answer)).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The JSON of an answer.
pub fn body(answer: &str) -> Value {
    answer.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok()).unwrap_or_default()
}

/// The lines that begin to say this.
pub fn lines(log: &str, message: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["message"].as_str().is_some_and(|said| said.starts_with(message))).collect()
}

/// How often a message was logged.
pub fn count(log: &str, message: &str) -> usize {
    lines(log, message).len()
}
