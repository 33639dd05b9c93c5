//! The tables of docs/safety.md, for the tests that hold them to the truth.

use std::fs;
use std::path::Path;

/// The rows of the table after the comment `<!-- {name} -->`, cell by cell, without its heading.
///
/// # Panics
///
/// There is no such file or table.
#[must_use]
#[expect(clippy::panic, reason = "called by tests")]
pub fn rows(name: &str) -> Vec<Vec<String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/safety.md");
    let text = fs::read_to_string(file).unwrap_or_default();
    let comment = format!("<!-- {name} -->");
    let (_, after) = text.split_once(&comment).unwrap_or_else(|| panic!("docs/safety.md has no {comment}"));
    let lines =
        after.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    lines
        .skip(2)
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}
