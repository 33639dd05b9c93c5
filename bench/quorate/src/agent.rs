//! One `quorate run` or `quorate exec` process: started, asked over HTTP, watched, signalled; killed with its value.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// What a line of the log may take: at servers that never heard of an election the first leader waits for a ttl.
const LINE_LIMIT: Duration = Duration::from_mins(1);
/// What any answer may take before the run is given up.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// How a process is started.
pub struct Spec<'a> {
    pub election: &'a str,
    pub identity: String,
    /// `None`: the default.
    pub ttl: Option<&'a str>,
    /// One per voter.
    pub urls: &'a [String],
    /// `quorate exec` of this; else `quorate run`.
    pub work: Option<&'a Work>,
}

/// What is run while leading.
pub struct Work {
    /// Of `quorate exec`.
    pub options: Vec<String>,
    pub command: Vec<String>,
}

/// An event of `/watch`, stamped when its first line had been read.
pub struct Told {
    /// As given to [`Agent::watch`].
    pub by: usize,
    pub event: String,
    pub at: Instant,
}

pub struct Agent {
    child: Child,
    address: SocketAddr,
    /// What it logs, where it has work.
    log: Receiver<Value>,
}

impl Agent {
    pub fn start(spec: &Spec) -> Result<Self> {
        let mut child = command(spec, "127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()
            .context("quorate does not start: `make bench` builds it")?;
        let log = child.stderr.take().context("no stderr")?;
        let (tell, told) = channel();
        let mut agent = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), log: told };
        let mut lines = BufReader::new(log).lines();
        loop {
            let line = lines.next().context("ended without listening")??;
            let line: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
            if line["message"] == "listening" {
                agent.address = line["address"].as_str().context("no address")?.parse()?;
                break;
            }
        }
        // Read to the end, so that the process never waits for us; loud, where something should be known.
        let (is_loud, has_work) = (log_level().is_some(), spec.work.is_some());
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if is_loud {
                    eprintln!("{line}");
                }
                if has_work && let Ok(line) = serde_json::from_str(&line) {
                    // Nobody may care any more.
                    let _ = tell.send(line);
                }
            }
        });
        Ok(agent)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn client(&self) -> Result<Client> {
        Client::connect(self.address)
    }

    pub fn ask(&self, path: &str) -> Result<Answer> {
        self.client()?.get(path)
    }

    pub fn status(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.ask("/status")?.body)?)
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.pid())?), signal)?)
    }

    /// The next line of its log that begins so.
    pub fn told(&self, message: &str) -> Result<Value> {
        loop {
            let line = self.log.recv_timeout(LINE_LIMIT).with_context(|| format!("never: {message}"))?;
            if says(&line, message) {
                return Ok(line);
            }
        }
    }

    /// The same among those that are there.
    pub fn told_already(&self, message: &str) -> Option<Value> {
        self.log.try_iter().find(|line| says(line, message))
    }

    /// How it ended, if it has, and the last line of its log.
    pub fn ended(&mut self) -> Result<Option<String>> {
        let Some(status) = self.child.try_wait()? else { return Ok(None) };
        let last = std::iter::from_fn(|| self.log.recv_timeout(LINE_LIMIT).ok()).last();
        Ok(Some(format!("{status}; its last words: {}", last.unwrap_or_default())))
    }

    /// Waits for its end.
    pub fn reap(mut self) -> Result<()> {
        self.child.wait()?;
        Ok(())
    }

    /// Subscribes; returns when the first event, the state of now, has been read. That one is not told.
    pub fn watch(&self, by: usize, tell: Sender<Told>) -> Result<()> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(b"GET /watch HTTP/1.1\r\nhost: x\r\n\r\n")?;
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        while !lines.next().context("/watch ended")??.starts_with("data:") {}
        stream.set_read_timeout(None)?;
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let at = Instant::now();
                let Some(event) = line.strip_prefix("event: ") else { continue };
                if tell.send(Told { by, event: event.to_owned(), at }).is_err() {
                    return;
                }
            }
        });
        Ok(())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn says(line: &Value, message: &str) -> bool {
    line["message"].as_str().is_some_and(|said| said.starts_with(message))
}

/// With `BENCH_LOG=debug` and the like the processes' logs are shown, to find out why something took so long.
fn log_level() -> Option<String> {
    env::var("BENCH_LOG").ok()
}

/// The command line, not yet started.
pub fn command(spec: &Spec, listen: &str) -> Command {
    let binary = env::var("QUORATE_BIN").unwrap_or_else(|_| "target/release/quorate".to_owned());
    let mut command = Command::new(binary);
    let how = if spec.work.is_some() { "exec" } else { "run" };
    command.args([how, "--election", spec.election, "--identity", &spec.identity]);
    command.args(["--listen", listen, "--log-format", "json"]);
    command.args(["--log-level", log_level().as_deref().unwrap_or("info")]);
    if let Some(ttl) = spec.ttl {
        command.args(["--ttl", ttl]);
    }
    for (name, url) in NAMES.iter().zip(spec.urls) {
        command.arg("--voter").arg(format!("{name}={url}"));
    }
    if let Some(work) = spec.work {
        command.args(&work.options).arg("--").args(&work.command);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// A connection that is kept open.
pub struct Client {
    stream: BufReader<TcpStream>,
}

pub struct Answer {
    pub code: u16,
    pub head: String,
    pub body: String,
    /// Read before the first byte was sent.
    pub sent: Instant,
    /// Read after the last byte was received.
    pub received: Instant,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    pub fn get(&mut self, path: &str) -> Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        let sent = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
        let length: usize = header(&head, "content-length").context("no content-length")?.parse()?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let received = Instant::now();
        let code = head.split(' ').nth(1).context("no code")?.parse()?;
        Ok(Answer { code, head, body: String::from_utf8(body)?, sent, received })
    }
}

impl Answer {
    /// What was left of the validity at some instant between `sent` and `received`, rounded down to milliseconds.
    pub fn validity(&self) -> Result<Duration> {
        let Some(ms) = header(&self.head, "quorate-validity-ms") else { bail!("no validity: {}", self.head) };
        Ok(Duration::from_millis(ms.parse()?))
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
