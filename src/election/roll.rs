//! The roll of voters: what each last told, and whether it is in trouble, logged at the change of state.

use std::sync::Arc;
use std::time::Duration;

use super::asks::Answered;
use super::board::VoterState;
use super::leadership::whole_ms;
use super::report::{Fact, OperationKind, Report};
use super::status::ForeignKey;
use crate::core::{Answer, Instance, LeaseKey, Moment, Now, Observation, VoterIndex, VoterView};
use crate::voter::{Details, Flaws, Trouble, TroubleKind};

/// A voter whose trouble comes and goes, or keeps changing its kind, is logged no more often than this.
pub(super) const SHORTEST_LOG_INTERVAL: Duration = Duration::from_secs(10);

const DEAF: &str = "hints of this voter cannot be heard, so a release there is noticed only at the next look";
const UNREADABLE: &str = "the last password that could be read is used";

#[derive(Debug, Default)]
struct Entry {
    name: String,
    last: Option<(Instance, u64)>,
    trouble: Option<Known>,
    /// When trouble was last logged.
    logged: Option<Moment>,
    error: Option<Arc<str>>,
    version: Option<Arc<str>>,
    who: Option<Arc<str>>,
    electorate: Option<String>,
    foreign_format: Option<String>,
    clock_offset: Option<f64>,
    is_twin: bool,
    /// One question to it at least has ended.
    is_heard: bool,
    /// What else is wrong with it, as was told.
    flaws: Flaws,
    /// Another client's lease key without ttl is in its place, and was told.
    is_blocked: bool,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    kind: TroubleKind,
    operation: OperationKind,
    since: Moment,
    last: Moment,
    /// The kind that was logged, since this trouble began.
    told: Option<TroubleKind>,
}

impl Known {
    /// That this operation was answered at `at` says that the trouble is over.
    fn is_over(&self, operation: OperationKind, at: Moment) -> bool {
        // A full server answers those who only look, and refuses those who write.
        let hits_some_operations = matches!(
            self.kind,
            TroubleKind::NoPerm
                | TroubleKind::Misconf
                | TroubleKind::ReadOnly
                | TroubleKind::OutOfMemory
                | TroubleKind::Malformed
                | TroubleKind::Other
        );
        let is_recent = at.leader_elapsed(self.last) < SHORTEST_LOG_INTERVAL;
        !(hits_some_operations && is_recent && operation != self.operation)
    }
}

pub(super) struct Roll {
    election: String,
    voters: Vec<Entry>,
}

impl Roll {
    pub(super) fn new(election: String, names: &[String]) -> Self {
        let entry = |name: &String| Entry { name: name.clone(), ..Entry::default() };
        Self { election, voters: names.iter().map(entry).collect() }
    }

    pub(super) fn name(&self, voter: VoterIndex) -> &str {
        self.voters.get(voter).map_or("?", |entry| &entry.name)
    }

    pub(super) fn who(&self, voter: VoterIndex) -> Option<&str> {
        self.voters.get(voter)?.who.as_deref()
    }

    pub(super) fn electorate(&self, voter: VoterIndex) -> Option<&str> {
        self.voters.get(voter)?.electorate.as_deref()
    }

    /// The format of its record, where that is not ours.
    pub(super) fn foreign_format(&self, voter: VoterIndex) -> Option<&str> {
        self.voters.get(voter)?.foreign_format.as_deref()
    }

    /// Each voter has answered or failed once.
    pub(super) fn is_complete(&self) -> bool {
        self.voters.iter().all(|entry| entry.is_heard)
    }

    /// Takes down how a question ended. Answers whether an observation showed that its holder had acted there.
    pub(super) fn note(&mut self, now: Now, answered: &Answered, report: &dyn Report) -> bool {
        let Answered { sent, reply } = answered;
        let Some(entry) = self.voters.get_mut(sent.voter) else { return false };
        entry.is_heard = true;
        if let Some(details) = &reply.details {
            entry.tell(details);
        }
        if reply.answer != Answer::Silent {
            let took = reply.received.leader_elapsed(sent.at);
            report.note(Fact::Asked { voter: sent.voter, operation: sent.operation, took });
        }
        match &reply.trouble {
            Some(trouble) => {
                report.note(Fact::Trouble { voter: sent.voter, kind: trouble.kind });
                entry.fall(&self.election, trouble, sent.operation, reply.received);
            }
            None if reply.answer != Answer::Silent => {
                entry.recover(&self.election, sent.operation, reply.received);
            }
            None => {}
        }
        let Answer::Observed(observation) = &reply.answer else { return false };
        let took = reply.received.leader_elapsed(sent.at);
        entry.clock_offset = Some(offset(now, reply.received, took, observation));
        entry.note_key(&self.election, observation.key);
        entry.remember(&self.election, observation, sent.voter, report)
    }

