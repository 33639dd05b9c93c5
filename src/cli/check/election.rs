//! What is found about the election at each voter, and about the voters together.

use std::collections::BTreeMap;
use std::time::Duration;

use super::examine::Examined;
use super::finding::{Findings, Topic};
use crate::cli::status::report::{Condition, Report, State, VoterReport};
use crate::config::duration;

/// A leader and a candidate may differ in ttl by this factor at most.
const TTL_FACTOR: u64 = 2;

/// About one voter.
pub(super) fn look_at(voter: &Examined, told: &VoterReport, findings: &mut Findings<'_>) {
    let has_cause = voter.inspection.as_ref().map_or(true, |inspection| !inspection.lacking.is_empty());
    match told.state {
        // That a server is a replica or is there twice, or why it cannot be asked, is found where servers are looked at.
        Condition::Member | Condition::Duplicate | Condition::Replica => {}
        Condition::Silent if has_cause => {}
        Condition::Silent => {
            let what =
                voter.sight.trouble.clone().unwrap_or_else(|| "says nothing of the election".to_owned());
            let remedy =
                "see what the server's log says; `quorate reset` removes a record that cannot be read";
            findings.failure(Topic::Standing, what, "candidates take it for silent", remedy);
        }
        Condition::Mismatch => findings.failure(
            Topic::Electorate,
            voter.sight.trouble.clone().unwrap_or_else(|| "keeps a record of other voters".to_owned()),
            "a candidate of this configuration stays inert as soon as it reads this record",
            "give the configuration that wrote it; or stop all candidates and run `quorate reset`",
        ),
        Condition::Joining => findings.warning(
            Topic::Standing,
            "forgot, and may not vote until a leader adopts it or a candidate lets it join",
            "until then it counts as failed",
            "run a candidate and wait for about one ttl; do not restart other voters meanwhile",
        ),
        Condition::Amnesia => findings.note(
            Topic::Standing,
            "has no memory of this election",
            "it may vote when a running candidate has let it join, after about one ttl",
            "nothing, before the first start; else find out why it forgot",
        ),
    }
    let Some(foreign) = told.foreign_key else { return };
    match foreign.ttl_ms {
        None => findings.failure(
            Topic::ForeignKey,
            "the lease key belongs to a client that is not Quorate and has no ttl",
            "nobody is elected over it, so the voter is lost until it is deleted",
            "find out which program took a lock of this name and never gave it back; then DEL the key",
        ),
        Some(ms) => findings.warning(
            Topic::ForeignKey,
            format!("the lease key belongs to a client that is not Quorate, for {ms} ms more"),
            "nobody is elected over it, and two kinds of clients contend for one name",
            "leave it where the two take turns on purpose (docs/neighbours.md); else give one of them another name",
        ),
    }
}

/// About all of them.
pub(super) fn look_at_all(
    voters: &[Examined],
    report: &Report,
    ttl: Duration,
    found: &mut Vec<super::finding::Finding>,
) {
    for voter in voters {
        let others = same_server(voter, voters);
        if let Some((other, topic_is_process)) = others {
            let findings = &mut Findings::about(Some(&voter.name), found);
            if topic_is_process {
                findings.failure(
                    Topic::Distinct,
                    format!("is the same server as {other}"),
                    "one server would vote twice, so neither counts",
                    "give each voter a server of its own",
                );
            } else {
                findings.failure(
                    Topic::Distinct,
                    format!("shares its history of writes with {other}"),
                    "one was made from the other, or follows it: they do not remember independently",
                    "start one of them empty",
                );
            }
        }
    }
    let findings = &mut Findings::about(None, found);
    domain(voters, findings);
    quorum(report, findings);
    leader(report, ttl, findings);
}

/// Another voter with the same process (`true`) or the same history of writes.
fn same_server<'a>(voter: &Examined, voters: &'a [Examined]) -> Option<(&'a str, bool)> {
    let shares = |other: &Examined, name: &str| {
        other.name != voter.name && voter.fact(name).is_some() && voter.fact(name) == other.fact(name)
    };
    let other = |name: &str| voters.iter().find(|other| shares(other, name)).map(|other| other.name.as_str());
    let process = other("run_id").map(|name| (name, true));
    process.or_else(|| other("master_replid").map(|name| (name, false)))
}

fn domain(voters: &[Examined], findings: &mut Findings<'_>) {
    let mut hosts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for voter in voters {
        let host = voter.host.as_deref().unwrap_or("this machine");
        hosts.entry(host).or_default().push(&voter.name);
    }
    for (host, names) in hosts.into_iter().filter(|(_, names)| names.len() > 1) {
        findings.warning(
            Topic::Domain,
            format!("{} are all on {host}", names.join(", ")),
            "they fail together, and an election bears the loss of a minority only",
            "put each voter into a failure domain of its own",
        );
    }
}

fn quorum(report: &Report, findings: &mut Findings<'_>) {
    let Report { voters, quorum, voters_answering: answering, .. } = report;
    if answering < quorum {
        findings.failure(
            Topic::Quorum,
            format!(
                "{answering} of {voters} voters answer as voters of this election, and {quorum} are needed"
            ),
            "nobody can lead",
            "mend what is found about the others",
        );
    } else if *voters == 1 {
        findings.note(
            Topic::Quorum,
            "there is one voter",
            "nobody leads while it is away, and after each of its restarts for about one ttl",
            "use three or more where that is too much",
        );
    } else if answering == quorum {
        findings.warning(
            Topic::Quorum,
            format!(
                "{answering} of {voters} voters answer as voters of this election, and {quorum} are needed"
            ),
            "not one more may fail",
            "mend what is found about the others",
        );
    }
}

/// A candidate whose ttl is too far from the leader's is inert.
fn leader(report: &Report, ttl: Duration, findings: &mut Findings<'_>) {
    let (State::Leading, Some(theirs)) = (report.state, report.ttl_ms) else { return };
    let ours = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
    let (shown_theirs, shown_ours) = (duration::format(Duration::from_millis(theirs)), duration::format(ttl));
    if theirs > TTL_FACTOR * ours || TTL_FACTOR * theirs < ours {
        findings.failure(
            Topic::Ttl,
            format!("the leader's ttl is {shown_theirs}, and timing.ttl here is {shown_ours}"),
            "a candidate that differs by more than a factor of two is inert",
            "go in steps of at most a factor of two, restarting all candidates between them",
        );
    } else if theirs != ours {
        findings.note(
            Topic::Ttl,
            format!("the leader's ttl is {shown_theirs}, and timing.ttl here is {shown_ours}"),
            "that is allowed, so that the ttl can be changed in steps",
            "bring all candidates to one ttl in the end",
        );
    }
}
