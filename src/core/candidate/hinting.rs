//! What hints may do: wake a candidate, and let it guess what it would observe. They decide nothing (ADR 0005).

use super::Candidate;
use super::watched::{Watch, Watched};
use crate::core::event::VoterIndex;
use crate::core::record::{LeaseKey, Seen, Standing};
use crate::core::released::Released;
use crate::core::time::Moment;
use crate::core::voter_set::VoterSet;

/// The most polls of one voter that hints may cause between two regular ones, so that whoever may publish cannot
/// make us ask without end. A race for a released lease takes a handful.
const MOST_HINTED_POLLS: u8 = 16;
/// Several standbys are woken by one hint; each waits a random part of this many round trips first, so that they
/// seldom split the vote. A quarter of it is how long the first of three waits on average, and how far ahead it is.
const SPREAD_ROUND_TRIPS: u32 = 1;

/// A release that a hint told of and no observation has shown yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// What an observation would show, if the hint is true.
    seen: Seen,
    received: Moment,
}

impl Watched {
    fn note_release(&mut self, now: Moment, released: Released) {
        let Some(Watch { observation, .. }) = &self.watch else { return };
        let is_news = released.version > observation.seen.version;
        let may_be_granted =
            observation.standing == Standing::Member && !matches!(observation.key, LeaseKey::Foreign { .. });
        if is_news && may_be_granted {
            let Released { holder, version } = released;
            let seen = Seen { holder: Some(holder), version, released: true, ..observation.seen };
            self.told = Some(Told { seen, received: now });
        }
    }

    /// An observation that was sent after the hint knows better, and so does one that shows as much.
    pub(super) fn outdate_told(&mut self, sent: Moment, seen: &Seen) {
        self.told.take_if(|told| {
            !sent.is_before(told.received)
                || seen.instance != told.seen.instance
                || seen.version >= told.seen.version
        });
    }

    /// Since when all of it is known that a grant could be built on.
    pub(super) fn known_since(&self) -> Option<Moment> {
        let told = self.told.as_ref().map(|told| told.received);
        let watched = self.watch.as_ref().map(|watch| watch.since);
        told.into_iter().chain(watched).reduce(Moment::latest)
    }

    /// Whoever was told need not look as well.
    pub(super) fn put_off_looking(&mut self) {
        if self.told.is_some() {
            self.poll_at = None;
        }
    }

    /// Nothing is left to be done about what a hint told.
    pub(super) fn forget_told(&mut self) {
        self.put_off_looking();
        self.told = None;
    }
}

impl Candidate {
    /// Observes one voter after a random part of a round trip, drawn once for all voters that turn up together:
    /// it is the candidates that shall not come at once.
    pub(super) fn poll_soon(&mut self, now: Moment, voter: VoterIndex) {
        let spread = self.round_trip() * SPREAD_ROUND_TRIPS;
        if self.look_at.plus(spread).is_at_or_before(now) {
            self.look_at = now.plus(self.random_below(spread));
        }
        let mut due = self.look_at.latest(now);
        if self.watched[voter].told.is_some() {
            // The grant goes first; where it is sent there is no need to look.
            due = due.plus(self.round_trip());
        }
        let watched = &mut self.watched[voter];
        watched.poll_at = Some(watched.poll_at.map_or(due, |earlier| earlier.earliest(due)));
    }

    pub(super) fn on_hint(&mut self, now: Moment, voter: VoterIndex, released: Option<Released>) {
        let Some(watched) =
            self.watched.get_mut(voter).filter(|watched| watched.hinted_polls < MOST_HINTED_POLLS)
        else {
            return;
        };
        watched.hinted_polls += 1;
        if let Some(released) = released {
            watched.note_release(now, released);
        }
        self.poll_soon(now, voter);
    }

    /// Eligible, or told by a hint to be released: saves the observation in between. Only a voter decides: it compares
    /// the grant with its record, so that a false or late hint costs an attempt with its pause, and nothing else.
    pub(super) fn grantable(&self, voter: VoterIndex, now: Moment) -> Option<(Seen, bool)> {
        let watched = &self.watched[voter];
        let may_act = watched.reachable && self.look_at.is_at_or_before(now) && watched.twin.is_none();
        let told = || watched.told.as_ref().filter(|_| may_act).map(|told| (told.seen, false));
        self.eligible(voter, now).or_else(told)
    }

    pub(super) fn grantable_voters(&self, now: Moment) -> VoterSet {
        (0..self.watched.len()).filter(|&voter| self.grantable(voter, now).is_some()).collect()
    }
}
