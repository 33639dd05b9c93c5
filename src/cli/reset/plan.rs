//! May this be forgotten, and what would be? From what the voters said; pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::crew::Sighting;
use super::text::{self, names};
use crate::core::{FORMAT, Term, observer_wait};
use crate::voter::{Survey, Trouble};

/// What a reset would do.
#[derive(Debug)]
pub(super) struct Plan {
    /// The voters where something is to be removed.
    pub(super) removable: Vec<String>,
    /// Configured voters that cannot be read, and why.
    pub(super) unread: Vec<(String, Trouble)>,
    /// For how long everything must stand still: O of the longest ttl known.
    pub(super) wait: Duration,
    /// The lists of voters in the records, and where each stands.
    pub(super) remembered: BTreeMap<Vec<String>, Vec<String>>,
    /// The largest term in any record.
    pub(super) largest_term: Term,
}

/// Why nothing is removed; one sentence or a few.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too few of the configured voters can be read.
    NoQuorum(String),
    /// Somebody may lead, or what is there cannot be judged.
    Unsafe(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::NoQuorum(sentence) | Self::Unsafe(sentence)) = self;
        write!(f, "nothing was removed: {sentence}")
    }
}

/// The plan, with nothing to remove where nothing is there; `own_ttl` counts where no record has a longer one.
///
/// # Errors
///
/// Why it must not be done.
pub(super) fn judge(
    election: &str,
    gone: &[String],
    own_ttl: Duration,
    sightings: &[Sighting],
) -> Result<Plan, Refusal> {
    let read: Vec<(&str, &Survey)> = sightings
        .iter()
        .filter_map(|sighting| Some((sighting.name.as_str(), sighting.survey.as_ref().ok()?)))
        .collect();
    let unread: Vec<(String, Trouble)> = sightings
        .iter()
        .filter_map(|sighting| Some((sighting.name.clone(), sighting.survey.as_ref().err()?.clone())))
        .collect();
    let quorum = sightings.len() / 2 + 1;
    if read.len() < quorum {
        return Err(Refusal::NoQuorum(text::too_few(read.len(), sightings.len(), quorum, &unread)));
    }
    refuse_twins(&read)?;
    refuse_other_formats(&read)?;
    let remembered = remembered(&read)?;
    refuse_wrong_gone(gone, &read, sightings, &remembered)?;
    for (electorate, at) in &remembered {
        refuse_hidden_leader(electorate, at, gone, &read)?;
    }
    let records = || read.iter().filter_map(|(_, survey)| survey.record.as_ref());
    let largest_term = records().filter_map(|record| record.term).max().unwrap_or(0);
    refuse_terms_ahead_of_clocks(election, largest_term, &read)?;
    let longest_ttl = records().filter_map(|record| record.ttl).fold(own_ttl, Duration::max);
    let removable: Vec<String> =
        read.iter().filter(|(_, survey)| !survey.is_clean()).map(|(name, _)| (*name).to_owned()).collect();
    Ok(Plan { removable, unread, wait: observer_wait(longest_ttl), remembered, largest_term })
}

fn refuse_twins(read: &[(&str, &Survey)]) -> Result<(), Refusal> {
    for (index, (name, survey)) in read.iter().enumerate() {
        let same = |(_, other): &&(&str, &Survey)| other.run.process == survey.run.process;
        if let Some((other, _)) = read[index + 1..].iter().find(same) {
            return Err(Refusal::Unsafe(format!(
                "{name} and {other} are the same server; give each voter a server of its own"
            )));
        }
    }
    Ok(())
}

/// What another version writes this one cannot judge.
fn refuse_other_formats(read: &[(&str, &Survey)]) -> Result<(), Refusal> {
    let ours = FORMAT.to_string();
    let is_foreign = |format: &str| !format.is_empty() && format != ours;
    let format = |(name, survey): &(&str, &Survey)| {
        let format = survey.record.as_ref()?.format.clone();
        is_foreign(&format).then(|| ((*name).to_owned(), format))
    };
    match read.iter().find_map(format) {
        Some((name, format)) => Err(Refusal::Unsafe(format!(
            "the record at {name} has format {}, and this version of Quorate knows format {ours}; reset with the version \
             that wrote it",
            text::shown(&format)
        ))),
        None => Ok(()),
    }
}

