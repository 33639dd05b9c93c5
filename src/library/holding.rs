//! Who holds the present leadership: nobody yet, its holders, or somebody who was there until just now.
//!
//! Promise: the election's task releases nothing before the last clone of a [`Leadership`](super::Leadership) is gone,
//! and, where that one did not say that its work has stopped, not before every validity that it was told has passed.
//! Each change is one step under one lock, so that a leadership that is being given up is never handed out.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock;
use crate::core::{EndReason, Moment, Term};
use crate::election::{Pending, Work};

/// The shortest sleep between two looks at the clocks that count, whatever tokio's clock says.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There is none.
    Vacant,
    /// Elected; whoever campaigned has not taken it yet.
    Elected(Term),
    /// Held by the owner's program.
    Held {
        term: Term,
        /// Why its work must stop now.
        ending: Option<EndReason>,
    },
    /// The last holder is gone.
    Gone {
        /// What it may have begun is over by then; `None`: it has said so.
        until: Option<Moment>,
    },
}

/// The one place that knows; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    state: Arc<watch::Sender<State>>,
}

impl Holding {
    pub(super) fn new() -> Self {
        Self { state: Arc::new(watch::Sender::new(State::Vacant)) }
    }

    pub(super) fn state(&self) -> State {
        *self.state.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Takes the leadership that there is, if nobody has.
    pub(super) fn take(&self) -> Option<Term> {
        let mut taken = None;
        self.state.send_if_modified(|state| {
            if let State::Elected(term) = *state {
                taken = Some(term);
                *state = State::Held { term, ending: None };
            }
            taken.is_some()
        });
        taken
    }

    /// The last holder is gone.
    pub(super) fn let_go(&self, until: Option<Moment>) {
        self.state.send_replace(State::Gone { until });
    }

    /// The work of this leadership must stop. The first reason stays.
    pub(super) fn end(&self, ended: Term, reason: EndReason) {
        self.state.send_if_modified(|state| match state {
            State::Held { term, ending } if *term == ended && ending.is_none() => {
                *ending = Some(reason);
                true
            }
            _ => false,
        });
    }

    /// Returns when there is no further act of the leadership that was held.
    async fn stopped(self) {
        let mut changes = self.watch();
        loop {
            let state = *changes.borrow_and_update();
            match state {
                State::Held { .. } => {}
                State::Gone { until: Some(until) } => pass(until).await,
                State::Vacant | State::Elected(_) | State::Gone { until: None } => break,
            }
            if matches!(state, State::Gone { .. }) {
                break;
            }
            // The sender is ours.
            let _ = changes.changed().await;
        }
        self.state.send_replace(State::Vacant);
    }
}

/// Until no clock is before this instant any more.
async fn pass(until: Moment) {
    loop {
        let now = clock::now().at;
        if !now.is_before(until) {
            return;
        }
        tokio::time::sleep(until.observer_elapsed(now).max(SHORTEST_SLEEP)).await;
    }
}

impl Work for Holding {
    fn start(&mut self, term: Term) {
        self.state.send_replace(State::Elected(term));
    }

    fn stop(&mut self, reason: EndReason) -> Pending<()> {
        self.state.send_if_modified(|state| match state {
            State::Elected(_) => {
                *state = State::Vacant;
                true
            }
            State::Held { ending, .. } if ending.is_none() => {
                *ending = Some(reason);
                true
            }
            State::Held { .. } | State::Vacant | State::Gone { .. } => false,
        });
        Box::pin(self.clone().stopped())
    }
}
