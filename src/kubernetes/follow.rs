//! One gate: makes an object of the cluster say what it should, again and again until it does.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::pace::Pace;
use super::server::{REQUEST_LIMIT, Trouble};
use crate::core::Term;
use crate::election::{Fact, GateName, GateTrouble, Report};

/// What was sent before we turned round has landed by then, or never will.
const LATE_LIMIT: Duration = REQUEST_LIMIT.saturating_mul(2);

/// What an object should say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// This candidate leads with this term.
    Shown(Term),
    /// It does not; it did with this term, if it ever did.
    Away(Option<Term>),
}

/// What became of the latest try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tried {
    goal: Wanted,
    /// The object says so.
    is_settled: bool,
}

/// Receives what becomes of each try of one gate.
pub(super) type Tries = watch::Receiver<Option<Tried>>;

/// An object of the cluster that may say who leads.
pub(super) trait Mark {
    fn gate(&self) -> GateName;

    /// Answers once the object says so, or nobody will be led astray by what it says. May be dropped.
    async fn make(&mut self, wanted: Wanted) -> Result<(), Trouble>;

    /// What is known of the object may not be so any more.
    fn forget(&mut self);

    /// How long what is shown may rest before it is looked at again.
    fn rest(&self) -> Duration;

    /// It has rested so long.
    fn rested(&mut self) {
        self.forget();
    }
}

/// Until nobody says any more what is wanted.
pub(super) async fn follow<M: Mark>(
    mut mark: M,
    election: String,
    report: Arc<dyn Report>,
    mut wanted: watch::Receiver<Wanted>,
    tries: watch::Sender<Option<Tried>>,
) {
    let mut health = Health { gate: mark.gate(), election, report, told: None };
    let mut pace = Pace::default();
    let mut has_turned = false;
    loop {
        let goal = *wanted.borrow_and_update();
        let made = tokio::select! {
            biased;
            changed = wanted.changed() => Err(changed),
            made = mark.make(goal) => Ok(made),
        };
        let rest = match made {
            Err(Err(_)) => return,
            Err(Ok(())) => {
                mark.forget();
                has_turned = true;
                continue;
            }
            Ok(Ok(())) => {
                health.well();
                pace = Pace::default();
                tries.send_replace(Some(Tried { goal, is_settled: true }));
                match goal {
                    Wanted::Shown(_) => Some(mark.rest()),
                    Wanted::Away(_) if std::mem::take(&mut has_turned) => Some(LATE_LIMIT),
                    Wanted::Away(_) => None,
                }
            }
            Ok(Err(trouble)) => {
                health.ill(&trouble);
                mark.forget();
                tries.send_replace(Some(Tried { goal, is_settled: false }));
                Some(pace.next(trouble.wait))
            }
        };
        let changed = tokio::select! {
            biased;
            changed = wanted.changed() => changed.map(|()| has_turned = true),
            () = until(rest) => {
                mark.rested();
                Ok(())
            }
        };
        if changed.is_err() {
            return;
        }
    }
}

/// Answers when the object of this gate says what is wanted; at once where the gate is no more.
pub(super) async fn is_settled(tries: &mut Tries, wanted: Wanted) {
    let settled = Some(Tried { goal: wanted, is_settled: true });
    // An error says that the process ends.
    let _ = tries.wait_for(|tried| *tried == settled).await;
}

/// Passes on what is wanted once every gate of the first rank has tried to show it: of two writers of one pod the
/// second has a conflict and begins again, and what routes goes before what people look at.
pub(super) async fn second(
    mut first: Vec<Tries>,
    mut wanted: watch::Receiver<Wanted>,
    later: watch::Sender<Wanted>,
) {
    loop {
        let goal = *wanted.borrow_and_update();
        let tried = async {
            for tries in &mut first {
                let _ = tries.wait_for(|tried| tried.is_some_and(|tried| tried.goal == goal)).await;
            }
        };
        let changed = tokio::select! {
            biased;
            changed = wanted.changed() => changed,
            () = tried => {
                later.send_if_modified(|now| std::mem::replace(now, goal) != goal);
                wanted.changed().await
            }
        };
        if changed.is_err() {
            return;
        }
    }
}

async fn until(rest: Option<Duration>) {
    match rest {
        Some(rest) => tokio::time::sleep(rest).await,
        None => std::future::pending().await,
    }
}

/// Counts every failure and tells of each change once.
pub(super) struct Health {
    pub(super) gate: GateName,
    pub(super) election: String,
    pub(super) report: Arc<dyn Report>,
    pub(super) told: Option<GateTrouble>,
}

impl Health {
    pub(super) fn well(&mut self) {
        if self.told.take().is_none() {
            return;
        }
        self.report.note(Fact::GateFailing { gate: self.gate, is_failing: false });
        tracing::info!(election = %self.election, gate = self.gate.word(),
            "the API server shows again what this gate wants");
    }

    pub(super) fn ill(&mut self, trouble: &Trouble) {
        self.report.note(Fact::GateFailed { gate: self.gate, trouble: trouble.kind });
        if self.told.replace(trouble.kind) == Some(trouble.kind) {
            return;
        }
        self.report.note(Fact::GateFailing { gate: self.gate, is_failing: true });
        tracing::warn!(election = %self.election, gate = self.gate.word(), kind = trouble.kind.word(),
            error = %trouble.text, "the API server does not show what this gate wants; leadership does not depend \
            on it, and it is tried again");
    }
}
