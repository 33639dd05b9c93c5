//! What guardian and elector leave to the work, to the system, and to whoever is another user.

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::TTL;
use crate::common::candidate::{children, count, eventually, lines};
use crate::harness::{GROUP, Stage, send, shelters};

/// Each would keep a channel of ours open, or let the work wait for signals in our stead.
#[test]
fn the_command_inherits_no_descriptor_of_ours() {
    for shelter in shelters() {
        let stage = Stage::new(TTL);
        let list = r#"python3 -c 'import os; print([n for n in range(256) if os.path.exists(f"/proc/self/fd/{n}")])'"#;
        let plain = Command::new("sh").args(["-c", &format!("{list}; true")]).output().unwrap();
        let agent = stage.exec("one", &shelter, &format!("{list} > listed; mv listed fds; sleep 60"));
        stage.settled("fds");
        assert_eq!(stage.text("fds"), String::from_utf8(plain.stdout).unwrap(), "{shelter:?}");
        assert_eq!(agent.end().0, Some(143));
    }
}

/// Before it listens, before it has handlers: nothing has begun that would have to be told from a failure.
#[test]
fn a_standby_that_is_told_to_end_at_once_ends_well() {
    for shelter in shelters() {
        let stage = Stage::new(TTL);
        // However late we are, it does not lead yet.
        stage.voters.stop(0..2);
        let mut child = stage.launch("one", &shelter, "sleep 60").spawn();
        let guardian = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let is_elector = |pid: &Pid| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "quorate\n")
        };
        // From the first moment at which it is called so it has begun as the elector.
        eventually("an elector", || children(guardian).iter().any(is_elector));
        send(guardian, Signal::SIGTERM);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        stage.voters.resume(0..2);
    }
}

/// As an ordinary user has it with sudo: here by root without the right to signal others.
#[test]
fn work_that_became_another_users_is_told_of_and_waited_for() {
    let stage = Stage::new(TTL);
    let line = "touch ready; exec setpriv --reuid 65534 --regid 65534 --clear-groups sleep 20";
    let without_kill = ["--bounding-set", "-kill", "--inh-caps", "-kill"];
    let agent = stage.launch("one", &GROUP, line).under("setpriv", &without_kill).start();
    stage.settled("ready");
    let is_another = || stage.work("one").iter().any(|process| process.line.starts_with("sleep"));
    eventually("it is another user's", is_another);
    stage.voters.stop(0..2);
    eventually("the guardian tells", || count(&agent.log(), "work that became another user's may not") == 1);
    let log = agent.log();
    assert_eq!(count(&log, "work that became another user's may neither"), 1, "{log}");
    assert_eq!(count(&log, "what was killed does not end"), 1, "{log}");
    assert_eq!(lines(&log, "work that became another user's may neither")[0]["processes"], 1);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(count(&agent.log(), "work that became another user's may not"), 1, "once");
    stage.work("one").into_iter().for_each(|process| send(process.pid, Signal::SIGKILL));
    assert_eq!(agent.ended().0, Some(75));
    stage.voters.resume(0..2);
}

/// Container engines hide parts of it, which a new one would show.
#[test]
fn where_parts_of_proc_are_hidden_the_command_gets_no_new_one_unasked() {
    if shelters().len() < 2 {
        return;
    }
    let hide = "mount --bind /dev/null /proc/timer_list && exec \"$@\"";
    for (hidden, expected) in [(hide, false), ("exec \"$@\"", true)] {
        let stage = Stage::new(TTL);
        let launch = stage.launch("one", &[], "sleep 60");
        let agent = launch.under("unshare", &["--mount", "sh", "-c", hidden, "sh"]).start();
        let told = lines(&agent.log(), "protections");
        assert_eq!(told[0]["pid_namespace"], expected, "{told:?}");
        agent.end();
    }
}

/// As a careless supervisor leaves it: the kernel then reaps children itself, and nobody hears how they ended.
#[test]
fn how_a_command_ended_is_known_also_where_whoever_started_us_ignores_the_end_of_children() {
    let ignoring = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])";
    for shelter in shelters() {
        let stage = Stage::new(TTL);
        let options = [&shelter[..], &["--on-exit", "exit"]].concat();
        let agent = stage.launch("one", &options, "exit 7").under("python3", &["-c", ignoring]).start();
        assert_eq!(agent.ended().0, Some(7));
    }
}

/// The elector is no foreground process of the terminal that it logs to.
#[test]
fn a_terminal_that_stops_what_writes_from_the_background_does_not_stop_an_election() {
    let stage = Stage::new(TTL);
    let terminal =
        "import pty, sys; pty.spawn(['sh', '-c', 'stty tostop; exec \"$0\" \"$@\"'] + sys.argv[1:])";
    let mut child =
        stage.launch("one", &GROUP, "touch ready; sleep 60").under("python3", &["-c", terminal]).spawn();
    stage.settled("ready");
    // The terminal is gone with whoever made it, and so are all who were started in it.
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("nothing is left", || stage.work("one").is_empty());
}
