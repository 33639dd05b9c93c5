//! The questions on their way to voters.
//!
//! Each runs as a task of its own, so that no voter waits for another. All of them end with the owner.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};

use super::port::VoterPort;
use super::report::OperationKind;
use crate::clock;
use crate::core::{Answer, Ballot, Moment, Question, QuestionId, VoterIndex};
use crate::voter::{Flaws, Reply};

/// How many questions may be on their way to one voter. Within one voter timeout a candidate sends one or two
/// polls, a renewal, and, to a voter that stays silent, a grant and a release per attempt; attempts leave silent
/// voters out and pause longer and longer. What comes on top is answered with silence at once: the core repeats
/// what matters.
const IN_FLIGHT_PER_VOTER: usize = 16;

/// A question that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) id: QuestionId,
    pub(super) voter: VoterIndex,
    pub(super) operation: OperationKind,
    pub(super) at: Moment,
    /// Of a grant: whose release it builds on.
    pub(super) over: Option<Ballot>,
}

/// A question that ended.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) sent: Sent,
    pub(super) reply: Reply,
}

pub(super) struct Asks<V: ?Sized> {
    voters: Vec<Arc<V>>,
    timeout: Duration,
    tasks: JoinSet<Reply>,
    open: HashMap<Id, Sent>,
    /// Questions that were not even sent.
    refused: Vec<Sent>,
}

impl<V: VoterPort + ?Sized> Asks<V> {
    pub(super) fn new(voters: Vec<Arc<V>>, timeout: Duration) -> Self {
        Self { voters, timeout, tasks: JoinSet::new(), open: HashMap::new(), refused: Vec::new() }
    }

    /// Sends a question; its answer comes out of [`Asks::next`].
    pub(super) fn send(&mut self, sent: Sent, question: &Question, who: Arc<str>) {
        let in_flight = self.open.values().filter(|open| open.voter == sent.voter).count();
        match self.voters.get(sent.voter) {
            Some(voter) if in_flight < IN_FLIGHT_PER_VOTER => {
                let asking = voter.ask(*question, who, self.timeout);
                let id = self.tasks.spawn(asking).id();
                self.open.insert(id, sent);
            }
            _ => self.refused.push(sent),
        }
    }

    /// The next question that ends; never, while there is none. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Answered {
        if let Some(sent) = self.refused.pop() {
            return Answered { sent, reply: silence() };
        }
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else {
                return std::future::pending().await;
            };
            if let Some(answered) = self.settle(ended) {
                return answered;
            }
        }
    }

    /// What is wrong with a voter although it answers.
    pub(super) fn flaws(&self, voter: VoterIndex) -> Flaws {
        self.voters.get(voter).map(|voter| voter.flaws()).unwrap_or_default()
    }

    /// Questions of one operation that have not ended.
    pub(super) fn open(&self, operation: OperationKind) -> usize {
        self.open.values().chain(&self.refused).filter(|sent| sent.operation == operation).count()
    }

    fn settle(&mut self, ended: Result<(Id, Reply), JoinError>) -> Option<Answered> {
        match ended {
            Ok((id, reply)) => self.open.remove(&id).map(|sent| Answered { sent, reply }),
            Err(error) => {
                let sent = self.open.remove(&error.id())?;
                tracing::error!(operation = sent.operation.word(), %error, "a question to a voter broke");
                Some(Answered { sent, reply: silence() })
            }
        }
    }
}

fn silence() -> Reply {
    Reply { answer: Answer::Silent, received: clock::now().at, details: None, trouble: None }
}
