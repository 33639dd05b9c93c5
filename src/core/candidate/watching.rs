//! What a candidate knows of its voters, and what follows from it alone: rules 1 and 2, and when a candidate is
//! inert.

use std::time::Duration;

use super::asking::{Asked, Pending};
use super::hinting::Told;
use super::{Candidate, Role, Wake};
use crate::core::event::{Action, Inertia, VoterIndex};
use crate::core::planted::Bug;
use crate::core::record::{Answer, HighWater, LeaseKey, Observation, Seen, Standing};
use crate::core::time::{Moment, Now};

/// The most polls of one voter that may wait for an answer: the regular one, and one because of a hint that came
/// while it was under way.
const MOST_POLLS_IN_FLIGHT: usize = 2;
/// The round trip that is assumed until one has been measured.
const ASSUMED_ROUND_TRIP: Duration = Duration::from_millis(1);

/// One version of a voter's record, being watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    pub(super) observation: Observation,
    /// When the first reply that showed this version was received.
    pub(super) since: Moment,
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
    poll_again: bool,
    /// When a join or an adopt was last sent.
    pub(super) proposed: Option<Moment>,
    /// When we gave it back; older observations tell what it was before.
    pub(super) given_back: Option<Moment>,
    in_flight: Vec<Moment>,
    pub(super) hinted_polls: u8,
    pub(super) told: Option<Told>,
}

impl Watched {
    /// A clock comparison begins anew with each leadership.
    pub(super) fn forget_time(&mut self) {
        self.time_read = None;
        self.time_excess = None;
    }

    fn note_time(&mut self, time_us: u64, sent: Moment, received: Moment) {
        if let Some((before_us, since)) = self.time_read {
            let own = received.leader_elapsed(since);
            let theirs = Duration::from_micros(time_us.saturating_sub(before_us));
            self.time_excess = Some(theirs.saturating_sub(own));
        }
        self.time_read = Some((time_us, sent));
    }

    fn note_member(&mut self, sent: Moment, is_member: bool) {
        self.member_silence = if is_member {
            None
        } else {
            let first = self.member_silence.map_or(sent, |silence| silence.first);
            Some(MemberSilence { first, last: sent })
        };
    }

    /// Called for every poll that ended without an answer to work with.
    fn note_failure(&mut self, sent: Moment) {
        self.reachable = false;
        self.time_excess = None;
        self.note_member(sent, false);
    }

    fn landed(&mut self, now: Moment, sent: Moment) {
        self.in_flight.retain(|&other| other != sent);
        if std::mem::take(&mut self.poll_again) {
            self.poll_at = Some(now);
        }
    }
}

impl Candidate {
    /// Rule 1: observe every voter about every L/20.
    pub(super) fn poll_round(&mut self, now: Moment) {
        let timing = self.settings.timing;
        self.questions.forget_before(now.minus(2 * timing.ttl));
        for voter in 0..self.watched.len() {
            let overdue = now.minus(timing.voter_timeout);
            let watched = &mut self.watched[voter];
            watched.hinted_polls = 0;
            for sent in std::mem::take(&mut watched.in_flight) {
                if sent.is_before(overdue) {
                    if !watched.answered.is_some_and(|answered| sent.is_before(answered)) {
                        watched.note_failure(sent);
                    }
                } else {
                    watched.in_flight.push(sent);
                }
            }
            if watched.in_flight.is_empty() {
                self.poll(now, voter);
            }
        }
        let interval = timing.observe_interval;
        self.next_poll = now.plus(interval * 9 / 10 + self.random_below(interval / 5));
    }

    pub(super) fn poll_where_due(&mut self, now: Moment) {
        for voter in 0..self.watched.len() {
            if self.watched[voter].poll_at.is_some_and(|due| due.is_at_or_before(now)) {
                self.poll(now, voter);
            }
        }
    }

    /// Observes one voter now, or as soon as one of the polls under way has ended.
    pub(super) fn poll(&mut self, now: Moment, voter: VoterIndex) {
        let watched = &mut self.watched[voter];
        if watched.in_flight.len() >= MOST_POLLS_IN_FLIGHT {
            watched.poll_again = true;
            watched.poll_at = None;
            return;
        }
        watched.poll_at = None;
        watched.polled = Some(now);
        watched.in_flight.push(now);
        self.observe(now, voter);
    }

