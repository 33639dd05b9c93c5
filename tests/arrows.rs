//! Which layer may know which: reads the source and fails when an arrow turns.
//!
//! The table below is the architecture. It reads tokens, not text, so that comments and strings do not count and no
//! grouping, renaming or macro hides a path. It does not resolve re-exports: a layer that hands on another's types
//! under its own name is on its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says why it failed by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use proc_macro2::token_stream::IntoIter;
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// One top-level module of the crate and the ones that it may name.
struct Layer {
    name: &'static str,
    knows: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer { name: "core", knows: &[] },
    Layer { name: "clock", knows: &["core"] },
    // How a file is read, for whoever names one.
    Layer { name: "files", knows: &[] },
    Layer { name: "voter", knows: &["core", "clock", "files"] },
    Layer { name: "election", knows: &["core", "clock", "voter"] },
    // What a program takes part in an election with: the public surface.
    Layer { name: "library", knows: &["core", "clock", "files", "voter", "election"] },
    // The processes below this one: nothing of Quorate.
    Layer { name: "processes", knows: &[] },
    Layer { name: "guardian", knows: &["processes"] },
    Layer { name: "gate", knows: &["core", "clock", "files", "election", "processes", "guardian"] },
    // Gates too, which write to a cluster.
    Layer { name: "kubernetes", knows: &["core", "clock", "election", "gate"] },
    Layer { name: "config", knows: &["core", "files", "voter"] },
    // The token that lets other hosts ask for a hand-over is in a file.
    Layer { name: "http", knows: &["core", "clock", "election", "files"] },
    // The kinds of trouble with a voter are labels.
    Layer { name: "metrics", knows: &["core", "clock", "voter", "election"] },
    Layer { name: "telemetry", knows: &["config"] },
    // Processes on this machine, for the demo: nothing of Quorate.
    Layer { name: "local", knows: &[] },
    Layer {
        name: "cli",
        knows: &[
            "core",
            "clock",
            "files",
            "voter",
            "election",
            "processes",
            "guardian",
            "gate",
            "kubernetes",
            "config",
            "http",
            "metrics",
            "telemetry",
            "local",
        ],
    },
];

/// Crates that only some files may name: the crate, and where.
const CONFINED: &[(&str, &[&str])] = &[
    ("redis", &["src/voter/redis.rs", "src/voter/redis/"]),
    ("prometheus", &["src/metrics.rs", "src/metrics/"]),
    ("axum", &["src/http.rs", "src/http/", "src/cli.rs", "src/cli/"]),
    ("kube", &["src/kubernetes.rs", "src/kubernetes/"]),
    ("k8s_openapi", &["src/kubernetes.rs", "src/kubernetes/"]),
    ("anyhow", &["src/main.rs", "src/cli.rs", "src/cli/"]),
    ("ratatui", &["src/cli/demo/live.rs", "src/cli/demo/live/"]),
    ("clap", &["src/main.rs", "src/cli.rs", "src/cli/"]),
];

/// The crates that the core may name: pure ones.
const CRATES_OF_THE_CORE: &[&str] = &["thiserror"];

/// The parts of the standard library that do I/O, read clocks or make threads.
const IMPURE_STD: &[&str] = &["env", "fs", "io", "net", "os", "process", "sync", "thread"];

/// Names that bring a clock, or an order that differs from run to run.
const IMPURE_NAMES: &[&str] = &["Instant", "SystemTime", "UNIX_EPOCH", "HashMap", "HashSet", "RandomState"];

/// A path or a module, part by part.
type Segments = Vec<String>;

#[test]
fn arrows_point_inwards_only() {
    let crates = dependencies(&read(&package().join("Cargo.toml")));
    let mut turned = Vec::new();
    for file in sources(&package().join("src")) {
        let name = file.strip_prefix(package()).unwrap().to_str().unwrap().to_owned();
        turned.extend(turned_arrows(&name, &read(&file), &crates));
    }
    assert!(turned.is_empty(), "arrows that point the wrong way:\n{}", turned.join("\n"));
}

#[test]
fn the_table_itself_has_no_cycle() {
    for (row, layer) in LAYERS.iter().enumerate() {
        for known in layer.knows {
            let is_above = LAYERS[..row].iter().any(|above| above.name == *known);
            assert!(is_above, "{} knows {known}, which must stand above it in the table", layer.name);
        }
    }
}

#[test]
fn a_turned_arrow_is_found_however_it_is_written() {
    let found =
        |file: &str, source: &str| !turned_arrows(file, source, &["tokio".into(), "redis".into()]).is_empty();
    assert!(found("src/core/candidate.rs", "use crate::voter::Port;"));
    assert!(found("src/core/candidate.rs", "use crate::{core::Now, voter::{Port, Silence}};"));
    assert!(found("src/core/candidate.rs", "fn f() { crate::election::start() }"));
    assert!(found("src/core/candidate.rs", "fn f(port: crate::voter::Port) {}"));
    assert!(found("src/core/candidate.rs", "use super::super::voter::Port;"));
    assert!(found("src/core.rs", "use super::clock;"));
    assert!(found("src/http.rs", "fn f() { debug!(\"{}\", crate::metrics::all()) }"));
    assert!(found("src/clock.rs", "use quorate::election;"));
    assert!(found("src/core/time.rs", "use std::time::{Duration, Instant};"));
    assert!(found("src/core/time.rs", "use std::{fs, fmt};"));
    assert!(found("src/core/time.rs", "use tokio::time::sleep;"));
    assert!(found("src/core/ledger.rs", "use std::collections::HashMap;"));
    assert!(found("src/election/driver.rs", "use redis::Cmd;"));
    assert!(found("src/gate/runner.rs", "use crate::kubernetes::start;"));
    assert!(found("src/surprise.rs", ""));
}

