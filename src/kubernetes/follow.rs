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
        if tries.borrow().is_some_and(|tried| tried.goal != goal) {
            // What was so before is not, as soon as anything else is sent.
            tries.send_replace(None);
        }
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
pub(super) async fn until_settled(tries: &mut Tries, wanted: Wanted) {
    let settled = Some(Tried { goal: wanted, is_settled: true });
    // An error says that the process ends.
    let _ = tries.wait_for(|tried| *tried == settled).await;
}

/// Passes on what is wanted to the second rank, once every gate of the first has tried to show it: what routes goes before
/// what people look at, and of two writers of one pod one would have a conflict and begin again. What is to be taken
/// away is passed on at once, because nobody waits for that for long.
pub(super) async fn hold_back(
    mut first: Vec<Tries>,
    mut wanted: watch::Receiver<Wanted>,
    later: watch::Sender<Wanted>,
) {
    loop {
        let goal = *wanted.borrow_and_update();
        let tried = async {
            if matches!(goal, Wanted::Away(_)) {
                return;
            }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]
    use super::*;

    struct Deaf;

    impl Report for Deaf {
        fn note(&self, _: Fact) {}
    }

    /// An object that is never shown.
    struct Unanswered;

    impl Mark for Unanswered {
        fn gate(&self) -> GateName {
            GateName::PodLabel
        }

        async fn make(&mut self, wanted: Wanted) -> Result<(), Trouble> {
            if matches!(wanted, Wanted::Shown(_)) {
                std::future::pending::<()>().await;
            }
            Ok(())
        }

        fn forget(&mut self) {}

        fn rest(&self) -> Duration {
            Duration::MAX
        }
    }

    #[tokio::test]
    async fn the_second_rank_waits_to_show_and_never_to_take_away() {
        let (tell, tries) = watch::channel(None);
        let (want, wanted) = watch::channel(Wanted::Away(None));
        let (later, mut passed_on) = watch::channel(Wanted::Away(None));
        let test = async {
            want.send_replace(Wanted::Shown(5));
            tokio::task::yield_now().await;
            assert_eq!(*passed_on.borrow(), Wanted::Away(None), "nobody has tried");
            tell.send_replace(Some(Tried { goal: Wanted::Shown(5), is_settled: false }));
            passed_on.wait_for(|it| *it == Wanted::Shown(5)).await.unwrap();
            want.send_replace(Wanted::Away(Some(5)));
            passed_on.wait_for(|it| *it == Wanted::Away(Some(5))).await.unwrap();
        };
        tokio::select! {
            () = hold_back(vec![tries], wanted, later) => {}
            () = test => return,
        }
        panic!("it ends only with whoever wants something");
    }

    /// Taken away, shown again, and closed: what was said of the first time is no answer for the last.
    #[tokio::test]
    async fn what_was_settled_is_not_any_more_once_something_else_is_sent() {
        let (want, wanted) = watch::channel(Wanted::Away(Some(5)));
        let (tell, mut tries) = watch::channel(None);
        let test = async {
            until_settled(&mut tries, Wanted::Away(Some(5))).await;
            want.send_replace(Wanted::Shown(5));
            tries.wait_for(Option::is_none).await.unwrap();
            want.send_replace(Wanted::Away(Some(5)));
            until_settled(&mut tries, Wanted::Away(Some(5))).await;
        };
        tokio::select! {
            () = follow(Unanswered, "orders".to_owned(), Arc::new(Deaf), wanted, tell) => {}
            () = test => return,
        }
        panic!("it ends only with whoever wants something");
    }
}
