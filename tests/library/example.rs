//! The example program, as a process.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::candidate::Voters as Servers;
use crate::{PATIENCE, TTL};

/// Built with the tests by `cargo test`; a test that is run alone does not build it.
fn program() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let program = here.parent().and_then(|deps| deps.parent()).unwrap().join("examples/lead");
    assert!(program.exists(), "build {} with `cargo test --no-run`", program.display());
    program
}

struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    fn start(servers: &Servers) -> Self {
        let voters = servers.urls().into_iter().map(|(name, url)| format!("{name}={url}"));
        let mut command = Command::new(program());
        let mut child = command.arg("orders").args(voters).stdout(Stdio::piped()).spawn().unwrap();
        let (told, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
        Self { child, lines }
    }

    /// The next line that begins so, whatever comes before.
    fn line(&self, beginning: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap();
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.to_owned();
            }
        }
    }

    fn term(&self) -> u64 {
        self.line("elected: term ").parse().unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_example_leads_hands_over_at_sigterm_and_takes_over_after_a_crash() {
    let servers = Servers::experienced(3, TTL);
    let mut first = Program::start(&servers);
    let term = first.term();
    assert_eq!(first.line("acting in term "), term.to_string());
    let second = Program::start(&servers);
    first.signal(Signal::SIGTERM);
    first.line("released");
    assert!(first.child.wait().unwrap().success());
    let next = second.term();
    assert!(next > term);
    let third = Program::start(&servers);
    second.signal(Signal::SIGKILL);
    assert!(third.term() > next);
    third.line("acting in term ");
}
