//! The demo as a script.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::remains::Place;

/// What `make demo` may take, without the build.
const WHOLE: Duration = Duration::from_mins(1);

struct Demo {
    place: Place,
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Demo {
    fn start() -> Self {
        let place = Place::alone();
        let mut child = Command::new(env!("CARGO_BIN_EXE_quorate"))
            .args(["demo", "--script"])
            .env("TMPDIR", place.path())
            // As somebody who has used Quorate may have it: it must not reach the candidates.
            .env("QUORATE_ELECTION", "somebody-elses")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { place, child, out }
    }

    /// Reads on until a line contains this.
    fn shows(&mut self, what: &str) {
        let mut line = String::new();
        while !line.contains(what) {
            line.clear();
            assert!(
                self.out.read_line(&mut line).unwrap() > 0,
                "it ended without {what:?}: {}",
                self.complaint()
            );
        }
    }

    fn complaint(&mut self) -> String {
        let mut text = String::new();
        self.child.stderr.as_mut().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// What it still shows, and its exit code.
    fn end(&mut self) -> (String, Option<i32>) {
        let mut text = String::new();
        self.out.read_to_string(&mut text).unwrap();
        (text, self.child.wait().unwrap().code())
    }

    fn leaves_nothing(&self) {
        self.place.has_nothing(self.child.id());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It ends what it started when it ends, however that is; it may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_step_is_as_the_protocol_promises_and_nothing_is_left() {
    let mut demo = Demo::start();
    let begun = Instant::now();
    let (text, code) = demo.end();
    assert_eq!(code, Some(0), "{text}\n{}", demo.complaint());
    assert!(begun.elapsed() < WHOLE);
    let titles = [
        "An election",
        "A clean hand-over: SIGTERM to ",
        "A crash: SIGKILL to ",
        "Two of the five voters down",
        "The third voter down",
        "The voters come back",
        "A voter restarted empty",
        "One voter dead and another one empty",
    ];
    let mut rest = text.as_str();
    for (n, title) in titles.iter().enumerate() {
        let heading = format!("\n  {}  {title}", n + 1);
        rest = rest.split_once(&heading).unwrap_or_else(|| panic!("no {heading:?} in\n{text}")).1;
    }
    assert_eq!(rest.matches("\n  ✔ ").count(), titles.len(), "{text}");
    assert!(text.contains("never two leaders at once; 4 terms") && !text.contains('✘'), "{text}");
    assert!(!text.contains('\x1b') && !text.contains('\r'), "colours and moving lines are for terminals");
    demo.leaves_nothing();
}

#[test]
fn a_broken_promise_is_told_with_the_logs_and_ends_with_1() {
    let mut demo = Demo::start();
    demo.shows("  2  A clean hand-over");
    let servers = demo.place.servers(demo.child.id());
    assert_eq!(servers.len(), 5);
    for server in &servers[..3] {
        let pid = server.file_name().unwrap().to_str().unwrap().parse().unwrap();
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    }
    let (text, code) = demo.end();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains('✘') && text.contains("Not as promised: step 2 of 8"), "{text}");
    assert!(text.contains("the last that ann logged:") && text.contains("listening address="), "{text}");
    demo.leaves_nothing();
}

#[test]
fn ctrl_c_ends_everything_that_was_started() {
    let mut demo = Demo::start();
    demo.shows("  2  A clean hand-over");
    let processes = demo.place.processes(demo.child.id());
    assert!(processes.len() >= 5 + 3, "{processes:?}");
    demo.signal(Signal::SIGINT);
    let (text, code) = demo.end();
    assert_eq!(code, Some(1));
    assert!(text.contains("Interrupted"), "{text}");
    demo.leaves_nothing();
}

#[test]
fn a_demo_that_is_killed_leaves_no_process() {
    let mut demo = Demo::start();
    demo.shows("  2  A clean hand-over");
    demo.signal(Signal::SIGKILL);
    demo.child.wait().unwrap();
    demo.place.has_no_process(demo.child.id());
}

#[test]
fn without_a_server_the_demo_says_what_to_install() {
    let empty = tempfile::tempdir().unwrap();
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_quorate"))
        .args(["demo", "--script"])
        .env("PATH", empty.path())
        .output()
        .unwrap();
    let sentence = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), stdout.len()), (Some(1), 0));
    assert!(sentence.contains("redis-server") && sentence.contains("apt-get install"), "{sentence}");
    assert_eq!(sentence.lines().count(), 1);
}

#[test]
fn without_a_place_for_its_files_the_demo_says_so_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_quorate"))
        .args(["demo", "--script"])
        .env("TMPDIR", "/nonexistent")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(1) && told.contains("cannot make a directory: /nonexistent/"),
        "{told}"
    );
    assert_eq!(told.matches("No such file").count(), 1, "{told}");
}
