//! The example program, as a process.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::TTL;
use crate::common::candidate::Voters as Servers;

/// Built with the tests by `cargo test`; a test that is run alone does not build it.
fn program() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let program = here.parent().and_then(|deps| deps.parent()).unwrap().join("examples/lead");
    assert!(program.exists(), "build {} with `cargo test --no-run`", program.display());
    program
}

struct Program {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Program {
    fn start(servers: &Servers) -> Self {
        let voters = servers.urls().into_iter().map(|(name, url)| format!("{name}={url}"));
        let mut command = Command::new(program());
        let mut child = command.arg("orders").args(voters).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line that begins so, whatever comes before.
    fn line(&mut self, beginning: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it ended without {beginning:?}");
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.trim().to_owned();
            }
        }
    }

    fn term(&mut self) -> u64 {
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
    let mut second = Program::start(&servers);
    first.signal(Signal::SIGTERM);
    first.line("released");
    assert!(first.child.wait().unwrap().success());
    let next = second.term();
    assert!(next > term);
    let mut third = Program::start(&servers);
    second.signal(Signal::SIGKILL);
    assert!(third.term() > next);
    third.line("acting in term ");
}
