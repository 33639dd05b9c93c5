//! With which code, and after what, `exec` ends.

use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::TTL;
use crate::common::candidate::{LETTERS, boot, count, eventually, field, has_lease, lines, since};
use crate::harness::{Stage, shelters};

#[test]
fn the_command_knows_its_term_and_its_code_is_passed_on() {
    let stage = Stage::new(TTL);
    for shelter in shelters() {
        let options = [&["--on-exit", "exit"], &shelter[..]];
        let agent = stage.exec("one", &options.concat(), "env > environment; exit 7");
        let (code, log) = agent.ended();
        assert_eq!((code, count(&log, "released")), (Some(7), 1), "{log}");
        let term = lines(&log, "command started")[0]["term"].clone();
        let environment = stage.text("environment");
        for line in
            [format!("QUORATE_TERM={term}"), "QUORATE_ELECTION=orders".into(), "QUORATE_IDENTITY=one".into()]
        {
            assert!(environment.lines().any(|found| found == line), "{line} in {environment}");
        }
        let told = lines(&log, "listening")[0]["address"].as_str().unwrap().to_owned();
        assert!(environment.contains(&format!("QUORATE_ADDRESS={told}\n")), "{environment}");
        assert!(environment.contains(&format!("QUORATE_STATUS_FILE={}\n", stage.file("status.one"))));
        assert!(
            stage.voters.servers.iter().all(|server| field(server, "released") == "1" && !has_lease(server))
        );
        assert!(!stage.path("status.one").exists(), "the status file is removed");
    }
}

#[test]
fn an_end_by_a_signal_is_passed_on_as_shells_do() {
    let stage = Stage::new(TTL);
    for shelter in shelters() {
        let agent = stage.exec("one", &[&["--on-exit", "exit"], &shelter[..]].concat(), "kill -USR1 $$");
        assert_eq!(agent.ended().0, Some(128 + Signal::SIGUSR1 as i32));
    }
}

