//! A voter as the protocol describes it: what the Lua scripts do on a real server, in Rust.
//!
//! The scripts are the truth. This model exists so that the simulation can run without servers; a differential
//! test holds the two together. It promises one atomic operation per call and leaves time, life and role of the
//! server to its caller.

use super::planted::{Bug, Planted};
use super::record::{
    Answer, Ballot, FORMAT, GrantTerm, HighWater, Instance, LeaseKey, Observation, Operation, Question,
    Refusal, Run, Seen, Standing, Term,
};
use super::released::Released;
use std::time::Duration;

/// The server under the voter at the instant of a call.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    /// Its life.
    pub run: Run,
    /// Whether it is a primary.
    pub primary: bool,
    /// Its wall clock, in microseconds since 1970: what its keys expire by.
    pub time_us: u64,
}

/// Whose question it is: what must agree with the record.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Generation and sorted names of the voters.
    pub electorate: &'a str,
    /// What the caller calls this voter.
    pub voter: &'a str,
}

/// An answer, and the hint that was published on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// To the caller.
    pub answer: Answer,
    /// To all who listen.
    pub hint: Option<Released>,
}

/// Whose record it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Belonging {
    format: u32,
    electorate: Box<str>,
    voter: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Record {
    belonging: Option<Belonging>,
    run: Run,
    standing: Standing,
    seen: Seen,
    term: Term,
    ttl: Option<Duration>,
}

/// What the lease key carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum KeyValue {
    Ours(Ballot),
    Foreign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct StoredKey {
    value: KeyValue,
    /// On the server's wall clock; `None`: never.
    expires_ms: Option<u64>,
}

/// The memory of one voter about one election.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct VoterModel {
    record: Option<Record>,
    key: Option<StoredKey>,
    planted: Planted,
}

impl VoterModel {
    /// A voter that has never heard of the election, with one rule left out if a test says so.
    #[must_use]
    pub fn new(planted: Planted) -> Self {
        Self { planted, ..Self::default() }
    }

    /// Everything is gone, as after `FLUSHALL` or a restart without data.
    pub fn flush(&mut self) {
        self.record = None;
        self.key = None;
    }

    /// The lease key is gone and nothing else, as after a stray `DEL` or an eviction.
    pub fn drop_key(&mut self) {
        self.key = None;
    }

    /// The record is gone and nothing else, as after a stray `DEL` or an eviction.
    pub fn drop_record(&mut self) {
        self.record = None;
    }

    /// Leaves what the next operation depends on, for a search over memories that keeps track of their changes itself:
    /// version and instance begin anew, and a record that was given back no longer tells by whom.
    #[cfg(any(test, feature = "planted-bugs"))]
    pub fn forget_history(&mut self) {
        if let Some(Record { seen, run, .. }) = &mut self.record {
            let instance = Instance { proposal: 0, time_us: 0, run: *run };
            let holder = seen.holder.filter(|_| !seen.released);
            *seen = Seen { instance, holder, version: 1, released: seen.released };
        }
    }

    /// A classic Redlock client takes the lease key, if it is free.
    pub fn take_foreign(&mut self, server: &Server, ttl: Option<Duration>) {
        self.expire(server);
        self.key.get_or_insert(StoredKey {
            value: KeyValue::Foreign,
            expires_ms: ttl.map(|ttl| expiry(server, ttl)),
        });
    }

    /// Does what one script does.
    pub fn apply(&mut self, server: &Server, caller: &Caller<'_>, question: &Question) -> Reply {
        self.expire(server);
        if !server.primary && !self.planted.has(Bug::RoleIgnored) {
            return silent_hint(Answer::Replica);
        }
        if let Some(differs) = self.mismatch(caller) {
            return silent_hint(Answer::Mismatch { electorate_differs: differs });
        }
        if self.has_forgotten(server, question.high_water) {
            let Operation::Observe { proposal: Some(proposal) } = question.operation else {
                return silent_hint(Answer::Amnesia);
            };
            self.begin_instance(server, proposal);
        }
        self.tidy_key(server);
        let planted = self.planted;
        let Some(record) = self.record.as_mut() else { return silent_hint(Answer::Amnesia) };
        let mut voter = Remembering { record, key: &mut self.key, server, caller, planted };
        match question.operation {
            Operation::Observe { .. } => silent_hint(voter.observe()),
            Operation::Grant { ballot, ttl, seen, key_stood_still, term } => {
                silent_hint(voter.grant(ballot, ttl, seen, key_stood_still, term))
            }
            Operation::Confirm { ballot, term, ttl } => silent_hint(voter.confirm(ballot, term, ttl)),
            Operation::Release { ballot } => voter.release(ballot),
            Operation::Join { instance, term, ttl } => silent_hint(voter.join(instance, term, ttl)),
        }
    }

