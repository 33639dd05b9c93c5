#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::documented;

/// Set by `make mutants`: how many storms of each size may be tried for each bug. Without it those that docs/safety.md
/// says are caught soon are tried again, and no search is made (tests/exhaustive.rs makes them).
const SEEDS: &str = "QUORATE_MUTANTS_SEEDS";

/// Bugs that were caught by so many storms are caught again in every run of the tests.
const SOON: u64 = 100;

/// The directed tests of each bug: those that name it.
fn directed() -> BTreeMap<String, BTreeSet<String>> {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/core");
    let beside = fs::read_dir(core.join("tests")).unwrap().map(|entry| entry.unwrap().path());
    let mut directed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in beside.chain([core.join("ledger.rs")]) {
        let text = fs::read_to_string(&file).unwrap();
        for test in text.split("#[test]").skip(1) {
            let name = test.split("fn ").nth(1).unwrap().split('(').next().unwrap();
            for mention in test.split("Bug::").skip(1) {
                let bug: String = mention.chars().take_while(char::is_ascii_alphanumeric).collect();
                directed.entry(bug).or_default().insert(name.into());
            }
        }
    }
    directed
}

/// The tests of the core that fail with this bug planted in all of them. What runs away with one is ended before it
/// takes the memory of the machine.
fn failing(bug: Bug) -> BTreeSet<String> {
    let run = Command::new("sh")
        .args(["-c", "ulimit -v 4194304 && exec timeout 300 \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["product::core", "--test-threads=1"])
        .env("QUORATE_PLANTED", format!("{bug:?}"))
        .output()
        .unwrap();
    let said = String::from_utf8(run.stdout).unwrap();
    let names = said.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    names.map(|name| name.rsplit("::").next().unwrap().to_owned()).collect()
}

#[test]
fn without_a_planted_bug_the_directed_tests_pass() {
    let run = Command::new(std::env::current_exe().unwrap()).arg("product::core").output().unwrap();
    assert!(run.status.success());
}

#[test]
fn each_planted_bug_is_caught_as_docs_safety_says() {
    let measured = std::env::var(SEEDS).ok().map(|seeds| seeds.parse().unwrap());
    let (rows, directed) = (documented::rows("planted bugs"), directed());
    println!(
        "\n| left out | directed tests that catch it | storms until caught | exhaustive search |\n|---|---|---|---|"
    );
    let mut wrong = Vec::new();
    for (bug, words) in Bug::ALL {
        let failing = failing(*bug);
        let caught: Vec<_> =
            directed[&format!("{bug:?}")].intersection(&failing).map(|name| format!("`{name}`")).collect();
        let row = rows.iter().find(|row| row[0] == words.trim());
        let soon = row.and_then(|row| row[2].parse::<u64>().ok()).filter(|&storms| storms <= SOON);
        let storms = match (measured, soon) {
            (Some(seeds), _) => storms_until_caught(*bug, seeds),
            (None, Some(soon)) => storms_until_caught(*bug, 4 * soon),
            (None, None) => None,
        };
        let searched = measured.and_then(|_| searched(*bug)).and_then(|found| found.counterexample);
        let storms = storms.map_or("—".into(), |storms| storms.to_string());
        let steps = searched.map_or("—".into(), |steps| format!("{} steps", steps.len() - 1));
        println!("| {} | {} | {storms} | {steps} |", words.trim(), caught.join("<br>"));
        let named = row.map(|row| row[1].clone());
        if caught.is_empty() || named != Some(caught.join("<br>")) {
            wrong.push(format!("{bug:?}: caught by {caught:?}, docs/safety.md names {named:?}"));
        }
        if soon.is_some() && storms == "—" {
            wrong.push(format!("{bug:?}: docs/safety.md says that storms catch it soon, and they do not"));
        }
        if row.is_some_and(|row| (row[3] == "—") != variant(*bug).is_none()) {
            wrong.push(format!("{bug:?}: docs/safety.md is wrong about the exhaustive search"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(rows.len(), Bug::ALL.len(), "each bug once");
}