#[test]
fn what_is_allowed_is_left_alone() {
    let found = |file: &str, source: &str| turned_arrows(file, source, &["tokio".into(), "redis".into()]);
    let none: Vec<String> = Vec::new();
    assert_eq!(found("src/core/candidate.rs", "use super::record::Answer; // crate::voter"), none);
    assert_eq!(found("src/core/candidate.rs", "mod tests { use super::super::time::Now; }"), none);
    assert_eq!(found("src/core/time.rs", "/// Not std::time::Instant.\nuse std::time::Duration;"), none);
    assert_eq!(found("src/voter/redis.rs", "use redis::Cmd; use crate::core::Question;"), none);
    assert_eq!(found("src/election/driver.rs", "use crate::voter::redis::Connection;"), none);
    assert_eq!(found("src/cli/run.rs", "use crate::{http, metrics, election};"), none);
}

/// What is wrong with one file, a sentence each.
fn turned_arrows(file: &str, source: &str, crates: &[String]) -> Vec<String> {
    let module = module_of(file);
    let Some(top) = module.first() else { return Vec::new() };
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == top) else {
        return vec![format!("{file}: a layer that nobody knows; say in tests/arrows.rs what it may know")];
    };
    let tokens: TokenStream = source.parse().unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut names = BTreeSet::new();
    let mut paths = Vec::new();
    walk(tokens, &mut paths, &mut names);

    let mut wrong = BTreeSet::new();
    for path in &paths {
        let shown = path.join("::");
        if let Some(other) = layer_named_by(path, module.len())
            && other != layer.name
            && !layer.knows.contains(&other)
        {
            wrong.insert(format!("{file}: {} may not know {other}: {shown}", layer.name));
        }
        if let Some((_, homes)) = CONFINED.iter().find(|(confined, _)| *confined == path[0])
            && crates.contains(&path[0])
            && !homes.iter().any(|home| file.starts_with(home))
        {
            wrong.insert(format!("{file}: only {} may name the crate: {shown}", homes.join(", ")));
        }
        if layer.name == "core" {
            let foreign = crates.contains(&path[0]) && !CRATES_OF_THE_CORE.contains(&path[0].as_str());
            let impure =
                path[0] == "std" && path.get(1).is_some_and(|part| IMPURE_STD.contains(&part.as_str()));
            if foreign || impure {
                wrong.insert(format!("{file}: the core is pure: {shown}"));
            }
        }
    }
    if layer.name == "core" {
        for name in names.iter().filter(|name| IMPURE_NAMES.contains(&name.as_str())) {
            wrong.insert(format!("{file}: the core is pure: {name}"));
        }
    }
    wrong.into_iter().collect()
}

/// The layer that a path leads to from a module so many levels below the crate's root, if to one.
fn layer_named_by(path: &[String], depth: usize) -> Option<&'static str> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let from_root = match path[0].as_str() {
        "crate" | "quorate" => 1,
        // A module inside the file is one level deeper, so one `super` more leads to the same place.
        "super" if ups >= depth => ups,
        _ => return None,
    };
    let part = path.get(from_root)?;
    LAYERS.iter().map(|layer| layer.name).find(|name| part == name)
}

/// The module that a file is, from the root: nothing for the two that are allowed to see everything.
fn module_of(file: &str) -> Segments {
    let inside = file.trim_start_matches("src/").trim_end_matches(".rs");
    let mut module: Segments = inside.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    if module == ["lib"] || module == ["main"] {
        module.clear();
    }
    module
}

/// Collects every path with at least two parts, and every identifier.
fn walk(tokens: TokenStream, paths: &mut Vec<Segments>, names: &mut BTreeSet<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) => {
                names.insert(ident.to_string());
                follow(vec![ident.to_string()], &mut tokens, paths, names);
            }
            TokenTree::Group(group) => walk(group.stream(), paths, names),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Follows a path that has begun, through the braces of a `use` into each of its branches.
fn follow(
    mut path: Segments,
    tokens: &mut Peekable<IntoIter>,
    paths: &mut Vec<Segments>,
    names: &mut BTreeSet<String>,
) {
    while skip_path_separator(tokens) {
        match tokens.peek() {
            Some(TokenTree::Ident(ident)) => {
                names.insert(ident.to_string());
                path.push(ident.to_string());
                tokens.next();
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let mut branches = group.stream().into_iter().peekable();
                while let Some(token) = branches.next() {
                    let TokenTree::Ident(ident) = token else { continue };
                    names.insert(ident.to_string());
                    let mut branch = path.clone();
                    branch.push(ident.to_string());
                    follow(branch, &mut branches, paths, names);
                }
                tokens.next();
                return;
            }
            _ => break,
        }
    }
    if path.len() > 1 {
        paths.push(path);
    }
}

/// Takes `::` if it is next, and leaves the single colon of a type ascription.
fn skip_path_separator(tokens: &mut Peekable<IntoIter>) -> bool {
    let is_first = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint);
    let is_separator = tokens.next_if(is_first).is_some();
    if is_separator {
        tokens.next();
    }
    is_separator
}

/// The names by which the code calls the crates it depends on.
fn dependencies(manifest: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let names = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    names.map(|(name, _)| name.trim().replace('-', "_")).collect()
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