    fn expire(&mut self, server: &Server) {
        let now_ms = server.time_us / 1000;
        self.key = self.key.filter(|key| key.expires_ms.is_none_or(|expires| now_ms < expires));
    }

    /// Whose the record is instead: `Some(true)` where the format or the set of voters differs.
    fn mismatch(&self, caller: &Caller<'_>) -> Option<bool> {
        let belonging = self.record.as_ref()?.belonging.as_ref()?;
        let electorate_differs = belonging.format != FORMAT || *belonging.electorate != *caller.electorate;
        (electorate_differs || *belonging.voter != *caller.voter).then_some(electorate_differs)
    }

    fn has_forgotten(&self, server: &Server, high_water: Option<HighWater>) -> bool {
        let Some(record) = &self.record else { return true };
        let another_life = if self.planted.has(Bug::RunWithoutReplid) {
            record.run.process != server.run.process
        } else {
            record.run.history != server.run.history
        };
        let rolled_back = high_water
            .is_some_and(|seen| seen.instance == record.seen.instance && seen.version > record.seen.version);
        another_life || rolled_back
    }

    fn begin_instance(&mut self, server: &Server, proposal: u128) {
        let old = self.record.take();
        if let (Some(old), Some(StoredKey { value: KeyValue::Ours(ballot), .. })) = (&old, self.key)
            && old.seen.holder == Some(ballot)
        {
            self.key = None;
        }
        let instance = if self.planted.has(Bug::InstanceRepeated) {
            Instance { proposal: 0, time_us: 0, run: Run { process: [0; 20], history: [0; 20] } }
        } else {
            Instance { proposal, time_us: server.time_us, run: server.run }
        };
        let (belonging, term, ttl) = old.map_or((None, 0, None), |old| (old.belonging, old.term, old.ttl));
        self.record = Some(Record {
            belonging: belonging.filter(|_| !self.planted.has(Bug::ElectorateDropped)),
            run: server.run,
            standing: Standing::Joining,
            seen: Seen { instance, holder: None, version: 1, released: false },
            term,
            ttl,
        });
    }

    /// The lease key may outlive its holder's ttl after a clock step, or belong to an older holder of ours.
    fn tidy_key(&mut self, server: &Server) {
        let (Some(record), Some(key)) = (&self.record, &mut self.key) else { return };
        match key.value {
            KeyValue::Foreign => {}
            KeyValue::Ours(ballot) if record.seen.holder == Some(ballot) => {
                if let Some(ttl) = record.ttl {
                    let latest = expiry(server, ttl);
                    key.expires_ms = Some(key.expires_ms.map_or(latest, |expires| expires.min(latest)));
                }
            }
            KeyValue::Ours(_) => self.key = None,
        }
    }
}

/// A voter whose prelude has passed: it has a record, and the record may be used.
struct Remembering<'a> {
    record: &'a mut Record,
    key: &'a mut Option<StoredKey>,
    server: &'a Server,
    caller: &'a Caller<'a>,
    planted: Planted,
}

