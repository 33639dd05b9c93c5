//! One of other people's locks, in a Python process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::common::candidate::Voters;

/// As scripts/tools.sh installs them.
const PACKAGES: &str = ".tools/python";
/// The key that they must name to see Quorate and to be seen.
const KEY: &str = "quorate:{orders}:lease";
/// Longer than three retries and the start of a Python on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    RedlockPy { voters: usize },
    RedisPy,
    Tutorial,
}

impl Kind {
    pub fn voters(self) -> usize {
        match self {
            Self::RedlockPy { voters } => voters,
            Self::RedisPy | Self::Tutorial => 1,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::RedlockPy { .. } => "redlock-py",
            Self::RedisPy => "redis-py",
            Self::Tutorial => "tutorial",
        }
    }
}

/// A process that takes and gives back; ended with its value.
pub struct Lock {
    child: Child,
    orders: ChildStdin,
    answers: Receiver<String>,
}

impl Lock {
    pub fn of(kind: Kind, voters: &Voters) -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let packages = package.join(PACKAGES);
        assert!(packages.join("redlock").exists(), "redlock-py is missing: run `make tools`");
        let mut child = Command::new("python3")
            .arg(package.join("tests/neighbours/locks.py"))
            .args([kind.name(), KEY])
            .args(voters.urls().into_iter().map(|(_, url)| url))
            .env("PYTHONPATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (told, answers) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
        let lock = Self { orders: child.stdin.take().unwrap(), child, answers };
        assert_eq!(lock.answers.recv_timeout(PATIENCE).unwrap(), "ready");
        lock
    }

    pub fn take(&mut self, ttl: Option<Duration>) -> bool {
        let ttl = ttl.map_or_else(|| "none".to_owned(), |ttl| ttl.as_millis().to_string());
        self.order(&format!("lock {ttl}"))
    }

    pub fn give_back(&mut self) -> bool {
        self.order("unlock")
    }

    fn order(&mut self, order: &str) -> bool {
        writeln!(self.orders, "{order}").unwrap();
        match self.answers.recv_timeout(PATIENCE).unwrap().as_str() {
            "yes" => true,
            "no" => false,
            other => panic!("neither yes nor no: {other}"),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