    /// The q-th quickest voter's round trip.
    pub(super) fn round_trip(&self) -> Duration {
        let mut known: Vec<_> = self.watched.iter().filter_map(|watched| watched.round_trip).collect();
        known.sort_unstable();
        known.get(self.quorum() - 1).copied().unwrap_or(ASSUMED_ROUND_TRIP)
    }

    pub(super) fn on_observed(
        &mut self,
        now: Now,
        pending: &Pending,
        received: Moment,
        observation: Observation,
    ) {
        let (voter, sent) = (pending.voter, pending.sent);
        let watched = &mut self.watched[voter];
        watched.landed(now.at, sent);
        let is_late = watched.answered.is_some_and(|answered| sent.is_before(answered));
        if is_late && !self.settings.planted.has(Bug::OldPollAccepted) {
            return;
        }
        watched.answered = Some(sent);
        watched.reachable = true;
        watched.round_trip = Some(received.leader_elapsed(sent));
        watched.note_member(sent, observation.standing == Standing::Member);
        watched.note_time(observation.time_us, sent, received);
        let Seen { instance, version, .. } = observation.seen;
        let before = watched.high_water.filter(|water| water.instance == instance);
        let version = before.map_or(version, |water| water.version.max(version));
        watched.high_water = Some(HighWater { instance, version });
        watched.outdate_told(sent, &observation.seen);
        let unchanged = watched.watch.filter(|watch| {
            watch.observation.seen == observation.seen && watch.observation.standing == observation.standing
        });
        let since = unchanged.map_or(received, |watch| watch.since);
        watched.watch = Some(Watch { observation, since });
        self.absorb_hints(&observation);
        match observation.seen.holder {
            Some(holder) if !observation.seen.released && self.dead_ballots.contains(&holder) => {
                self.release(now.at, voter, holder);
            }
            _ => {}
        }
        if matches!(self.role, Role::Leading(_)) {
            self.on_observed_while_leading(now, voter, sent, &observation);
        }
    }

    fn absorb_hints(&mut self, observation: &Observation) {
        self.largest_term = self.largest_term.max(observation.term);
        if observation.seen.holder.is_some() {
            self.first_floor = 0;
        }
        let is_hint = observation.standing == Standing::Joining;
        if let Some(ttl) = observation.ttl
            && !(is_hint && self.settings.planted.has(Bug::LongestTtlWithoutHints))
        {
            self.longest_ttl = self.longest_ttl.max(ttl);
        }
    }

    /// The poll ended without an observation.
    pub(super) fn on_poll_failed(&mut self, now: Moment, pending: &Pending, answer: Answer) {
        let watched = &mut self.watched[pending.voter];
        watched.landed(now, pending.sent);
        if watched.answered.is_some_and(|answered| pending.sent.is_before(answered)) {
            return;
        }
        watched.note_failure(pending.sent);
        if matches!(answer, Answer::Amnesia | Answer::Mismatch { .. }) {
            watched.watch = None;
            watched.answered = Some(pending.sent);
            self.on_forgotten_while_leading(pending.voter, pending.sent);
        }
    }

    /// Another voter that answered with the same process: together they count as none.
    pub(super) fn twin_of(&self, voter: VoterIndex) -> Option<VoterIndex> {
        let process = |v: VoterIndex| self.watched[v].watch.map(|watch| watch.observation.run.process);
        let own = process(voter)?;
        (0..self.watched.len()).find(|&other| other != voter && process(other) == Some(own))
    }

    /// Whether the watched version has stood still for `times`·O of the ttl in the record.
    pub(super) fn has_stood_still(&self, watch: &Watch, now: Moment, times: u32) -> bool {
        now.observer_elapsed(watch.since) >= times * self.wait_for(self.ttl_of(watch))
    }

    fn ttl_of(&self, watch: &Watch) -> Duration {
        let own = self.settings.timing.ttl;
        if self.settings.planted.has(Bug::OwnTtlObserved) {
            return own;
        }
        watch.observation.ttl.unwrap_or(self.longest_ttl)
    }

