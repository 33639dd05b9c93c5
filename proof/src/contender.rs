//! The two protocols that a world can be about: Quorate's, by the product's own core, and plain Redlock.

use std::time::Duration;

use crate::chance::Chance;
use crate::core::{
    Action, Caller, Candidate, Event, Moment, Now, Question, Reply, Server, Settings, VoterModel,
};
use crate::redlock::{RedlockClient, RedlockStore};

/// Which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The product's.
    Quorate,
    /// The pattern that it hardens.
    Redlock,
}

/// Somebody who wants to lead.
pub enum Contender {
    /// The product's core.
    Quorate(Box<Candidate>),
    /// A client of plain Redlock.
    Redlock(Box<RedlockClient<Chance>>),
}

impl Contender {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new(protocol: Protocol, settings: Settings, chance: Chance) -> Self {
        match protocol {
            Protocol::Quorate => Self::Quorate(Box::new(Candidate::new(settings, Box::new(chance)))),
            Protocol::Redlock => {
                Self::Redlock(Box::new(RedlockClient::new(settings.timing.ttl, settings.voters, chance)))
            }
        }
    }

    /// Tells it what happened.
    pub fn handle(&mut self, now: Now, event: Event) {
        match self {
            Self::Quorate(candidate) => candidate.handle(now, event),
            Self::Redlock(client) => client.handle(now, event),
        }
    }

    /// What it wants done.
    pub fn poll_action(&mut self) -> Option<Action> {
        match self {
            Self::Quorate(candidate) => candidate.poll_action(),
            Self::Redlock(client) => client.poll_action(),
        }
    }

    /// When to wake it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Moment> {
        match self {
            Self::Quorate(candidate) => candidate.poll_timeout(),
            Self::Redlock(client) => client.poll_timeout(),
        }
    }

    /// Until when it believes that it leads.
    #[must_use]
    pub fn until(&self) -> Option<Moment> {
        match self {
            Self::Quorate(candidate) => candidate.until(),
            Self::Redlock(client) => client.until(),
        }
    }
}

/// What a voter's server remembers.
#[expect(clippy::large_enum_variant, reason = "all worlds but the few of the comparison have the large one")]
#[derive(Clone, Debug)]
pub enum Memory {
    /// The product's model of a voter, which a differential test holds to the scripts.
    Quorate(VoterModel),
    /// One key.
    Redlock(RedlockStore),
}

impl Memory {
    /// Does what one script does.
    pub fn apply(&mut self, server: &Server, caller: &Caller<'_>, question: &Question) -> Reply {
        match self {
            Self::Quorate(voter) => voter.apply(server, caller, question),
            Self::Redlock(store) => Reply { answer: store.apply(server, &question.operation), hint: None },
        }
    }

    /// Everything is gone.
    pub fn flush(&mut self) {
        match self {
            Self::Quorate(voter) => voter.flush(),
            Self::Redlock(store) => store.drop_key(),
        }
    }

    /// The key with a ttl is gone.
    pub fn drop_key(&mut self) {
        match self {
            Self::Quorate(voter) => voter.drop_key(),
            Self::Redlock(store) => store.drop_key(),
        }
    }

    /// The record is gone and the key is not; Redlock has no record.
    pub fn drop_record(&mut self) {
        match self {
            Self::Quorate(voter) => voter.drop_record(),
            Self::Redlock(_) => {}
        }
    }

    /// The key with a ttl is gone, if a client that is not Quorate may have left it.
    pub fn drop_foreign(&mut self) {
        if let Self::Quorate(voter) = self {
            voter.drop_key();
        }
    }

    /// A client that is not Quorate takes the key if it is free; among Redlock clients it would be one of them.
    pub fn take_foreign(&mut self, server: &Server, ttl: Option<Duration>) {
        if let Self::Quorate(voter) = self {
            voter.take_foreign(server, ttl);
        }
    }
}
