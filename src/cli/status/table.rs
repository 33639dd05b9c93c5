//! A report for people.

use std::fmt::Write as _;
use std::time::Duration;

use super::report::{Condition, Leader, Report, State, VoterReport};
use crate::cli::paint::{Mark, Paint};

const HEADINGS: [&str; 8] =
    ["VOTER", "STANDING", "LEADER'S", "LEASE LEFT", "RECORD", "ROUND TRIP", "CLOCK", "SERVER"];

/// The whole table; `wall_us` is our Unix time, for how long ago something was.
pub(super) fn table(report: &Report, wall_us: u64, paint: Paint) -> String {
    let mut text = String::new();
    let mut fact = |name: &str, value: &str, mark: Mark| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<10}{}", paint.on(value, mark));
    };
    let is_well = report.state == State::Leading;
    fact("election", &report.election, Mark::Bold);
    fact("leader", &verdict(report), if is_well { Mark::Good } else { Mark::Bad });
    if let Some(leader) = &report.leader {
        fact("term", &leader.term.to_string(), Mark::None);
        fact("since", &since(leader, wall_us), Mark::None);
        let ttl = report.ttl_ms.map_or_else(String::new, |ttl| format!(" of {}", seconds(ttl)));
        let validity = seconds(report.validity_remaining_ms);
        fact("validity", &format!("{validity} left{ttl}, as the voters see it"), Mark::None);
    }
    fact("voters", &voters(report), if report.margin.may_fail.is_some() { Mark::None } else { Mark::Bad });
    if let Some(spare) = report.margin.spare {
        let held = report.voters_held;
        fact("margin", &format!("{held} hold the leader, {spare} more than needed"), Mark::None);
    }
    text.push('\n');
    text.push_str(&rows(&report.voter, paint));
    if !report.notes.is_empty() {
        text.push('\n');
        report.notes.iter().for_each(|note| {
            let _ = writeln!(text, "{note}");
        });
    }
    text
}

/// One line that says what matters; `wall_us` is our Unix time.
pub(super) fn line(report: &Report, wall_us: u64) -> String {
    let at = i64::try_from(wall_us).ok().and_then(|us| jiff::Timestamp::from_microsecond(us).ok());
    let at = at.map_or_else(String::new, |at| format!("{at:.3} "));
    let term = report.term.map_or_else(String::new, |term| format!(", term {term}"));
    let odd = report.voter.iter().filter(|voter| voter.state != Condition::Member);
    let odd: Vec<_> = odd.map(|voter| format!(", {} {}", voter.name, voter.state.word())).collect();
    format!("{at}{}{term}; {}{}\n", verdict(report), voters(report), odd.concat())
}

/// Who leads, or why nobody is said to.
pub(in crate::cli) fn verdict(report: &Report) -> String {
    let last = || report.last_holder.as_ref().map_or_else(|| "somebody".to_owned(), named);
    let last_term = report.last_holder.as_ref().map_or(0, |leader| leader.term);
    let Report { voters_held: held, voters, quorum, .. } = report;
    match report.state {
        State::Leading => report.leader.as_ref().map_or_else(String::new, named),
        State::Unclear => format!(
            "unclear: {held} of {voters} voters visibly hold {}, term {last_term}, and others that cannot be read may",
            last()
        ),
        State::Electing => {
            format!(
                "none: {held} of {voters} voters hold {}, fewer than {quorum}; an election may be under way",
                last()
            )
        }
        State::Released => format!("none: term {last_term} was released by {}", last()),
        State::Expired => format!("none: the lease of {}, term {last_term}, has expired", last()),
        State::Vacant if report.voter.iter().any(|voter| voter.state == Condition::Member) => {
            "none: no voter remembers a holder".to_owned()
        }
        State::Vacant => {
            "none: no voter may vote yet; candidates that run let them in about one ttl after they began or forgot"
                .to_owned()
        },
        State::NoQuorum => {
            let answering = report.voters_answering;
            format!("unknown: {answering} of {voters} voters answer, and {quorum} are needed")
        }
    }
}

fn named(leader: &Leader) -> String {
    let name = leader.identity.as_deref().unwrap_or("(without a name)");
    let place: Vec<&str> =
        [&leader.cluster, &leader.address].into_iter().flatten().map(String::as_str).collect();
    if place.is_empty() { name.to_owned() } else { format!("{name} ({})", place.join(", ")) }
}

fn since(leader: &Leader, wall_us: u64) -> String {
    let Some(since) = &leader.since else { return "unknown".to_owned() };
    let then_us = since.parse().ok().and_then(|at: jiff::Timestamp| u64::try_from(at.as_microsecond()).ok());
    match then_us.and_then(|then_us| wall_us.checked_sub(then_us)) {
        Some(us) => {
            let whole = Duration::from_secs(us / 1_000_000);
            format!("{since} ({} ago)", crate::config::duration::format(whole))
        }
        None => since.clone(),
    }
}

fn voters(report: &Report) -> String {
    let members = report.voter.iter().filter(|voter| voter.state == Condition::Member).count();
    let Report { voters, quorum, .. } = report;
    let margin = match report.margin.may_fail {
        Some(0) => "no more may fail".to_owned(),
        Some(count) => format!("{count} more may fail"),
        None => "too few to elect".to_owned(),
    };
    format!("{members} of {voters} can vote, quorum {quorum}: {margin}")
}

fn rows(voters: &[VoterReport], paint: Paint) -> String {
    let headings = (Mark::Bold, HEADINGS.map(str::to_owned));
    let voters = voters.iter().map(|voter| (mark(voter), row(voter)));
    paint.table(&std::iter::once(headings).chain(voters).collect::<Vec<_>>())
}

fn row(voter: &VoterReport) -> [String; 8] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        voter.name.clone(),
        voter.state.word().to_owned(),
        if voter.holds_leader { "yes" } else { "-" }.to_owned(),
        match voter.foreign_key {
            Some(_) => "foreign".to_owned(),
            None => or_dash(voter.lease_remaining_ms.map(seconds)),
        },
        or_dash(voter.record_version.map(|version| version.to_string())),
        or_dash(voter.round_trip_ms.map(|ms| format!("{ms:.2} ms"))),
        or_dash(voter.clock_offset_ms.map(|ms| format!("{ms:+.2} ms"))),
        or_dash(voter.version.clone()),
    ]
}

fn mark(voter: &VoterReport) -> Mark {
    match voter.state {
        Condition::Member if voter.holds_leader => Mark::Good,
        Condition::Member => Mark::None,
        Condition::Joining | Condition::Amnesia => Mark::Bold,
        Condition::Mismatch | Condition::Replica | Condition::Duplicate | Condition::Silent => Mark::Bad,
    }
}

/// To a tenth of a second.
fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}