/// Each list of voters in a record, and the voters whose record has it.
fn remembered(read: &[(&str, &Survey)]) -> Result<BTreeMap<Vec<String>, Vec<String>>, Refusal> {
    let mut remembered: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for (name, survey) in read {
        let Some(record) = survey.record.as_ref().filter(|record| !record.electorate.is_empty()) else {
            continue;
        };
        let Some(list) = record.electorate.strip_prefix("1 ") else {
            return Err(Refusal::Unsafe(format!(
                "the record at {name} belongs to the voters {}, written in a way that this version of Quorate does not \
                 know; reset with the version that wrote it",
                text::shown(&record.electorate)
            )));
        };
        let list = list.split(',').map(text::shown).collect();
        remembered.entry(list).or_default().push((*name).to_owned());
    }
    Ok(remembered)
}

fn refuse_wrong_gone(
    gone: &[String],
    read: &[(&str, &Survey)],
    sightings: &[Sighting],
    remembered: &BTreeMap<Vec<String>, Vec<String>>,
) -> Result<(), Refusal> {
    for name in gone {
        if read.iter().any(|(read, _)| read == name) {
            return Err(Refusal::Unsafe(format!("--gone {name}: it is there and answers; leave it out")));
        }
        let is_known = remembered.keys().any(|list| list.contains(name))
            || sightings.iter().any(|sighting| sighting.name == *name);
        if !is_known {
            return Err(Refusal::Unsafe(format!(
                "--gone {}: no record names such a voter",
                text::shown(name)
            )));
        }
    }
    Ok(())
}

/// A leader needs a quorum of the voters in its own records: so many of *them* must be watched, or be gone for good,
/// that the rest is none.
fn refuse_hidden_leader(
    electorate: &[String],
    at: &[String],
    gone: &[String],
    read: &[(&str, &Survey)],
) -> Result<(), Refusal> {
    // By the name in its record, where it has one: that is the voter that a leader of these records knows.
    let known_as = |(name, survey): &(&str, &Survey)| {
        let record = survey.record.as_ref().map(|record| record.voter.clone());
        record.filter(|name| !name.is_empty()).unwrap_or_else(|| (*name).to_owned())
    };
    let watched: BTreeSet<String> = read.iter().map(known_as).collect();
    let hidden: Vec<&str> = electorate
        .iter()
        .filter(|name| !watched.contains(*name) && !gone.contains(name))
        .map(String::as_str)
        .collect();
    let quorum = electorate.len() / 2 + 1;
    if hidden.len() < quorum {
        return Ok(());
    }
    Err(Refusal::Unsafe(text::hidden_leader(electorate, at, &hidden, read)))
}

/// Terms of the next epoch begin at the clocks; they must be larger than all before.
fn refuse_terms_ahead_of_clocks(
    election: &str,
    largest: Term,
    read: &[(&str, &Survey)],
) -> Result<(), Refusal> {
    let mut times: Vec<u64> = read.iter().map(|(_, survey)| survey.time_us / 1000).collect();
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    if largest < median {
        return Ok(());
    }
    let at: Vec<&str> = read
        .iter()
        .filter(|(_, survey)| survey.record.as_ref().is_some_and(|record| record.term == Some(largest)))
        .map(|(name, _)| *name)
        .collect();
    Err(Refusal::Unsafe(format!(
        "the largest term of {election}, {largest} at {}, is beyond the voters' clocks ({median} ms since 1970), at which the \
         terms of the next epoch begin, so that they would fall; set the clocks right. If somebody wrote that term by hand \
         and no resource has seen it, set the field `term` of that record right by hand first",
        names(&at)
    )))
}
