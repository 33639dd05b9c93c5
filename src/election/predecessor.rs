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
    /// Whose release the present attempt builds on.
    taken_over: Option<Ballot>,
}

impl Predecessor {
    /// A hint came: should it prove true, leadership was released then.
    pub(super) fn hinted(&mut self, now: Moment) {
        self.hinted.get_or_insert(now);
    }

    /// An attempt to be elected begins.
    pub(super) fn attempted(&mut self) {
        self.taken_over = None;
    }

    /// The attempt asks a voter that this holder has released, as far as was observed or hinted. That it is won makes it
    /// very likely; for people, and no proof: the voter need not be one of those that granted.
    pub(super) fn taken_over(&mut self, holder: Ballot) {
        self.taken_over = Some(holder);
    }

    /// Our own leadership ended.
    pub(super) fn was_ourselves(&mut self, ballot: Ballot, now: Moment, is_released: bool) {
        self.seen = Some(Seen { ballot, last_sign: now, released: is_released.then_some(now) });
        self.hinted = None;
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
            // It lives: whatever was hinted was not its release.
            self.hinted = None;
        }
    }

    /// When the leader with this ballot last showed that it lives.
    pub(super) fn last_sign(&self, ballot: Ballot) -> Option<Moment> {
        self.seen.filter(|seen| seen.ballot == ballot).map(|seen| seen.last_sign)
    }

    /// This candidate was elected: how, and how long nobody had led. Forgets the leader before.
    pub(super) fn succeeded(&mut self, now: Moment) -> (Succession, Duration) {
        let (hinted, taken_over) = (self.hinted.take(), self.taken_over.take());
        match self.seen.take() {
            None => (Succession::Vacant, Duration::ZERO),
            Some(Seen { ballot, released: None, .. }) if taken_over == Some(ballot) => {
                (Succession::Released, hinted.map_or(Duration::ZERO, |hinted| now.leader_elapsed(hinted)))
            }
            Some(Seen { released: Some(released), .. }) => {
                (Succession::Released, now.leader_elapsed(released))
            }
            Some(Seen { last_sign, .. }) => (Succession::Expired, now.leader_elapsed(last_sign)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::default().plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_leader_that_lapsed_and_is_elected_again_follows_itself() {
        let mut predecessor = Predecessor::default();
        predecessor.was_ourselves(Ballot(1), at(10), false);
        assert_eq!(predecessor.succeeded(at(13)), (Succession::Expired, Duration::from_secs(3)));
    }

    #[test]
    fn a_hint_alone_is_no_release_but_an_attempt_that_was_won_on_it_is() {
        let mut predecessor = Predecessor::default();
        predecessor.was_ourselves(Ballot(1), at(10), false);
        predecessor.hinted(at(11));
        predecessor.attempted();
        predecessor.taken_over(Ballot(1));
        // That attempt failed: the hint was false. The next one waited.
        predecessor.attempted();
        assert_eq!(predecessor.succeeded(at(21)), (Succession::Expired, Duration::from_secs(11)));

        predecessor.was_ourselves(Ballot(2), at(30), false);
        predecessor.hinted(at(31));
        predecessor.attempted();
        predecessor.taken_over(Ballot(2));
        assert_eq!(predecessor.succeeded(at(32)), (Succession::Released, Duration::from_secs(1)));
    }
}
