//! The status file, and `/watch`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use quorate::clock;
use serde_json::Value;

use crate::TTL;
use crate::common::candidate::{Agent, Launch, NOWHERE, Voters, boot, eventually, field, lines, send};
use crate::harness::Stage;

fn status(stage: &Stage) -> Value {
    serde_json::from_str(&stage.text("status")).unwrap_or_default()
}

fn candidate(stage: &Stage, identity: &str) -> Launch {
    Launch::new(identity, stage.voters.urls().into_iter().take(3), TTL)
}

#[test]
fn the_status_file_is_whole_at_any_instant_follows_renewals_and_goes_with_its_process() {
    let stage = Stage::new(TTL);
    let agent = candidate(&stage, "one").flag("--status-file", &stage.file("status")).start();
    let is_over = Arc::new(AtomicBool::new(false));
    let (path, over) = (stage.path("status"), Arc::clone(&is_over));
    let reader = thread::spawn(move || {
        let mut deadlines = Vec::new();
        while !over.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_micros(200));
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let status: Value =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
            assert_eq!((&status["election"], &status["identity"]), (&"orders".into(), &"one".into()));
            let deadline = status["bootDeadlineNs"].as_u64();
            assert_eq!(deadline.is_some(), status["role"] == "leader", "{status}");
            deadlines.extend(deadline.filter(|deadline| deadlines.last() != Some(deadline)));
        }
        deadlines
    });
    let deadline = |status: &Value| Duration::from_nanos(status["bootDeadlineNs"].as_u64().unwrap_or(0));
    eventually("it leads", || status(&stage)["phase"] == "leading");
    let first = status(&stage);
    assert_eq!(first["term"].as_u64(), agent.term());
    assert_eq!(first["leader"]["identity"], "one");
    let left = deadline(&first).saturating_sub(boot());
    assert!(left < TTL, "{left:?}");
    eventually("renewals are written", || deadline(&status(&stage)) > deadline(&first) + TTL / 2);
    assert_eq!(agent.end().0, Some(0));
    is_over.store(true, Ordering::SeqCst);
    let deadlines = reader.join().unwrap();
    // Reckoned anew at each writing, from two clocks: a nanosecond more or less is no step back.
    let is_sorted = deadlines.windows(2).all(|pair| pair[0] <= pair[1] + 1_000);
    assert!(deadlines.len() >= 2 && is_sorted, "{deadlines:?}");
    let left: Vec<_> =
        fs::read_dir(stage.path("")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_lease_is_released_only_after_the_file_has_ceased_to_say_leader() {
    let stage = Stage::new(TTL);
    let agent = candidate(&stage, "one").flag("--status-file", &stage.file("status")).start();
    eventually("it leads", || status(&stage)["role"] == "leader");
    agent.signal(Signal::SIGTERM);
    loop {
        let is_released = field(&stage.voters.servers[0], "released") == "1";
        let says_leader = status(&stage)["role"] == "leader";
        assert!(!(is_released && says_leader), "another may lead, and the file says that this one does");
        if is_released {
            break;
        }
    }
    assert_eq!(agent.ended().0, Some(0));
}

/// Why a reader looks at the deadline: who is stopped cannot take its word back.
#[test]
fn what_a_stopped_process_left_says_leader_for_ever_and_only_the_deadline_tells() {
    let stage = Stage::new(TTL);
    let first = candidate(&stage, "first").flag("--status-file", &stage.file("status")).start();
    eventually("it leads", || status(&stage)["role"] == "leader");
    let second = candidate(&stage, "second").start();
    eventually("it is seen", || second.sees("first"));
    first.signal(Signal::SIGSTOP);
    eventually("another leads", || second.leads());
    let left = status(&stage);
    assert_eq!(
        (&left["role"], &left["phase"]),
        (&"leader".into(), &"leading".into()),
        "two say that they lead"
    );
    let deadline = Duration::from_nanos(left["bootDeadlineNs"].as_u64().unwrap());
    assert!(deadline < boot(), "but one of them did so until {deadline:?} only");
    first.signal(Signal::SIGCONT);
    eventually("it says so itself", || status(&stage)["role"] == "standby");
}

#[test]
fn a_status_file_that_cannot_be_written_is_told_before_anything_begins() {
    let said = Launch::new("one", NOWHERE, TTL).flag("--status-file", "/no/such/place/status").refused();
    assert!(said.contains("statusFile: /no/such/place/status"), "{said}");
}

/// From the line in its log to the arrival at a watcher.
fn told_after(agent: &Agent, change: impl FnOnce()) -> Duration {
    let stream = send(agent.address, "/watch").unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let at = clock::now().wall_us;
            if tell.send((line, at)).is_err() {
                return;
            }
        }
    });
    let arrived = |wanted: &str| loop {
        let (line, at) = told.recv_timeout(Duration::from_secs(10)).unwrap();
        if line.starts_with(wanted) {
            return at;
        }
    };
    arrived("data:");
    change();
    let arrived = arrived("event: elected");
    eventually("it is logged", || !lines(&agent.log(), "elected").is_empty());
    let at =
        lines(&agent.log(), "elected")[0]["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    Duration::from_micros(arrived.saturating_sub(at.as_microsecond().try_into().unwrap()))
}

#[test]
fn a_change_reaches_whoever_watches_within_five_milliseconds() {
    let voters = Voters::experienced(3, TTL);
    let candidate =
        |name: usize| Launch::new(&name.to_string(), voters.urls().into_iter().take(3), TTL).start();
    let mut leader = candidate(0);
    eventually("a leader", || leader.leads());
    // On a machine that is busy with other things some are late; a slow path would make most of them so.
    let mut took = Vec::new();
    for round in 1..=9 {
        let next = candidate(round);
        eventually("it sees the leader", || next.sees(&leader.identity));
        took.push(told_after(&next, || leader.signal(Signal::SIGTERM)));
        assert_eq!(std::mem::replace(&mut leader, next).ended().0, Some(0));
    }
    took.sort();
    assert!(took[took.len() / 2] <= Duration::from_millis(5), "{took:?}");
}