impl Remembering<'_> {
    fn observe(&self) -> Answer {
        Answer::Observed(Observation {
            standing: self.record.standing,
            seen: self.record.seen,
            term: self.record.term,
            ttl: self.record.ttl,
            key: self.lease_key(),
            time_us: self.server.time_us,
            run: self.server.run,
        })
    }

    fn grant(
        &mut self,
        ballot: Ballot,
        ttl: Duration,
        seen: Seen,
        key_stood_still: bool,
        term: GrantTerm,
    ) -> Answer {
        let joining = self.record.standing == Standing::Joining;
        let may_adopt = matches!(term, GrantTerm::Adopt(_)) && seen.instance == self.record.seen.instance;
        if joining && !may_adopt {
            return Answer::Refused(Refusal::Joining);
        }
        if self.record.seen.holder == Some(ballot) {
            return self.repeat_grant(ballot, ttl, term);
        }
        if seen != self.record.seen {
            return Answer::Refused(Refusal::Changed);
        }
        match self.lease_key() {
            LeaseKey::Foreign { .. } if !self.planted.has(Bug::ForeignOverwritten) => {
                return Answer::Refused(Refusal::Foreign);
            }
            LeaseKey::Holders { .. } if !key_stood_still => return Answer::Refused(Refusal::Held),
            LeaseKey::Free | LeaseKey::Holders { .. } | LeaseKey::Foreign { .. } => {}
        }
        if joining {
            self.belong();
        }
        self.record.standing = Standing::Member;
        self.record.seen.holder = Some(ballot);
        self.record.seen.released = false;
        self.record.term = match term {
            GrantTerm::Hint(hint) => hint.max(self.record.term + 1),
            GrantTerm::Adopt(adopted) => adopted.max(self.record.term),
        };
        *self.key = None;
        self.renew(ballot, ttl);
        if self.planted.has(Bug::VersionReset) {
            self.record.seen.version = 1;
        }
        self.granted()
    }

    /// A duplicate of a grant: an acknowledgement always renews.
    fn repeat_grant(&mut self, ballot: Ballot, ttl: Duration, term: GrantTerm) -> Answer {
        if self.record.seen.released {
            return Answer::Refused(Refusal::Released);
        }
        if self.planted.has(Bug::RepeatedGrantNotRenewed) {
            return self.granted();
        }
        if let GrantTerm::Adopt(adopted) = term {
            self.record.term = self.record.term.max(adopted);
        }
        self.renew(ballot, ttl);
        self.granted()
    }

    fn confirm(&mut self, ballot: Ballot, term: Term, ttl: Duration) -> Answer {
        let Seen { holder, released, .. } = self.record.seen;
        if self.record.standing != Standing::Member || holder != Some(ballot) || released {
            return Answer::Lost;
        }
        self.record.term = self.record.term.max(term);
        self.renew(ballot, ttl);
        Answer::Confirmed { term: self.record.term }
    }

    fn release(&mut self, ballot: Ballot) -> Reply {
        let ours = self.record.seen.holder == Some(ballot) && !self.record.seen.released;
        if ours {
            self.record.seen.released = true;
            self.record.seen.version += 1;
        }
        let is_ours = self.key.is_some_and(|key| key.value == KeyValue::Ours(ballot));
        if is_ours || self.planted.has(Bug::BlindDelete) {
            *self.key = None;
        }
        let hint = ours.then_some(Released { holder: ballot, version: self.record.seen.version });
        Reply { answer: Answer::Released, hint }
    }

    fn join(&mut self, instance: Instance, term: Term, ttl: Duration) -> Answer {
        if self.record.standing != Standing::Joining || self.record.seen.instance != instance {
            return Answer::Refused(Refusal::Changed);
        }
        self.belong();
        self.record.standing = Standing::Member;
        self.record.term = self.record.term.max(term);
        self.record.ttl = Some(ttl);
        self.record.seen.holder = None;
        self.record.seen.released = true;
        self.record.seen.version += 1;
        Answer::Joined
    }

    fn belong(&mut self) {
        self.record.belonging = Some(Belonging {
            format: FORMAT,
            electorate: self.caller.electorate.into(),
            voter: self.caller.voter.into(),
        });
    }

    /// The one way in which a holder's time is set anew; a foreign key is left alone.
    fn renew(&mut self, ballot: Ballot, ttl: Duration) {
        self.record.seen.version += 1;
        self.record.ttl = Some(ttl);
        if self.key.is_none_or(|key| key.value == KeyValue::Ours(ballot)) {
            *self.key =
                Some(StoredKey { value: KeyValue::Ours(ballot), expires_ms: Some(expiry(self.server, ttl)) });
        }
    }

    fn granted(&self) -> Answer {
        Answer::Granted { term: self.record.term, version: self.record.seen.version }
    }

    fn lease_key(&self) -> LeaseKey {
        let left = |key: &StoredKey| {
            key.expires_ms.map(|ms| Duration::from_millis(ms.saturating_sub(self.server.time_us / 1000)))
        };
        match *self.key {
            None => LeaseKey::Free,
            Some(ref key @ StoredKey { value: KeyValue::Ours(_), .. }) => {
                LeaseKey::Holders { left: left(key).unwrap_or(Duration::MAX) }
            }
            Some(ref key @ StoredKey { value: KeyValue::Foreign, .. }) => {
                LeaseKey::Foreign { left: left(key) }
            }
        }
    }
}

fn silent_hint(answer: Answer) -> Reply {
    Reply { answer, hint: None }
}

fn expiry(server: &Server, ttl: Duration) -> u64 {
    (server.time_us / 1000).saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX))
}
