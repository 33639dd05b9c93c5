//! Whom a new leader follows: how the leadership before ended, as far as this candidate saw it.
//!
//! For people and metrics; the core knows what matters by itself.

use std::time::Duration;

use super::report::Succession;
use crate::core::{Ballot, Moment, Observation};

/// The leader that this candidate saw last.
#[derive(Clone, Copy, Debug)]
struct Seen {
    ballot: Ballot,
    last_sign: Moment,
    released: Option<Moment>,
}

/// Watches the leader before.
#[derive(Debug, Default)]
pub(super) struct Predecessor {
    seen: Option<Seen>,
    hinted: Option<Moment>,
}

impl Predecessor {
    /// A hint came: should it prove true, leadership was released then.
    pub(super) fn hinted(&mut self, now: Moment) {
        self.hinted.get_or_insert(now);
    }

    /// A voter showed its record, which `renewed` since it was last seen there.
    pub(super) fn observed(
        &mut self,
        leader: Option<Ballot>,
        observation: &Observation,
        received: Moment,
        renewed: bool,
    ) {
        if let Some(ballot) = leader.filter(|&ballot| self.seen.is_none_or(|seen| seen.ballot != ballot)) {
            self.seen = Some(Seen { ballot, last_sign: received, released: None });
            self.hinted = None;
        }
        let hinted = self.hinted;
        let Some(seen) = self.seen.as_mut().filter(|seen| observation.seen.holder == Some(seen.ballot))
        else {
            return;
        };
        if observation.seen.released {
            seen.released.get_or_insert(hinted.unwrap_or(received));
        } else if renewed {
            seen.last_sign = seen.last_sign.latest(received);
        }
    }

    /// When the leader with this ballot last showed that it lives.
    pub(super) fn last_sign(&self, ballot: Ballot) -> Option<Moment> {
        self.seen.filter(|seen| seen.ballot == ballot).map(|seen| seen.last_sign)
    }

    /// This candidate was elected: how, and how long nobody had led. Forgets the leader before.
    pub(super) fn succeeded(&mut self, now: Moment) -> (Succession, Duration) {
        self.hinted = None;
        match self.seen.take() {
            None => (Succession::Vacant, Duration::ZERO),
            Some(Seen { released: Some(released), .. }) => {
                (Succession::Released, now.leader_elapsed(released))
            }
            Some(Seen { last_sign, .. }) => (Succession::Expired, now.leader_elapsed(last_sign)),
        }
    }
}
