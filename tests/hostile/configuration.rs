//! Whatever stands in the file is a configuration or a refusal in sentences, soon.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use quorate::config::{Environment, Flags, load};

use crate::common::candidate::{boot, since};

const CASES: u32 = 2_000;
/// On a busy machine; it takes well under a millisecond.
const SOON: Duration = Duration::from_secs(2);
/// A refusal is for people.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// What was found to be worth keeping, and what an attacker would try first.
fn corpus() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/configurations");
    let mut files: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut texts: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    // Those that are too large, or not text, to be kept as files.
    texts.push("[".repeat(100_000).into_bytes());
    texts.push("a: ".repeat(50_000).into_bytes());
    texts.push([b"election: ".to_vec(), vec![b'x'; 1 << 20]].concat());
    texts.push(b"election: orders\nvoters: \xff\xfe\x00".to_vec());
    texts.push((0..10_000).flat_map(|key| format!("key{key}: 1\n").into_bytes()).collect());
    texts
}

/// Loads it as `quorate run --config` does.
fn is_judged(directory: &Path, text: &[u8]) {
    let file = directory.join("quorate.yaml");
    fs::write(&file, text).unwrap();
    let flags = Flags { file: Some(file), ..Flags::default() };
    let environment = Environment::new(Vec::<(&str, &str)>::new(), Some("host"));
    let begun = boot();
    if let Err(refused) = load(&flags, &environment) {
        let told = refused.to_string();
        assert!(!told.is_empty() && told.len() < LONGEST_REFUSAL, "{} bytes", told.len());
        let is_unprintable = |c: char| c.is_control() && c != '\n';
        assert!(!told.contains(is_unprintable), "{told:?}");
    }
    assert!(since(begun) < SOON, "it took {:?}", since(begun));
}

#[test]
fn every_file_of_the_corpus_is_a_configuration_or_refused_soon() {
    let directory = tempfile::tempdir().unwrap();
    for text in corpus() {
        is_judged(directory.path(), &text);
    }
}

/// One change of a text.
#[derive(Clone, Debug)]
enum Edit {
    Remove(usize, usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let any_place = 0..4096_usize;
    let words: &[&[u8]] = &[
        b"\n",
        b" ",
        b"  ",
        b"- ",
        b": ",
        b"{",
        b"[",
        b"}",
        b"]",
        b"\"",
        b"'",
        b"&a ",
        b"*a",
        b"!!int ",
        b"| ",
        b"---\n",
        b"99999999999999999999",
        b"-1",
        b"0x7f",
        b"1e999",
        b"\0",
        b"\xff",
        b"\xe2\x80\xae",
        b"~",
        b"null",
        b"true",
        b"1000000000000h",
        b"0s",
        b"<<: *a",
        b"? ",
        b"#",
        b"\t",
        b"redis://",
        b"@",
        b"%00",
        b"voters:\n",
    ];
    prop_oneof![
        (any_place.clone(), 1..40_usize).prop_map(|(at, len)| Edit::Remove(at, len)),
        (any_place.clone(), prop::sample::select(words))
            .prop_map(|(at, word)| Edit::Insert(at, word.to_vec())),
        (any_place.clone(), prop::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(at, new)| Edit::Insert(at, new)),
        (any_place, 1..40_usize, 1..50_usize).prop_map(|(at, len, times)| Edit::Repeat(at, len, times)),
    ]
}

fn edited(mut text: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        let at = |place: usize| place % (text.len() + 1);
        match edit {
            Edit::Remove(place, len) => {
                let (from, to) = (at(*place), (at(*place) + len).min(text.len()));
                text.drain(from..to);
            }
            Edit::Insert(place, new) => {
                let place = at(*place);
                text.splice(place..place, new.iter().copied());
            }
            Edit::Repeat(place, len, times) => {
                let (from, to) = (at(*place), (at(*place) + len).min(text.len()));
                let part = text[from..to].repeat(*times);
                text.splice(to..to, part);
            }
        }
    }
    text
}

#[test]
fn every_change_of_a_file_is_a_configuration_or_refused_soon() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = corpus().into_iter().filter(|text| text.len() < 4096).collect::<Vec<_>>();
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let changes = (prop::sample::select(corpus), prop::collection::vec(edit(), 1..12));
    let outcome = TestRunner::new(config).run(&changes, |(text, edits)| {
        is_judged(directory.path(), &edited(text, &edits));
        Ok(())
    });
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}
