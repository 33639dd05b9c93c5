//! What people read of a reset.

use std::fmt::Write as _;
use std::time::Duration;

use super::crew::{Listening, Sighting};
use super::plan::Plan;
use crate::config::Config;
use crate::core::Term;
use crate::election::{Who, printable};
use crate::voter::{Survey, SurveyedKey, Trouble, TroubleKind};

/// As anybody may have written it.
pub(super) fn shown(text: &str) -> String {
    printable(text)
}

/// `a, b and c`.
pub(super) fn names<T: AsRef<str>>(list: &[T]) -> String {
    match list.split_last() {
        None => String::new(),
        Some((only, [])) => only.as_ref().to_owned(),
        Some((end, begin)) => {
            let begin: Vec<&str> = begin.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", begin.join(", "), end.as_ref())
        }
    }
}

pub(super) fn nothing_there(election: &str) -> String {
    format!("no voter that answers remembers {election}: there is nothing to remove\n")
}

/// Whoever listens for releases is a candidate. `None`: nobody, as far as is known.
pub(super) fn still_listening(listening: &[Listening]) -> Option<String> {
    let (name, count) = listening
        .iter()
        .find_map(|(name, count)| Some((name, *count.as_ref().ok().filter(|&&count| count > 0)?)))?;
    let (who, them) =
        if count == 1 { ("one candidate listens", "it") } else { ("candidates listen", "them") };
    Some(format!(
        "nothing was removed: {who} at {name} for releases of this election; stop {them} first, because a candidate that \
         remembers the old records would begin the election anew beside the new ones. (The connection of a host that died \
         is closed by the server after its tcp-keepalive, five minutes by default.)"
    ))
}

/// What is there, what will be done, and what is not known.
pub(super) fn plan(config: &Config, plan: &Plan, sightings: &[Sighting], listening: &[Listening]) -> String {
    let mut text = String::new();
    let mut configured: Vec<&str> = config.voters.iter().map(|voter| voter.name.as_str()).collect();
    configured.sort_unstable();
    let mut fact = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<12}{value}");
    };
    fact("election", &config.election);
    fact("configured", &format!("voters {}", configured.join(", ")));
    for (electorate, at) in &plan.remembered {
        let is_other = electorate.iter().map(String::as_str).ne(configured.iter().copied());
        let other = if is_other { ", other than the configured ones" } else { "" };
        fact("remembered", &format!("voters {} at {}{other}", electorate.join(", "), names(at)));
    }
    if plan.largest_term > 0 {
        fact("last term", &last_term(plan.largest_term, sightings));
    }
    for sighting in sightings {
        fact(&format!("at {}", sighting.name), &at_one(sighting));
    }
    let ours = listening
        .iter()
        .filter(|(_, count)| count.as_ref().is_err_and(|trouble| trouble.kind == TroubleKind::NoPerm));
    let unknown: Vec<&str> = ours.map(|(name, _)| name.as_str()).collect();
    let wait = seconds(plan.wait);
    let _ = writeln!(
        text,
        "\nIf nothing moves for {wait}, record and lease key will be removed from {}. Nobody will then remember who led, \
         and the next start takes some {wait} before somebody leads.",
        names(&plan.removable)
    );
    if !unknown.is_empty() {
        let _ = writeln!(
            text,
            "Whether candidates still run cannot be seen at {} (a right for it is missing: +pubsub|numsub): make sure that \
             all have been stopped.",
            names(&unknown)
        );
    }
    text
}

fn last_term(largest: Term, sightings: &[Sighting]) -> String {
    let record = sightings
        .iter()
        .filter_map(|sighting| sighting.survey.as_ref().ok()?.record.as_ref())
        .find(|record| record.term == Some(largest));
    let who = record.map(|record| Who::parse(&record.who)).unwrap_or_default();
    let place: Vec<String> = [who.cluster, who.address].into_iter().flatten().collect();
    match (who.identity, place.as_slice()) {
        (None, _) => largest.to_string(),
        (Some(name), []) => format!("{largest}, of {name}"),
        (Some(name), place) => format!("{largest}, of {name} ({})", place.join(", ")),
    }
}

