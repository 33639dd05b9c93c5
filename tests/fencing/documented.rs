//! What docs/fencing.md shows is what the other tests run.

use std::fs;

use crate::resource::example;

#[test]
fn every_piece_of_code_in_the_documentation_is_part_of_an_example_that_is_run() {
    let text = fs::read_to_string(format!("{}/docs/fencing.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut shown = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->")) else {
            continue;
        };
        let code = lines[index + 2..].iter().take_while(|line| **line != "```");
        assert!(lines[index + 1].starts_with("```"), "{name}");
        let code: Vec<&str> = code.copied().collect();
        let file = fs::read_to_string(example(name)).unwrap();
        assert!(!code.is_empty() && file.contains(&code.join("\n")), "{name} has no\n{}", code.join("\n"));
        shown.push(name);
    }
    assert_eq!(
        shown,
        [
            "worker.sh",
            "postgresql.sql",
            "postgresql.sh",
            "redis.sh",
            "service.py",
            "kubernetes.yaml",
            "file.sh"
        ]
    );
}
