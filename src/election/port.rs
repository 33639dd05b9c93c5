//! What an election needs from outside: voters that can be asked, and work that can be stopped.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::trouble::Trouble;
use crate::core::{Answer, EndReason, Moment, Question};

/// What a voter's answer says to people beside what the protocol needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// JSON: identity, cluster and address of the holder; empty where nobody ever held the voter.
    pub who: String,
    /// The record's electorate; absent until the voter has joined for the first time.
    pub electorate: Option<String>,
    /// `maxmemory_policy`.
    pub eviction_policy: String,
    /// The server's version, as it says.
    pub server_version: String,
}

/// How one question to a voter ended.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What the voter said; [`Answer::Silent`] where it said nothing that can be understood.
    pub answer: Answer,
    /// Read after the reply was read completely, or after it was given up.
    pub received: Moment,
    /// For people, where the answer carried it.
    pub details: Option<Details>,
    /// Why it could not answer.
    pub trouble: Option<Trouble>,
}

/// A future in a box: what an object-safe port answers with.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A voter, already told which election is meant.
pub trait VoterPort: Send + Sync + 'static {
    /// Asks once, within `timeout`, connecting included. `who` is written to the record where the operation
    /// takes the voter. Dropping the future gives the question up.
    fn ask(&self, question: Question, who: Arc<str>, timeout: Duration) -> Pending<Reply>;
}

/// What must have stopped before a lease may be given back.
pub trait Work: Send + 'static {
    /// Stops it, and answers when there will be no further act of this leadership. Bounds itself.
    fn stop(&mut self, reason: EndReason) -> Pending<()>;
}

/// Nothing of ours has to stop: whoever acts asks before each act.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWork;

impl Work for NoWork {
    fn stop(&mut self, _: EndReason) -> Pending<()> {
        Box::pin(std::future::ready(()))
    }
}
