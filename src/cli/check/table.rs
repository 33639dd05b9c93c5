//! A verdict for people.

use std::fmt::Write as _;

use super::finding::{Finding, Severity};
use super::report::{Seen, Verdict, VoterFacts};
use crate::cli::paint::{Mark, Paint};
use crate::cli::status::report::Condition;
use crate::cli::status::table::verdict;
use crate::election::printable;

const HEADINGS: [&str; 9] =
    ["VOTER", "STANDING", "ROLE", "ROUND TRIP", "CONNECT", "CLOCK", "EVICTION", "LISTEN", "SERVER"];
/// Where what is said of a finding begins.
const INDENT: &str = "         ";

pub(super) fn table(told: &Verdict, paint: Paint) -> String {
    let mut text = String::new();
    let mut fact = |name: &str, value: &str, mark: Mark| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<10}{}", paint.on(value, mark));
    };
    let Verdict { voters, voters_answering: answering, quorum, .. } = told;
    fact("election", &told.election, Mark::Bold);
    let mark = if answering < quorum { Mark::Bad } else { Mark::None };
    fact("voters", &format!("{answering} of {voters} answer, quorum {quorum}"), mark);
    let term = told.leader.as_ref().map_or_else(String::new, |leader| format!(", term {}", leader.term));
    fact("leader", &(verdict(&told.report) + &term), Mark::None);
    if !told.seen.is_empty() {
        fact("seen", &told.seen.iter().map(seen).collect::<Vec<_>>().join("; "), Mark::None);
    }
    text.push('\n');
    let headings = (Mark::Bold, HEADINGS.map(str::to_owned));
    let rows = told.voter.iter().map(|voter| (mark_of(voter, &told.findings), row(voter)));
    text.push_str(&paint.table(&std::iter::once(headings).chain(rows).collect::<Vec<_>>()));
    text.push('\n');
    for (finding, voters) in alike(&told.findings) {
        text.push_str(&one(finding, &voters, paint));
    }
    text.push_str(&conclusion(told, paint));
    text
}

/// Whose name stands where.
fn seen(seen: &Seen) -> String {
    let name = seen.identity.as_deref().unwrap_or("(without a name)");
    let place: Vec<&str> = [&seen.cluster, &seen.address].into_iter().flatten().map(String::as_str).collect();
    let place = if place.is_empty() { String::new() } else { format!(" ({})", place.join(", ")) };
    format!("{name}{place} at {}", seen.voters.join(", "))
}

/// What is found of several voters is told once.
fn alike(findings: &[Finding]) -> Vec<(&Finding, Vec<&str>)> {
    let mut told: Vec<(&Finding, Vec<&str>)> = Vec::new();
    for finding in findings {
        let what = |finding: &Finding| (finding.voter.is_some(), Finding { voter: None, ..finding.clone() });
        let is_same = |(first, _): &&mut (&Finding, Vec<&str>)| what(first) == what(finding);
        match told.iter_mut().find(is_same) {
            Some((_, voters)) => voters.extend(finding.voter.as_deref()),
            None => told.push((finding, finding.voter.as_deref().into_iter().collect())),
        }
    }
    told
}

fn one(finding: &Finding, voters: &[&str], paint: Paint) -> String {
    let Finding { severity, voter: _, topic: _, what, why, remedy } = finding;
    let about = if voters.is_empty() { String::new() } else { format!("{}: ", voters.join(", ")) };
    let word = format!("{:<8}", severity.word());
    // What servers and records say may be among it.
    let what = printable_whole(what);
    format!("{} {about}{what}\n{INDENT}why: {why}\n{INDENT}do:  {remedy}\n", paint.on(&word, mark(*severity)))
}

/// As [`printable`], of any length.
fn printable_whole(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(128).map(|part| printable(&part.iter().collect::<String>())).collect()
}

fn conclusion(told: &Verdict, paint: Paint) -> String {
    let plural = |count: usize, word: &str| match count {
        0 => format!("no {word}"),
        1 => format!("1 {word}"),
        more => format!("{more} {word}s"),
    };
    let mark = match (told.failures, told.warnings) {
        (0, 0) => Mark::Good,
        (0, _) => Mark::Warn,
        _ => Mark::Bad,
    };
    let said = format!("{}, {}", plural(told.failures, "failure"), plural(told.warnings, "warning"));
    let gap = if told.findings.is_empty() { "" } else { "\n" };
    format!("{gap}{}\n", paint.on(&said, mark))
}

fn mark(severity: Severity) -> Mark {
    match severity {
        Severity::Note => Mark::None,
        Severity::Warning => Mark::Warn,
        Severity::Failure => Mark::Bad,
    }
}

fn mark_of(voter: &VoterFacts, findings: &[Finding]) -> Mark {
    let worst = findings
        .iter()
        .filter(|finding| finding.voter.as_ref() == Some(&voter.name))
        .map(|finding| finding.severity)
        .max();
    match (worst, voter.state) {
        (Some(severity @ (Severity::Warning | Severity::Failure)), _) => mark(severity),
        (_, Condition::Member) => Mark::Good,
        _ => Mark::None,
    }
}

fn row(voter: &VoterFacts) -> [String; 9] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let ms = |ms: Option<f64>| or_dash(ms.map(|ms| format!("{ms:.2} ms")));
    [
        voter.name.clone(),
        voter.state.word().to_owned(),
        or_dash(
            voter
                .role
                .clone()
                .map(|role| if role == "master" { "primary".to_owned() } else { "replica".to_owned() }),
        ),
        ms(voter.round_trip_ms),
        ms(voter.connect_ms),
        or_dash(voter.clock_offset_ms.map(|ms| format!("{ms:+.2} ms"))),
        or_dash(voter.eviction_policy.clone()),
        or_dash(voter.listening.map(|count| count.to_string())),
        or_dash(voter.server.clone()),
    ]
}
