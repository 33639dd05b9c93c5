//! The command line, through the real binary: help teaches, mistakes are usage errors, answers are whole.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::io::Read;
use std::process::{Command, Output, Stdio};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

fn quorate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quorate")).env_clear().args(arguments).output().unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

const COMMANDS: [&str; 12] = [
    "run",
    "exec",
    "wait",
    "install",
    "status",
    "check",
    "resign",
    "reset",
    "demo",
    "version",
    "completion",
    "man",
];

/// Voters that nobody is, so that there is something to be told in red.
const NOWHERE: [&str; 8] = [
    "--election",
    "orders",
    "--voter",
    "a=redis://127.0.0.1:1",
    "--voter",
    "b=redis://127.0.0.2:1",
    "--voter",
    "c=redis://127.0.0.3:1",
];

#[test]
fn help_of_every_command_shows_examples_and_ends_well() {
    for command in COMMANDS {
        let output = quorate(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(
            out(&output).contains("Examples:") && out(&output).contains(&format!("quorate {command}")),
            "{command}"
        );
    }
    let help = quorate(&["--help"]);
    assert!(out(&help).contains("64 configuration refused"));
    let listed = out(&help).split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut listed: Vec<&str> = listed
        .lines()
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let mut commands = COMMANDS;
    listed.sort_unstable();
    commands.sort_unstable();
    assert_eq!(listed, commands, "a command that no test knows");
}

#[test]
fn the_manual_has_a_page_for_every_command_with_every_flag_and_example_of_its_help() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("share/man1");
    let output = quorate(&["man", place.to_str().unwrap()]);
    assert_eq!((output.status.code(), out(&output)), (Some(0), ""));
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), COMMANDS.len() + 1);
    let first = std::fs::read(place.join("quorate.1")).unwrap();
    assert_eq!(first, quorate(&["man"]).stdout);
    assert_eq!(std::fs::read(place.join("quorate-resign.1")).unwrap(), quorate(&["man", "resign"]).stdout);
    for command in COMMANDS {
        let page = std::fs::read_to_string(place.join(format!("quorate-{command}.1"))).unwrap();
        let page = page.replace("\\-", "-").replace("\\*(Aq", "'").replace("\\\\", "\\");
        let help = quorate(&[command, "--help"]);
        let help = out(&help);
        let is_flag = |word: &&str| word.starts_with("--") && word.len() > 2;
        for flag in help.lines().filter_map(|line| line.split_whitespace().find(is_flag)) {
            assert!(page.contains(flag.trim_end_matches(',')), "{command}: {flag}");
        }
        let examples = help.split("Examples:\n").nth(1).unwrap();
        let is_example = |line: &&str| line.starts_with("  ");
        for line in examples.lines().take_while(|line| line.is_empty() || is_example(line)) {
            assert!(page.contains(&format!("{line}\n")), "{command}: {line}");
        }
    }
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = quorate(&["man", file.to_str().unwrap()]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && told.contains("give a directory"), "{told}");
}

/// What a command writes to a terminal.
fn on_a_terminal(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(arguments);
    command.env_clear();
    command.env("TERM", "xterm-256color");
    for (name, value) in environment {
        command.env(name, value);
    }
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let (mut written, mut bytes) = (Vec::new(), [0; 4096]);
    let mut reader = pair.master.try_clone_reader().unwrap();
    // The end of a pseudo terminal is an error on Linux.
    while let Ok(count @ 1..) = reader.read(&mut bytes) {
        written.extend_from_slice(&bytes[..count]);
    }
    child.wait().unwrap();
    String::from_utf8(written).unwrap()
}

#[test]
fn colours_are_for_terminals_whose_owner_wants_them() {
    for arguments in [
        vec!["--help"],
        vec!["check", "--help"],
        vec!["lead"],
        [["check"].as_slice(), &NOWHERE].concat(),
        [["status"].as_slice(), &NOWHERE].concat(),
    ] {
        let (name, escape) = (arguments[0], "\x1b[");
        assert!(on_a_terminal(&arguments, &[]).contains(escape), "{name}: a terminal has colours");
        for environment in [[("NO_COLOR", "1")], [("TERM", "dumb")]] {
            let written = on_a_terminal(&arguments, &environment);
            assert!(!written.is_empty() && !written.contains(escape), "{name} {environment:?}: {written:?}");
        }
        let output = quorate(&arguments);
        let written = [output.stdout, output.stderr].concat();
        assert!(!written.is_empty() && !written.contains(&0x1b), "{name}: no terminal, no colours");
    }
}

#[test]
fn what_is_not_understood_is_a_usage_error() {
    for arguments in
        [vec![], vec!["lead"], vec!["run", "--no-such"], vec!["status", "-o", "xml"], vec!["demo", "now"]]
    {
        let output = quorate(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_password_in_a_url_that_is_in_the_wrong_place_is_not_repeated() {
    for arguments in [
        vec!["status", "redis://user:hunter2@host"],
        vec!["redis://user:hunter2@host"],
        vec!["resign", "--address", "redis://user:hunter2@host:6379"],
        vec!["resign", "--for", "redis://:hunter2"],
        vec!["check", "-o", "redis://user:hunter2@host"],
        vec!["run", "--redis://user:hunter2@host"],
        vec!["completion", "redis://user:hunter2@host"],
        vec!["demo", "--script=redis://user:hunter2@host"],
    ] {
        let Output { status, stdout, stderr } = quorate(&arguments);
        let told = String::from_utf8([stdout, stderr].concat()).unwrap();
        assert!(matches!(status.code(), Some(2 | 64)), "{arguments:?}: {told}");
        assert!(told.contains("***") && !told.contains("hunter2"), "{arguments:?}: {told}");
    }
}

#[test]
fn the_version_is_told_to_people_and_to_programs() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(out(&quorate(&["version"])).starts_with(&format!("quorate {version} ")));
    let json: serde_json::Value = serde_json::from_str(out(&quorate(&["version", "-o", "json"]))).unwrap();
    assert_eq!(json["version"], version);
}

#[test]
fn every_shell_gets_a_completion() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = quorate(&["completion", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(out(&output).contains("print-config"), "{shell}");
        if ["bash", "zsh", "fish"].contains(&shell) {
            assert!(out(&output).contains("regions"), "{shell}: the values of --preset");
        }
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure_with_a_sentence() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    let output = command.arg("version").stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = output.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && told.contains("standard output cannot be written"), "{told}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_quorate"))
        .args(["completion", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), [].as_slice()));
}
