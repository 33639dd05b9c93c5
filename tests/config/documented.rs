//! docs/configuration.md and the code agree on the keys, their names in the environment and their flags.

use std::collections::BTreeSet;

use quorate::config::keys::{KEYS, VOTER_KEYS, environment_name};

/// The cells of all rows of tables whose first cell is code.
fn rows() -> Vec<Vec<String>> {
    include_str!("../../docs/configuration.md")
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

#[test]
fn every_key_has_a_row_with_its_variable_and_its_flag() {
    let documented: BTreeSet<Vec<String>> = rows()
        .into_iter()
        .filter(|row| row.len() == 6)
        .map(|row| vec![row[0].clone(), row[4].clone(), row[5].clone()])
        .collect();
    let known: BTreeSet<Vec<String>> = KEYS
        .iter()
        .map(|key| {
            let flag = key.flag.map_or_else(|| "–".to_owned(), |flag| format!("`{flag}`"));
            vec![format!("`{}`", key.path), format!("`{}`", environment_name(key.path)), flag]
        })
        .collect();
    assert_eq!(documented, known);
}

#[test]
fn every_key_of_a_voter_has_a_row() {
    let documented: BTreeSet<String> = rows()
        .into_iter()
        .filter(|row| row.len() == 2 && row[0].starts_with("`voters[]"))
        .map(|row| row[0].clone())
        .collect();
    let known: BTreeSet<String> = VOTER_KEYS.iter().map(|key| format!("`voters[].{key}`")).collect();
    assert_eq!(documented, known);
}