fn at_one(sighting: &Sighting) -> String {
    let survey = match &sighting.survey {
        Ok(survey) => survey,
        Err(trouble) => return trouble.to_string(),
    };
    let record = match &survey.record {
        None => "no record".to_owned(),
        Some(record) if record.standing != "member" => "forgot, joining".to_owned(),
        Some(record) if record.holder.is_empty() => "member, held by nobody".to_owned(),
        Some(record) if record.is_released => "member, released".to_owned(),
        Some(_) => "member, held and not released".to_owned(),
    };
    match survey.key {
        SurveyedKey::Free => record,
        SurveyedKey::Ours => record + ", with its lease key",
        SurveyedKey::Foreign => record + ", with a lease key of another client, which stays",
    }
}

pub(super) fn too_few(read: usize, all: usize, quorum: usize, unread: &[(String, Trouble)]) -> String {
    let mut text =
        format!("{read} of {all} voters can be read, and {quorum} are needed to know that nobody leads");
    for (name, trouble) in unread {
        let _ = write!(text, "\n{name}: {trouble}");
    }
    text
}

pub(super) fn hidden_leader(
    electorate: &[String],
    at: &[String],
    hidden: &[&str],
    read: &[(&str, &Survey)],
) -> String {
    let configured: Vec<&str> = read.iter().map(|(name, _)| *name).collect();
    let flags: Vec<String> = hidden.iter().map(|name| format!("--gone {name}")).collect();
    format!(
        "the records at {} belong to the voters {}, and those that can be read with this configuration are {}; a leader may \
         live on {}. Reset with the old list of voters first; or, where those servers are gone for good, say so: {}",
        names(at),
        names(electorate),
        names(&configured),
        names(hidden),
        flags.join(" ")
    )
}

/// A record moved while it was watched.
pub(super) fn moved(name: &str, survey: &Survey) -> String {
    let record = survey.record.as_ref().filter(|record| !record.holder.is_empty() && !record.is_released);
    let who = record.and_then(|record| Who::parse(&record.who).identity);
    match (record, who) {
        (Some(_), Some(who)) => {
            format!(
                "the record at {name} moves, so {who} leads or is being elected; stop all candidates and reset again"
            )
        }
        (Some(_), None) => {
            format!("the record at {name} moves, so somebody leads; stop all candidates and reset again")
        }
        (None, _) => format!(
            "something happened at {name} while it was watched: a candidate runs, or the server was restarted; stop all \
             candidates and reset again"
        ),
    }
}

pub(super) fn fell_silent(name: &str) -> String {
    format!("{name} fell silent while it was watched; reset again when it answers")
}

pub(super) fn removed(election: &str, at: &[&str]) -> String {
    format!(
        "removed from {}: no record of {election} is left there, and no lease key of ours. The next start is an epoch \
         reset; its terms begin at the clock and are larger than all before.\n",
        names(at)
    )
}

/// Configured voters that could not be read keep what they have.
pub(super) fn left_behind(unread: &[(String, Trouble)]) -> Option<String> {
    let left: Vec<&str> = unread.iter().map(|(name, _)| name.as_str()).collect();
    (!left.is_empty()).then(|| {
        format!(
            "not removed from {}, which could not be read: where it has a record of other voters, candidates become inert \
             as soon as they read it. Reset again when it answers, before you start them",
            names(&left)
        )
    })
}

pub(super) fn begun_anew(name: &str) -> String {
    format!(
        "a candidate still runs and has begun the election anew at {name}; stop all candidates and reset again before you \
         start any with other voters"
    )
}

/// To a tenth of a second.
fn seconds(duration: Duration) -> String {
    let tenths = duration.as_millis().div_ceil(100);
    format!("{}.{} s", tenths / 10, tenths % 10)
}
