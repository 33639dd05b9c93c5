//! All that a check says, for people and programs.

use serde::Serialize;

use super::examine::Examined;
use super::finding::{Finding, Findings, Severity, Topic};
use super::{election, server};
use crate::cli::status::report::{Condition, Leader, Report, State};
use crate::config::Loaded;
use crate::election::{ForeignKey, Who, printable};

/// What is known of one voter.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VoterFacts {
    pub(super) name: String,
    pub(super) reachable: bool,
    pub(super) state: Condition,
    /// `Redis 7.0.15`.
    pub(super) server: Option<String>,
    pub(super) role: Option<String>,
    pub(super) round_trip_ms: Option<f64>,
    pub(super) connect_ms: Option<f64>,
    pub(super) clock_offset_ms: Option<f64>,
    pub(super) eviction_policy: Option<String>,
    /// `aof`, `rdb` or `none`, as far as the server tells.
    pub(super) persistence: Option<&'static str>,
    pub(super) replicas: Option<u64>,
    pub(super) lacking_rights: Vec<String>,
    pub(super) electorate: Option<String>,
    pub(super) foreign_key: Option<ForeignKey>,
    /// Candidates that listen for releases; null where the right to ask is missing.
    pub(super) listening: Option<u64>,
}

/// Somebody who held voters last, by what it wrote there.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Seen {
    pub(super) identity: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) address: Option<String>,
    /// Where.
    pub(super) voters: Vec<String>,
}

/// The whole answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verdict {
    pub(super) election: String,
    pub(super) quorum: usize,
    pub(super) voters: usize,
    pub(super) voters_answering: usize,
    /// Whether somebody leads, as `quorate status` has it.
    pub(super) state: State,
    pub(super) leader: Option<Leader>,
    pub(super) last_holder: Option<Leader>,
    pub(super) seen: Vec<Seen>,
    pub(super) failures: usize,
    pub(super) warnings: usize,
    pub(super) voter: Vec<VoterFacts>,
    pub(super) findings: Vec<Finding>,
    #[serde(skip)]
    pub(super) report: Report,
}

impl Verdict {
    /// From what the voters said and showed.
    pub(super) fn new(loaded: &Loaded, voters: &[Examined]) -> Self {
        let Loaded { config, file: _, warnings, shows_password: _ } = loaded;
        let sights: Vec<_> = voters.iter().map(|voter| voter.sight.clone()).collect();
        let report = Report::new(&config.election, &sights);
        let mut findings = Vec::new();
        for warning in warnings {
            let why = "what is ignored may have been meant";
            let found = &mut Findings::about(None, &mut findings);
            found.warning(Topic::Configuration, warning, why, "correct or remove it");
        }
        for (voter, told) in voters.iter().zip(&report.voter) {
            let found = &mut Findings::about(Some(&voter.name), &mut findings);
            server::look_at(voter, &config.timing.core, found);
            election::look_at(voter, told, found);
        }
        election::look_at_all(voters, &report, config.timing.core.ttl, &mut findings);
        // The worst first; what was found first stays before what is as bad.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self {
            election: config.election.clone(),
            quorum: report.quorum,
            voters: report.voters,
            voters_answering: report.voters_answering,
            state: report.state,
            leader: report.leader.clone(),
            last_holder: report.last_holder.clone(),
            seen: seen(voters),
            failures: count(Severity::Failure),
            warnings: count(Severity::Warning),
            voter: voters.iter().zip(&report.voter).map(|(voter, told)| facts(voter, told)).collect(),
            findings,
            report,
        }
    }
}

fn facts(voter: &Examined, told: &crate::cli::status::report::VoterReport) -> VoterFacts {
    let inspection = voter.inspection.as_ref().ok();
    let ms = |took: std::time::Duration| (took.as_secs_f64() * 1e5).round() / 1e2;
    let shown = |name: &str| voter.fact(name).map(printable);
    VoterFacts {
        name: voter.name.clone(),
        reachable: inspection.is_some(),
        state: told.state,
        server: server::server(voter).map(|server| printable(&server)),
        role: shown("role"),
        round_trip_ms: voter.round_trip.map(ms),
        connect_ms: inspection.map(|inspection| ms(inspection.connect)),
        #[expect(clippy::cast_precision_loss, reason = "for people, and exact below 285 years")]
        clock_offset_ms: inspection
            .and_then(|inspection| inspection.clock_offset_us)
            .map(|us| (us as f64 / 10.0).round() / 100.0),
        eviction_policy: shown("maxmemory_policy"),
        persistence: persistence(voter),
        replicas: voter.number("connected_slaves"),
        lacking_rights: inspection.map(|inspection| inspection.lacking.clone()).unwrap_or_default(),
        electorate: voter
            .sight
            .details
            .as_ref()
            .and_then(|details| details.electorate.as_deref().map(printable)),
        foreign_key: told.foreign_key,
        listening: inspection.and_then(|inspection| inspection.listeners),
    }
}

/// A server does not say whether it will ever write a snapshot; only whether it has since it began.
fn persistence(voter: &Examined) -> Option<&'static str> {
    match (voter.fact("aof_enabled")?, voter.number("rdb_last_bgsave_time_sec")) {
        ("1", _) => Some("aof"),
        (_, Some(_)) => Some("rdb"),
        (_, None) => Some("none"),
    }
}

/// Everybody whose name stands in a record, as the holder now or the last one.
fn seen(voters: &[Examined]) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    for voter in voters {
        let Some(details) = voter.sight.details.as_ref().filter(|details| !details.who.is_empty()) else {
            continue;
        };
        let Who { identity, cluster, address, .. } = Who::parse(&details.who);
        let mut one = Seen { identity, cluster, address, voters: Vec::new() };
        if let Some(known) = seen.iter_mut().find(|known| known.is_same(&one)) {
            known.voters.push(voter.name.clone());
        } else {
            one.voters.push(voter.name.clone());
            seen.push(one);
        }
    }
    seen
}

impl Seen {
    fn is_same(&self, other: &Self) -> bool {
        (&self.identity, &self.cluster, &self.address) == (&other.identity, &other.cluster, &other.address)
    }
}