#[test]
fn a_command_that_cannot_be_run_is_told_before_anybody_waits() {
    for (command, code, sentence) in [
        ("no-such-command", 127, "no such command"),
        ("/etc/passwd", 126, "is not executable"),
        ("/", 126, "is not"),
        ("", 127, "the command is empty"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_quorate"))
            .args(["exec", "--election", "orders", "--voter", "a=redis://127.0.0.1:1"])
            .args(["--voter", "b=redis://127.0.0.1:2", "--voter", "c=redis://127.0.0.1:3", "--", command])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(command) && said.contains(sentence) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn bad_options_are_usage_errors_with_what_is_allowed() {
    for (option, value, sentence) in [
        ("--stop-signal", "KILL", "a signal that a process can heed"),
        ("--acquire-timeout", "10", "a duration with its unit"),
        ("--health-http", "https://x", "http://HOST"),
        ("--health-interval", "0", "more than 0"),
        ("--on-exit", "restart", "release"),
        ("--acquire-timeout", "-5s", "a duration with its unit"),
        ("--health-interval", "1s", "--health-http <URL>|--health-cmd <LINE>"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_quorate"))
            .args(["exec", option, value, "--", "true"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(option) && said.contains(sentence), "{said}");
    }
}

#[test]
fn a_job_that_would_rather_not_run_than_wait_gives_up() {
    let stage = Stage::new(TTL);
    let leader = stage.exec("leader", &[], "touch runs; sleep 60");
    stage.settled("runs");
    for timeout in ["0", "300ms"] {
        let asked = boot();
        let job = stage.exec("job", &["--acquire-timeout", timeout, "--on-exit", "exit"], "touch job-ran");
        assert_eq!(job.ended().0, Some(75), "{timeout}");
        assert!(since(asked) < TTL, "{timeout} took {:?}", since(asked));
    }
    assert!(leader.leads(), "whoever gives up disturbs nobody");
    assert_eq!(leader.end().0, Some(128 + 15));
    let job = stage.exec("job", &["--acquire-timeout", "0", "--on-exit", "exit"], "touch job-ran");
    assert_eq!(job.ended().0, Some(0), "what is released can be taken by one attempt");
    stage.settled("job-ran");
}

#[test]
fn without_a_quorum_giving_up_has_a_code_of_its_own() {
    let stage = Stage::new(TTL);
    stage.voters.stop(0..2);
    for timeout in ["0", "1s"] {
        let job = stage.exec("job", &["--acquire-timeout", timeout], "touch job-ran");
        assert_eq!(job.ended().0, Some(69), "{timeout}");
    }
    stage.voters.resume(0..2);
    assert!(!stage.path("job-ran").exists());
}

/// consul#4439: signals while waiting were lost.
#[test]
fn a_standby_ends_at_once_when_told_so_well_as_a_service_and_not_well_as_a_job() {
    let stage = Stage::new(TTL);
    let leader = stage.exec("leader", &[], "touch runs; sleep 60");
    stage.settled("runs");
    for (on_exit, signal, code) in
        [("release", Signal::SIGTERM, 0), ("release", Signal::SIGHUP, 0), ("exit", Signal::SIGINT, 75)]
    {
        let standby = stage.exec("standby", &["--on-exit", on_exit], "touch standby-ran");
        eventually("it sees the leader", || standby.sees("leader"));
        let asked = boot();
        standby.signal(signal);
        assert_eq!(standby.ended().0, Some(code), "{on_exit} {signal}");
        assert!(since(asked) < TTL, "{:?}", since(asked));
    }
    assert!(leader.leads() && !stage.path("standby-ran").exists());
}

#[test]
fn after_its_end_the_command_runs_again_with_a_new_term_and_a_pause() {
    let stage = Stage::new(TTL);
    let agent = stage.exec("one", &[], "echo $QUORATE_TERM >> terms; exit 3");
    eventually("three runs", || stage.text("terms").lines().count() >= 3);
    let terms: Vec<u64> = stage.text("terms").lines().map(|line| line.parse().unwrap()).collect();
    assert!(terms.is_sorted() && terms.windows(2).all(|pair| pair[0] < pair[1]), "{terms:?}");
    eventually("all have ended", || agent.metric("quorate_worker_stops_total{how=\"exited\"}") >= 3.0);
    let (code, log) = agent.end();
    assert_eq!(code, Some(0), "no command was running:\n{log}");
    let pauses: Vec<_> = lines(&log, "handing over").iter().map(|line| line["pause_ms"].clone()).collect();
    assert_eq!(pauses[..2], [1_000, 2_000]);
}

#[test]
fn whoever_holds_leads_on_without_the_command() {
    let stage = Stage::new(TTL);
    let agent = stage.exec("one", &["--on-exit", "hold"], "touch ran");
    stage.settled("ran");
    eventually("the command has ended", || agent.metric("quorate_worker_stops_total{how=\"exited\"}") >= 1.0);
    let (ended, term) = (boot(), agent.term());
    while since(ended) < TTL + TTL / 2 {
        assert!(agent.leads());
    }
    assert_eq!(agent.term(), term);
    assert_eq!(agent.end().0, Some(0));
}

#[test]
fn a_loss_ends_who_wants_to_end_then_and_others_campaign_again() {
    let stage = Stage::new(TTL);
    let leader = stage.exec("one", &["--on-lost", "exit"], "touch once; exec sleep 60");
    stage.settled("once");
    stage.voters.stop(0..2);
    let (code, log) = leader.ended();
    assert_eq!((code, count(&log, "lost")), (Some(75), 1), "{log}");
    stage.voters.resume(0..2);

    let again = stage.exec("two", &[], "echo $QUORATE_TERM >> terms; exec sleep 60");
    eventually("it runs", || stage.text("terms").lines().count() == 1);
    stage.voters.stop(0..2);
    eventually("its command is stopped", || stage.work("two").is_empty());
    stage.voters.resume(0..2);
    eventually("it runs again", || stage.text("terms").lines().count() == 2);
    assert!(again.metric("quorate_worker_stops_total{how=\"stopped\"}") >= 1.0);
    assert!(again.metric("quorate_transitions_total{reason=\"lapsed\"}") >= 1.0, "a loss is told as one");
    assert_eq!(again.end().0, Some(128 + 15));
}

#[test]
fn signals_that_mean_nothing_to_us_reach_the_command() {
    let stage = Stage::new(TTL);
    for shelter in shelters() {
        let line = "rm -f got; for name in HUP USR1 USR2 WINCH; do trap \"echo $name >> got\" $name; done; \
                    touch ready; while :; do sleep 0.05; done";
        let agent = stage.exec("one", &shelter, line);
        stage.settled("ready");
        for (name, signal) in [
            ("HUP", Signal::SIGHUP),
            ("USR1", Signal::SIGUSR1),
            ("USR2", Signal::SIGUSR2),
            ("WINCH", Signal::SIGWINCH),
        ] {
            agent.signal(signal);
            eventually(name, || stage.text("got").lines().any(|line| line == name));
        }
        assert!(agent.leads());
        assert_eq!(agent.end().0, Some(128 + 15));
        std::fs::remove_file(stage.path("ready")).unwrap();
    }
}

#[test]
fn a_command_that_dies_of_a_signal_that_was_handed_on_ends_us_as_well() {
    let stage = Stage::new(TTL);
    for shelter in shelters() {
        let agent = stage.exec("one", &shelter, "touch ready; exec sleep 60");
        stage.settled("ready");
        agent.signal(Signal::SIGHUP);
        let (code, log) = agent.ended();
        assert_eq!((code, count(&log, "released")), (Some(128 + 1), 1), "{log}");
        std::fs::remove_file(stage.path("ready")).unwrap();
    }
}

/// It heeded the signal, and ends much later by a code that only looks like it.
#[test]
fn a_signal_that_was_handed_on_long_ago_is_not_what_a_command_ends_by() {
    let stage = Stage::new(TTL);
    let line = "echo $QUORATE_TERM >> terms; test -e again && exec sleep 60; trap 'touch heeded' HUP; touch ready; \
                while test ! -e heeded; do sleep 0.05; done; sleep 1; touch again; exit 129";
    let agent = stage.exec("one", &[], line);
    stage.settled("ready");
    agent.signal(Signal::SIGHUP);
    eventually("it runs again", || stage.text("terms").lines().count() == 2);
    assert_eq!(agent.end().0, Some(128 + 15));
}

#[test]
fn a_second_signal_ends_at_once_with_the_command() {
    let stage = Stage::new(TTL);
    for shelter in shelters() {
        let agent = stage.exec("one", &shelter, "trap '' TERM; touch ready; while :; do sleep 0.05; done");
        stage.settled("ready");
        agent.signal(Signal::SIGTERM);
        eventually("the end has begun", || !agent.leads());
        agent.signal(Signal::SIGINT);
        assert_eq!(agent.ended().0, Some(128 + 2));
        assert!(stage.work("one").is_empty(), "{:?}", stage.work("one"));
        std::fs::remove_file(stage.path("ready")).unwrap();
    }
}

/// The exports of one `exec` are no orders for another inside (ADR 0009).
#[test]
fn a_candidate_inside_a_command_follows_its_own_file() {
    let stage = Stage::new(TTL);
    let voters = stage.voters.urls().into_iter().zip(LETTERS).take(3);
    let voters: Vec<_> = voters
        .map(|((_, url), name)| {
            format!(
                "- {{name: {name}, url: \"{url}\"}}
"
            )
        })
        .collect();
    let voters = voters.concat();
    let file =
        format!("election: inner\ntiming: {{ttl: 2s}}\nhttp: {{listen: \"127.0.0.1:0\"}}\nvoters:\n{voters}");
    std::fs::write(stage.path("inner.yaml"), file).unwrap();
    let binary = env!("CARGO_BIN_EXE_quorate");
    let line = format!(
        "{binary} exec --config inner.yaml --on-exit exit --log-level error -- \
         sh -c 'echo $QUORATE_ELECTION ${{QUORATE_STATUS_FILE:-none}} > inner'"
    );
    let (code, log) = stage.exec("outer", &["--on-exit", "exit"], &line).ended();
    assert_eq!((code, stage.text("inner").as_str()), (Some(0), "inner none\n"), "{log}");
}
