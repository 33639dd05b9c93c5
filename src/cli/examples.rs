//! What help and documentation show is understood by the command line: every line of an example is read.

#![expect(clippy::panic, reason = "a test says why it failed by panicking")]

use clap::{CommandFactory, Parser};

use super::Arguments;

/// Words of the shell that may stand before one of our commands.
const BEFORE: [&str; 4] = ["source <(", "kubectl exec orders-7c9f-x2x4v -- ", "sudo ", "if "];
/// Programs that examples show besides ours.
const OTHERS: [&str; 4] = ["export ", "curl ", "# ", "jq "];

/// As wide as a terminal is at least: what clap wraps cannot be pasted.
const WIDTH: usize = 80;

/// The lines of a text, those that end with a backslash joined with the next.
fn lines(text: &str) -> Vec<String> {
    let mut joined = vec![String::new()];
    for line in text.lines() {
        let last = joined.last_mut().filter(|last| last.ends_with('\\'));
        match last {
            Some(last) => *last = format!("{} {}", last.trim_end_matches('\\').trim_end(), line.trim()),
            None => joined.push(line.trim().to_owned()),
        }
    }
    joined
}

/// Our part of a line: what is before a pipe, a redirection, a comment or a bracket.
fn ours(line: &str) -> Option<&str> {
    let line = BEFORE.iter().find_map(|before| line.strip_prefix(before)).unwrap_or(line);
    // More than one blank is a column: what stands behind it explains.
    let ends = [" |", " > ", " # ", "  ", ")", " &&", ";"];
    let end = ends.iter().filter_map(|end| line.find(end)).min().unwrap_or(line.len());
    line.starts_with("quorate ").then(|| &line[..end])
}

fn check(place: &str, line: &str) {
    assert!(!line.contains(['"', '\'', '$']), "{place}: quotes are not understood here: {line}");
    if let Err(error) = Arguments::try_parse_from(line.split_whitespace()) {
        panic!("{place}: {line}\n{error}");
    }
}

#[test]
fn every_command_shows_examples_and_each_is_understood() {
    let mut root = Arguments::command();
    root.build();
    for command in std::iter::once(&root).chain(root.get_subcommands()) {
        let name = command.get_name();
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = after.strip_prefix("Examples:\n");
        let Some(examples) = examples else { panic!("{name}: the help has no examples") };
        let examples: Vec<&str> =
            examples.split("\n\n").take_while(|paragraph| paragraph.starts_with("  ")).collect();
        let too_wide = examples.iter().flat_map(|text| text.lines()).find(|line| line.len() > WIDTH);
        assert_eq!(too_wide, None, "{name}");
        let mut understood = 0;
        for line in lines(&examples.join("\n")) {
            if let Some(line) = ours(&line) {
                check(name, line);
                understood += 1;
            } else {
                let is_known = OTHERS.iter().any(|other| line.starts_with(other));
                assert!(line.is_empty() || is_known, "{name}: {line}");
            }
        }
        assert!(understood > 0, "{name}");
    }
}

#[test]
fn every_command_of_the_documentation_is_understood() {
    for (page, text, at_least) in [
        ("README.md", include_str!("../../README.md"), 6),
        ("docs/operations.md", include_str!("../../docs/operations.md"), 0),
        ("docs/configuration.md", include_str!("../../docs/configuration.md"), 0),
    ] {
        let blocks = text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
        let commands: Vec<String> = blocks.flat_map(lines).collect();
        let ours: Vec<&str> = commands.iter().filter_map(|line| ours(line)).collect();
        assert!(ours.len() >= at_least, "{page}: {ours:?}");
        for line in ours {
            check(page, line);
        }
    }
}
