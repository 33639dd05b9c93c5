//! `quorate wait` and `quorate install`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::TTL;
use crate::common::candidate::{Launch, Voters, boot, eventually, since};

fn wait(voters: &Voters, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(["wait", "--election", "orders", "--identity", "me", "--ttl", "2s"]).args(arguments);
    for (name, url) in voters.urls().into_iter().take(3) {
        command.arg("--voter").arg(format!("{name}={url}"));
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn told(child: Child) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn waiting_ends_when_the_leader_is_there_that_was_waited_for() {
    let voters = Voters::experienced(3, TTL);
    let any = wait(&voters, &[]).spawn().unwrap();
    let mut myself = wait(&voters, &["--self"]).spawn().unwrap();
    let other = Launch::new("other", voters.urls().into_iter().take(3), TTL).start();
    eventually("it leads", || other.leads());
    let line = format!("other {}\n", other.term().unwrap());
    assert_eq!(told(any), (Some(0), line.clone(), String::new()));
    assert_eq!(told(wait(&voters, &["--leader", "other"]).spawn().unwrap()).1, line);
    assert!(myself.try_wait().unwrap().is_none(), "another leader is not we");
    assert_eq!(other.end().0, Some(0));
    let me = Launch::new("me", voters.urls().into_iter().take(3), TTL).start();
    eventually("it leads", || me.leads());
    assert_eq!(told(myself).1, format!("me {}\n", me.term().unwrap()));
}

#[test]
fn waiting_gives_up_and_says_whether_the_voters_were_there() {
    let voters = Voters::experienced(3, TTL);
    let asked = boot();
    let (code, out, err) = told(wait(&voters, &["--leader", "x", "--timeout", "300ms"]).spawn().unwrap());
    assert_eq!((code, out.as_str(), err.as_str()), (Some(75), "", "quorate: x does not lead\n"));
    assert!(since(asked) >= Duration::from_millis(300));
    let (code, _, err) = told(wait(&voters, &["--timeout", "0"]).spawn().unwrap());
    assert_eq!((code, err.as_str()), (Some(75), "quorate: nobody leads\n"), "it looked once");
    let (code, _, err) = told(wait(&voters, &["--leader", ""]).spawn().unwrap());
    assert!(code == Some(2) && err.contains("a value is required"), "{err}");
    voters.stop(0..2);
    let (code, _, err) = told(wait(&voters, &["--timeout", "300ms"]).spawn().unwrap());
    assert_eq!((code, err.as_str()), (Some(69), "quorate: nobody leads: no quorum of voters answers\n"));
    voters.resume(0..2);
}

#[test]
fn an_installed_copy_is_this_very_program_and_replaces_an_older_one_whole() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("quorate");
    fs::write(&target, "older").unwrap();
    let install =
        |to: &str| Command::new(env!("CARGO_BIN_EXE_quorate")).args(["install", to]).output().unwrap();
    let output = install(directory.path().to_str().unwrap());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{}\n", target.display()));
    assert!(
        String::from_utf8(output.stderr).unwrap().contains("make static"),
        "it needs a C library, and says so"
    );
    assert_eq!(fs::read(&target).unwrap(), fs::read(env!("CARGO_BIN_EXE_quorate")).unwrap());
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    assert!(Command::new(&target).arg("version").output().unwrap().status.success());

    let output = install(directory.path().join("missing").to_str().unwrap());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("is not a directory"));
}