    /// Takes down what is wrong with a voter that answers.
    pub(super) fn note_flaws(&mut self, voter: VoterIndex, flaws: Flaws, report: &dyn Report) {
        let Some(entry) = self.voters.get_mut(voter) else { return };
        let before = std::mem::replace(&mut entry.flaws, flaws);
        for (before, flaw, begins, ends) in [
            (before.hints, &entry.flaws.hints, DEAF, "hints of this voter are heard again"),
            (before.password, &entry.flaws.password, UNREADABLE, "the password can be read again"),
        ] {
            let kind = |flaw: &Option<Trouble>| flaw.as_ref().map(|trouble| trouble.kind);
            match flaw {
                _ if kind(&before) == kind(flaw) => {}
                Some(trouble) => {
                    report.note(Fact::Trouble { voter, kind: trouble.kind });
                    let kind = trouble.kind.label();
                    tracing::warn!(election = %self.election, voter = %entry.name, kind, "{begins}: {trouble}");
                }
                None => tracing::info!(election = %self.election, voter = %entry.name, "{ends}"),
            }
        }
    }

    /// What is known about a voter now. Logs when it begins to answer as the same server as another one.
    pub(super) fn state(&mut self, voter: VoterIndex, view: &VoterView) -> VoterState {
        let twin = view.same_server.map(|other| self.name(other).to_owned());
        // The first of the two that is noticed names both.
        let is_told =
            view.same_server.and_then(|other| self.voters.get(other)).is_some_and(|other| other.is_twin);
        let Some(entry) = self.voters.get_mut(voter) else { return VoterState::default() };
        if let Some(other) = &twin
            && !entry.is_twin
            && !is_told
        {
            tracing::error!(election = %self.election, voter = %entry.name, %other,
                "two configured voters are the same server: neither counts");
        }
        entry.is_twin = twin.is_some();
        let twin =
            twin.map(|other| Arc::from(format!("is the same server as the voter {other}: neither counts")));
        VoterState {
            view: *view,
            clock_offset: entry.clock_offset,
            version: entry.version.clone(),
            error: entry.error.clone().or(twin),
        }
    }
}

impl Entry {
    fn tell(&mut self, details: &Details) {
        if self.version.as_deref() != Some(details.server_version.as_str()) {
            self.version = Some(Arc::from(details.server_version.as_str()));
        }
        if self.who.as_deref() != Some(details.who.as_str()) {
            self.who = Some(Arc::from(details.who.as_str()));
        }
        self.electorate.clone_from(&details.electorate);
        self.foreign_format.clone_from(&details.foreign_format);
    }

    fn fall(&mut self, election: &str, trouble: &Trouble, operation: OperationKind, at: Moment) {
        let before = self.trouble;
        let since = before.map_or(at, |known| known.since);
        let told = before.and_then(|known| known.told);
        if before.is_none_or(|known| known.kind != trouble.kind) {
            self.error = Some(Arc::from(trouble.to_string()));
        }
        let is_quiet = self.logged.is_some_and(|logged| at.leader_elapsed(logged) < SHORTEST_LOG_INTERVAL);
        let is_due = told != Some(trouble.kind) && !is_quiet;
        let told = if is_due { Some(trouble.kind) } else { told };
        self.trouble = Some(Known { kind: trouble.kind, operation, since, last: at, told });
        if is_due {
            self.logged = Some(at);
            tracing::warn!(%election, voter = %self.name, kind = %trouble.kind.label(), "voter in trouble: {trouble}");
        }
    }

    fn recover(&mut self, election: &str, operation: OperationKind, at: Moment) {
        let Some(known) = self.trouble.take_if(|known| known.is_over(operation, at)) else { return };
        self.error = None;
        if known.told.is_some() {
            let after_ms = whole_ms(at.leader_elapsed(known.since));
            tracing::info!(%election, voter = %self.name, after_ms, "voter answers again");
        }
    }

    fn note_key(&mut self, election: &str, key: LeaseKey) {
        let is_blocked = ForeignKey::of(key).is_some_and(ForeignKey::is_endless);
        match (std::mem::replace(&mut self.is_blocked, is_blocked), is_blocked) {
            (false, true) => tracing::warn!(election, voter = %self.name,
                "the lease key at this voter belongs to another client and has no ttl: \
                 nobody is elected over it until somebody deletes it"),
            (true, false) => {
                tracing::info!(election, voter = %self.name, "the lease key without ttl is gone from this voter");
            }
            (false, false) | (true, true) => {}
        }
    }

    fn remember(
        &mut self,
        election: &str,
        observation: &Observation,
        voter: VoterIndex,
        report: &dyn Report,
    ) -> bool {
        let (instance, version) = (observation.seen.instance, observation.seen.version);
        let last = self.last.replace((instance, version));
        if last.is_some_and(|(known, _)| known != instance) {
            tracing::warn!(election, voter = %self.name, "voter forgot and has to join again");
            report.note(Fact::Amnesia { voter });
        }
        last.is_some_and(|last| last != (instance, version))
    }
}

/// A voter's wall clock minus ours at the middle of the round trip, in seconds.
fn offset(now: Now, received: Moment, took: Duration, observation: &Observation) -> f64 {
    let ago = now.at.leader_elapsed(received) + took / 2;
    let ours_us = now.wall_us.saturating_sub(u64::try_from(ago.as_micros()).unwrap_or(u64::MAX));
    let theirs_us = observation.time_us;
    let size = Duration::from_micros(theirs_us.abs_diff(ours_us)).as_secs_f64();
    if theirs_us < ours_us { -size } else { size }
}
