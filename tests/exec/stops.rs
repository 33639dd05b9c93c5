//! When the work stops, and that the lease waits for it.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::TTL;
use crate::common::candidate::{Launch, boot, count, eventually, field, lines, since};
use crate::harness::{FAMILY, GRACE, MARGIN, Stage, beater, send, shelters};

/// etcdctl lock (etcd#10811), consul#2022, #1155, nginx-gateway-fabric#1130: the child, or its process tree, outlived
/// the lock.
#[test]
fn whatever_the_work_does_to_survive_it_is_dead_before_until() {
    for shelter in shelters() {
        let stage = Stage::new(TTL);
        let agent = stage.exec("one", &shelter, &beater("family"));
        stage.settled("ready");
        stage.voters.stop(0..2);
        let until = stage.ended_in_time(&agent, &FAMILY);
        for name in FAMILY {
            let grace = stage.last_act(name).saturating_sub(until.saturating_sub(MARGIN + GRACE));
            assert!(grace > GRACE / 2, "{name} was left {grace:?} of its grace");
        }
        eventually("it is counted", || agent.metric("quorate_worker_stops_total{how=\"killed\"}") >= 1.0);
        stage.voters.resume(0..2);
    }
}

#[test]
fn work_that_was_stopped_by_a_signal_is_dead_as_well() {
    for shelter in shelters() {
        let stage = Stage::new(TTL);
        // Stopped again whenever it goes on: SIGCONT alone does not make it heed SIGTERM.
        let agent = stage.exec("one", &shelter, &beater("stop"));
        stage.settled("ready");
        stage.voters.stop(0..2);
        let until = stage.ended_in_time(&agent, &["command"]);
        assert!(boot() < until + TTL);
        stage.voters.resume(0..2);
    }
}

#[test]
fn work_that_heeds_the_signal_is_asked_once_at_soft_and_not_killed() {
    for shelter in shelters() {
        let stage = Stage::new(TTL);
        let line = "trap 'echo asked >> asked; exit 0' INT; touch ready; while :; do sleep 0.02; done";
        let agent = stage.exec("one", &[&["--stop-signal", "SIGINT"], &shelter[..]].concat(), line);
        stage.settled("ready");
        stage.voters.stop(0..2);
        let until = stage.ended_in_time(&agent, &[]);
        assert!(boot() < until, "it took its time");
        eventually("it is counted", || agent.metric("quorate_worker_stops_total{how=\"stopped\"}") >= 1.0);
        assert_eq!(stage.text("asked"), "asked\n");
        stage.voters.resume(0..2);
    }
}

