//! What an election needs from outside: voters that can be asked, and work that can be stopped.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::core::{EndReason, Question, Term};
use crate::voter::{Flaws, Reply, Scope, Voter};

/// A future in a box: what an object-safe port answers with.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A voter, already told which election is meant.
pub trait VoterPort: Send + Sync + 'static {
    /// Asks once, within `timeout`, connecting included. `who` is written to the record where the operation
    /// takes the voter. Dropping the future gives the question up.
    fn ask(&self, question: Question, who: Arc<str>, timeout: Duration) -> Pending<Reply>;

    /// What is wrong although it answers.
    fn flaws(&self) -> Flaws {
        Flaws::default()
    }
}

/// What must have stopped before a lease may be given back.
pub trait Work: Send + 'static {
    /// This candidate leads from now on. Must not block.
    fn start(&mut self, _term: Term) {}

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

/// A voter and the election that it is asked about.
#[derive(Clone)]
pub struct ScopedVoter {
    voter: Voter,
    scope: Arc<Scope>,
}

impl ScopedVoter {
    /// Binds the two.
    #[must_use]
    pub fn new(voter: Voter, scope: Scope) -> Self {
        Self { voter, scope: Arc::new(scope) }
    }
}

impl VoterPort for ScopedVoter {
    fn ask(&self, question: Question, who: Arc<str>, timeout: Duration) -> Pending<Reply> {
        let Self { voter, scope } = self.clone();
        Box::pin(async move { voter.ask(&scope, &question, &who, timeout).await })
    }

    fn flaws(&self) -> Flaws {
        self.voter.flaws()
    }
}
