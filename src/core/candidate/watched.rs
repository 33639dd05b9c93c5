//! What is known of one voter.

use std::time::Duration;

use super::hinting::Told;
use super::tripping::CLOCK_TRIP;
use crate::core::event::VoterIndex;
use crate::core::record::{HighWater, Observation, Standing};
use crate::core::time::Moment;

/// One version of a voter's record, being watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    pub(super) observation: Observation,
    /// When the first reply that showed this version was received.
    pub(super) since: Moment,
    /// When it will have been watched unchanged for O of the ttl in the record, and for 2·O.
    pub(super) waited: [Moment; 2],
}

impl Watch {
    pub(super) fn has_stood_still(&self, now: Moment) -> bool {
        self.waited[0].is_at_or_before(now)
    }

    pub(super) fn has_stood_still_twice_as_long(&self, now: Moment) -> bool {
        self.waited[1].is_at_or_before(now)
    }

    pub(super) fn is_held(&self) -> bool {
        self.observation.standing == Standing::Member && !self.observation.seen.released
    }
}

/// A series of polls that were not answered by a member.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemberSilence {
    /// When the first of them was sent.
    pub(super) first: Moment,
    /// When the last of them that has ended was sent.
    pub(super) last: Moment,
}

/// Everything known of one voter.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) watch: Option<Watch>,
    /// When the last *answered* poll was sent.
    pub(super) answered: Option<Moment>,
    /// When the last poll was sent, answered or not.
    pub(super) polled: Option<Moment>,
    /// The last poll that ended was answered.
    pub(super) reachable: bool,
    pub(super) member_silence: Option<MemberSilence>,
    pub(super) high_water: Option<HighWater>,
    pub(super) round_trip: Option<Duration>,
    /// The server's `TIME` in the last answered poll, and when that was sent.
    time_read: Option<(u64, Moment)>,
    /// By how much `TIME` ran ahead of our own clock between the last two answered polls.
    pub(super) time_excess: Option<Duration>,
    pub(super) poll_at: Option<Moment>,
    /// When the last join was answered; older observations tell nothing about whether it took effect.
    pub(super) join_answered: Option<Moment>,
    /// A poll was wanted while too many were under way.
    pub(super) poll_again: bool,
    /// When a join or an adopt was last sent.
    pub(super) proposed: Option<Moment>,
    /// When we gave it back; older observations tell what it was before.
    pub(super) given_back: Option<Moment>,
    pub(super) in_flight: Vec<Moment>,
    pub(super) hinted_polls: u8,
    pub(super) told: Option<Told>,
    /// Another voter that answered with the same process: together they count as none.
    pub(super) twin: Option<VoterIndex>,
}

impl Watched {
    pub(super) fn is_joining(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.observation.standing == Standing::Joining)
    }

    /// A clock comparison begins anew with each leadership.
    pub(super) fn forget_time(&mut self) {
        self.time_read = None;
        self.time_excess = None;
    }

    /// Whether its clock gives a leader no reason to distrust its own.
    pub(super) fn agrees_on_time(&self) -> bool {
        self.time_excess.is_some_and(|excess| excess <= CLOCK_TRIP)
    }

    pub(super) fn note_time(&mut self, time_us: u64, sent: Moment, received: Moment) {
        if let Some((before_us, since)) = self.time_read {
            let own = received.leader_elapsed(since);
            let theirs = Duration::from_micros(time_us.saturating_sub(before_us));
            self.time_excess = Some(theirs.saturating_sub(own));
        }
        self.time_read = Some((time_us, sent));
    }

    /// Polls further apart than `longest_gap` are no one silence: we were asleep, not the voter.
    pub(super) fn note_silence(&mut self, sent: Moment, longest_gap: Duration) {
        let goes_on = |silence: &MemberSilence| sent.observer_elapsed(silence.last) <= longest_gap;
        let first = self.member_silence.filter(goes_on).map_or(sent, |silence| silence.first);
        self.member_silence = Some(MemberSilence { first, last: sent });
    }

    /// Called for every poll that ended without an answer to work with.
    pub(super) fn note_failure(&mut self, sent: Moment, longest_gap: Duration) {
        self.reachable = false;
        self.time_excess = None;
        self.note_silence(sent, longest_gap);
    }

    /// Whether this tells no rule of a candidate that does not lead anything new: of a member that answered before it
    /// shows the same as before, or that it is still held and has changed just now.
    pub(super) fn knows(&self, shown: &Observation) -> bool {
        let has_settled =
            self.reachable && self.member_silence.is_none() && !self.poll_again && self.told.is_none();
        let has_looked =
            self.given_back.is_none_or(|back| self.answered.is_some_and(|sent| !sent.is_before(back)));
        let shows_nothing_new = |watch: &Watch| {
            let known = &watch.observation;
            let is_member = known.standing == Standing::Member && shown.standing == Standing::Member;
            let is_unchanged = known.seen == shown.seen
                && std::mem::discriminant(&known.key) == std::mem::discriminant(&shown.key);
            let is_still_held = !known.seen.released && !shown.seen.released && known.seen != shown.seen;
            is_member && known.run == shown.run && (is_unchanged || is_still_held)
        };
        has_settled && has_looked && self.watch.as_ref().is_some_and(shows_nothing_new)
    }

    pub(super) fn landed(&mut self, now: Moment, sent: Moment) {
        self.in_flight.retain(|&other| other != sent);
        if std::mem::take(&mut self.poll_again) {
            self.poll_at = Some(now);
        }
    }
}