/// client-go#728, kubernetes#139991: the lease was released before the work had stopped. LINBIT k8s-await-election:
/// SIGTERM to the wrapper left the lease behind.
#[test]
fn the_lease_is_held_beyond_its_ttl_until_the_work_has_stopped_and_then_released() {
    for shelter in shelters() {
        let stage = Stage::new(TTL);
        // Takes longer than a ttl.
        let line = "trap 'sleep 3; touch stopped; exit 0' TERM; touch ready; while :; do sleep 0.02; done";
        let first = stage.exec("first", &shelter, line);
        stage.settled("ready");
        let second = stage.exec("second", &[], "test -e stopped && touch well; touch runs; sleep 60");
        eventually("the second sees the first", || second.sees("first"));
        // A voter that is not asked for its grant remembers the release before.
        eventually("all are held", || first.holds(3));
        let asked = boot();
        first.signal(Signal::SIGTERM);
        eventually("the end has begun", || !first.leads());
        loop {
            let is_released = stage.voters.servers.iter().any(|server| field(server, "released") == "1");
            let runs = stage.path("runs").exists();
            let has_stopped = stage.path("stopped").exists();
            assert!(
                has_stopped || !(is_released || runs),
                "released {is_released}, next runs {runs}, and it works\n{}",
                first.log()
            );
            // The next one may take it between two looks.
            if is_released || runs {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(since(asked) > TTL);
        let (code, log) = first.ended();
        assert_eq!((code, count(&log, "released"), count(&log, "lost")), (Some(0), 1, 0), "{log}");
        stage.settled("runs");
        assert!(stage.path("well").exists());
    }
}

/// graylog2-server#27382: the drain had no bound, and the lease was held for 50 minutes.
#[test]
fn a_drain_that_takes_too_long_ends_in_a_kill_and_a_release() {
    for shelter in shelters() {
        let stage = Stage::new(TTL);
        let agent = stage
            .launch("one", &shelter, &beater("family"))
            .environment("QUORATE_TIMING_DRAIN_TIMEOUT", "700ms")
            .start();
        stage.settled("ready");
        let asked = boot();
        agent.signal(Signal::SIGTERM);
        let (code, log) = agent.ended();
        assert!(since(asked) >= Duration::from_millis(700), "{:?}", since(asked));
        assert_eq!((code, count(&log, "released")), (Some(128 + 9), 1), "{log}");
        assert_eq!(lines(&log, "command ended")[0]["how"], "killed");
        assert!(stage.work("one").is_empty(), "{:?}", stage.work("one"));
        assert_eq!(field(&stage.voters.servers[0], "released"), "1");
    }
}

/// Under `exec` soft is final: work that was told to stop cannot be told to go on.
#[test]
fn a_renewal_after_soft_does_not_bring_leadership_back() {
    let stage = Stage::new(TTL);
    let line = "trap 'echo asked >> asked' TERM; touch ready; while :; do sleep 0.02; done";
    let agent = stage.exec("one", &[], line);
    stage.settled("ready");
    let term = agent.term().unwrap();
    stage.voters.stop(0..2);
    let before = stage.until_when("one", "it is asked to stop", || stage.text("asked") == "asked\n");
    stage.voters.resume(0..2);
    while agent.term() == Some(term) {
        let (code, answer) = agent.ask("/leaderz");
        let is_same = answer.to_lowercase().contains(&format!("quorate-term: {term}\r\n"));
        assert!(code == 503 || !is_same, "leads again under term {term}");
    }
    assert!(boot() < before + TTL, "it did not lead on");
    eventually("it is told that it was killed", || agent.log().contains("\"how\":\"killed\""));
    eventually("it leads a new term", || agent.leads());
    assert_eq!(stage.text("asked"), "asked\n");
    assert!(agent.term() > Some(term));
}

/// The next worker starts only when nothing of the last one is left.
#[test]
fn what_a_command_leaves_behind_is_ended_before_the_lease_is_released() {
    for shelter in shelters() {
        let stage = Stage::new(TTL);
        let line = "setsid sh -c 'trap \"\" TERM; touch left; while :; do sleep 0.05; done' & \
                    while ! test -e left; do sleep 0.01; done";
        let agent = stage.exec("one", &[&["--on-exit", "exit"], &shelter[..]].concat(), line);
        let (code, log) = agent.ended();
        assert_eq!((code, count(&log, "released")), (Some(0), 1), "{log}");
        assert!(stage.path("left").exists() && stage.work("one").is_empty(), "{:?}", stage.work("one"));
    }
}

#[test]
fn who_is_asked_to_hand_over_stops_and_lets_others_lead() {
    let stage = Stage::new(TTL);
    let first = stage.exec("first", &[], "touch first; exec sleep 60");
    stage.settled("first");
    let second = stage.exec("second", &[], "touch second; exec sleep 60");
    eventually("the second sees the first", || second.sees("first"));
    let asked = boot();
    assert_eq!(first.end().0, Some(128 + 15));
    stage.settled("second");
    assert!(since(asked) < TTL / 2, "{:?}", since(asked));
}

/// kuberhealthy#1533: after one loss nobody campaigned again. Here: after each.
#[test]
fn the_work_ends_by_the_time_alone_and_runs_again_as_often_as_the_voters_come_back() {
    let stage = Stage::new(TTL);
    let line = format!("echo $QUORATE_TERM >> terms; {}", beater(""));
    let agent = stage.exec("one", &[], &line);
    for round in 1..=2 {
        eventually("it runs", || {
            stage.text("terms").lines().count() == round && stage.path("beat.command").exists()
        });
        stage.voters.stop(0..3);
        stage.ended_in_time(&agent, &["command"]);
        std::fs::remove_file(stage.path("beat.command")).unwrap();
        stage.voters.resume(0..3);
    }
    drop(agent);
    let run = Launch::new("other", stage.voters.urls().into_iter().take(3), TTL).start();
    eventually("what is left lapses", || run.leads());
    send(run.pid(), Signal::SIGTERM);
    assert_eq!(run.ended().0, Some(0));
}
