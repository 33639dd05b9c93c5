//! The command line, through the real binary: help teaches, mistakes are usage errors, answers are whole.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::process::{Command, Output, Stdio};

fn quorate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quorate")).env_clear().args(arguments).output().unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

#[test]
fn help_of_every_command_shows_examples_and_ends_well() {
    for command in ["run", "exec", "status", "check", "resign", "reset", "demo", "version", "completion"] {
        let output = quorate(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(
            out(&output).contains("Examples:") && out(&output).contains(&format!("quorate {command}")),
            "{command}"
        );
    }
    assert!(out(&quorate(&["--help"])).contains("64 configuration refused"));
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
    }
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