    /// Rule 2. `Some` if the voter may be taken: what a grant is to compare, and whether the key stood still.
    pub(super) fn eligible(&self, voter: VoterIndex, now: Moment) -> Option<(Seen, bool)> {
        let watched = &self.watched[voter];
        let is_news =
            watched.given_back.is_none_or(|back| watched.answered.is_some_and(|sent| !sent.is_before(back)));
        let watch = watched.watch.filter(|_| watched.reachable && is_news)?;
        let Observation { standing, seen, key, .. } = watch.observation;
        if standing != Standing::Member || self.twin_of(voter).is_some() {
            return None;
        }
        let may_be_taken = match key {
            LeaseKey::Free => seen.released || self.has_stood_still(&watch, now, 1),
            LeaseKey::Holders { .. } => self.has_stood_still(&watch, now, 2),
            LeaseKey::Foreign { .. } => self.settings.planted.has(Bug::ForeignOverwritten) && seen.released,
        };
        may_be_taken.then_some((seen, matches!(key, LeaseKey::Holders { .. })))
    }

    /// Rule 3's first half: when to attempt.
    pub(super) fn campaign(&mut self, now: Moment) {
        self.look_after_the_wait(now);
        if self.withdrawn || self.inertia.is_some() || !self.paused_until.is_at_or_before(now) {
            return;
        }
        let eligible = self.grantable_voters(now);
        let without_silent = eligible.without(self.left_out);
        if without_silent.len() >= self.quorum() {
            self.begin_attempt(now, without_silent);
        } else if eligible.len() >= self.quorum() {
            self.begin_attempt(now, eligible);
        }
    }

    /// A holder was watched for O, but its lease key was there when last looked: look again.
    fn look_after_the_wait(&mut self, now: Moment) {
        for voter in 0..self.watched.len() {
            let Some((watch, waited)) = self.end_of_wait(voter) else { continue };
            let watched = &self.watched[voter];
            let looked_since = watched.polled.is_some_and(|polled| !polled.is_before(waited));
            let key_was_there = !matches!(watch.observation.key, LeaseKey::Free);
            let waiting = watched.poll_at.is_some();
            if waited.is_at_or_before(now) && key_was_there && !looked_since && !waiting {
                self.poll_soon(now, voter);
            }
        }
    }

    /// When an unreleased member that stands still will have been watched for O.
    fn end_of_wait(&self, voter: VoterIndex) -> Option<(Watch, Moment)> {
        let watch = self.watched[voter].watch?;
        let observation = &watch.observation;
        let held = observation.standing == Standing::Member && !observation.seen.released;
        held.then(|| (watch, watch.since.plus(self.wait_for(self.ttl_of(&watch)))))
    }

    pub(super) fn campaign_wakes(&self, wake: &mut Wake) {
        wake.at(self.paused_until);
        if self.watched.iter().any(|watched| watched.told.is_some()) {
            wake.at(self.look_at);
        }
        (0..self.watched.len()).filter_map(|voter| self.end_of_wait(voter)).for_each(|(_, due)| wake.at(due));
    }

    /// Whether anything seen forbids this candidate to propose.
    pub(super) fn update_inertia(&mut self, now: Moment) {
        let ours = self.settings.timing.ttl;
        let incompatible_ttl = || {
            (0..self.watched.len()).find_map(|voter| {
                self.live_holder(voter, now)?;
                let theirs = self.watched[voter].watch?.observation.ttl?;
                (theirs > 2 * ours || 2 * theirs < ours).then_some(Inertia::Ttl { voter, theirs, ours })
            })
        };
        let inertia = match self.foreign_electorate {
            Some(voter) => Some(Inertia::Electorate { voter }),
            None => incompatible_ttl(),
        };
        // Which voter shows it first changes nothing.
        let is_news = match (inertia, self.inertia) {
            (Some(Inertia::Ttl { theirs, .. }), Some(Inertia::Ttl { theirs: before, .. })) => {
                theirs != before
            }
            (now, before) => now != before,
        };
        if is_news {
            self.inertia = inertia;
            self.actions.push_back(Action::Inert(inertia));
        }
    }

    /// Whether a join or an adopt was sent so lately that another one would only be noise.
    pub(super) fn has_just_proposed(&self, voter: VoterIndex, now: Moment) -> bool {
        let interval = self.settings.timing.observe_interval;
        self.watched[voter].proposed.is_some_and(|sent| !sent.plus(interval).is_at_or_before(now))
    }

    /// Whether a question of this kind is under way to this voter and may still be answered in time.
    pub(super) fn is_asking(&self, voter: VoterIndex, now: Moment, kind: fn(Asked) -> bool) -> bool {
        self.questions.is_waiting(voter, now.minus(self.settings.timing.voter_timeout), kind)
    }
}
