//! What a candidate knows of its voters, and what follows from it alone: rules 1 and 2, and when a candidate is
//! inert.

use std::time::Duration;

use super::asking::{Asked, Pending};
use super::watched::{Watch, Watched};
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

impl Candidate {
    /// Rule 1: observe every voter about every L/20.
    pub(super) fn poll_round(&mut self, now: Moment) {
        let timing = self.settings.timing;
        self.questions.forget_before(now.minus(2 * timing.ttl));
        let overdue = now.minus(timing.voter_timeout);
        let longest_gap = self.longest_gap_of_polls();
        for voter in 0..self.watched.len() {
            let watched = &mut self.watched[voter];
            watched.hinted_polls = 0;
            while let Some(sent) = watched.in_flight.first().copied().filter(|sent| sent.is_before(overdue)) {
                watched.in_flight.remove(0);
                if !watched.answered.is_some_and(|answered| sent.is_before(answered)) {
                    watched.note_failure(sent, longest_gap);
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

    /// `false` if it told nothing that any rule could make something of.
    pub(super) fn on_observed(
        &mut self,
        now: Now,
        pending: &Pending,
        received: Moment,
        observation: &Observation,
    ) -> bool {
        let (voter, sent) = (pending.voter, pending.sent);
        let longest_gap = self.longest_gap_of_polls();
        let watched = &mut self.watched[voter];
        let is_known = watched.knows(observation);
        watched.landed(now.at, sent);
        let is_late = watched.answered.is_some_and(|answered| sent.is_before(answered));
        if is_late && !self.settings.planted.has(Bug::OldPollAccepted) {
            return !is_known;
        }
        watched.answered = Some(sent);
        watched.reachable = true;
        watched.round_trip = Some(received.leader_elapsed(sent));
        if observation.standing == Standing::Member {
            watched.member_silence = None;
        } else {
            watched.note_silence(sent, longest_gap);
        }
        watched.note_time(observation.time_us, sent, received);
        let Seen { instance, version, .. } = observation.seen;
        let before = watched.high_water.filter(|water| water.instance == instance);
        let version = before.map_or(version, |water| water.version.max(version));
        watched.high_water = Some(HighWater { instance, version });
        watched.outdate_told(sent, &observation.seen);
        self.absorb_hints(observation);
        self.watch(voter, received, observation);
        match observation.seen.holder {
            Some(holder) if !observation.seen.released && self.dead_ballots.contains(&holder) => {
                self.release(now.at, voter, holder);
            }
            _ => {}
        }
        let matters_to_leader = matches!(self.role, Role::Leading(_))
            && self.on_observed_while_leading(now, voter, sent, observation);
        !is_known || matters_to_leader || self.may_rejoin(now.at)
    }

    /// Begins to watch what was observed, or goes on to.
    fn watch(&mut self, voter: VoterIndex, received: Moment, observation: &Observation) {
        let same_version = |watch: &&Watch| {
            watch.observation.seen == observation.seen && watch.observation.standing == observation.standing
        };
        let before = self.watched[voter].watch.as_ref();
        let unchanged = before.filter(same_version);
        let since = unchanged.map_or(received, |watch| watch.since);
        let is_reckoned =
            |watch: &&Watch| observation.ttl.is_some() && watch.observation.ttl == observation.ttl;
        let reckon = || {
            let wait = self.wait_for(self.ttl_of(observation));
            [since.plus(wait), since.plus(2 * wait)]
        };
        let waited = unchanged.filter(is_reckoned).map_or_else(reckon, |watch| watch.waited);
        let is_same_server = before.is_some_and(|watch| watch.observation.run == observation.run);
        self.watched[voter].watch = Some(Watch { observation: *observation, since, waited });
        if !is_same_server {
            self.note_twins();
        }
    }

    /// Voters that answered with the same process: together they count as none.
    fn note_twins(&mut self) {
        let process = |watched: &Watched| watched.watch.as_ref().map(|watch| watch.observation.run.process);
        for voter in 0..self.watched.len() {
            let own = process(&self.watched[voter]);
            let is_twin = |&other: &VoterIndex| other != voter && process(&self.watched[other]) == own;
            self.watched[voter].twin = own.and_then(|_| (0..self.watched.len()).find(is_twin));
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

    /// Between two polls of a voter, while we are awake: one that is waited for, and the interval; twice, because a busy
    /// machine is late.
    fn longest_gap_of_polls(&self) -> Duration {
        2 * (self.settings.timing.observe_interval + self.settings.timing.voter_timeout)
    }

    /// The poll ended without an observation.
    pub(super) fn on_poll_failed(&mut self, now: Moment, pending: &Pending, answer: &Answer) {
        let longest_gap = self.longest_gap_of_polls();
        let watched = &mut self.watched[pending.voter];
        watched.landed(now, pending.sent);
        if watched.answered.is_some_and(|answered| pending.sent.is_before(answered)) {
            return;
        }
        watched.note_failure(pending.sent, longest_gap);
        if matches!(answer, Answer::Amnesia | Answer::Mismatch { .. }) {
            watched.watch = None;
            watched.answered = Some(pending.sent);
            self.note_twins();
            self.on_forgotten_while_leading(pending.voter, pending.sent);
        }
    }

    fn ttl_of(&self, observation: &Observation) -> Duration {
        let own = self.settings.timing.ttl;
        if self.settings.planted.has(Bug::OwnTtlObserved) {
            return own;
        }
        observation.ttl.unwrap_or(self.longest_ttl)
    }

    /// Rule 2. `Some` if the voter may be taken: what a grant is to compare, and whether the key stood still.
    pub(super) fn eligible(&self, voter: VoterIndex, now: Moment) -> Option<(Seen, bool)> {
        let watched = &self.watched[voter];
        let is_news =
            watched.given_back.is_none_or(|back| watched.answered.is_some_and(|sent| !sent.is_before(back)));
        let watch = watched.watch.as_ref().filter(|_| watched.reachable && is_news)?;
        let Observation { standing, seen, key, .. } = &watch.observation;
        if *standing != Standing::Member || watched.twin.is_some() {
            return None;
        }
        let may_be_taken = match key {
            LeaseKey::Free => seen.released || watch.has_stood_still(now),
            LeaseKey::Holders { .. } => watch.has_stood_still_twice_as_long(now),
            LeaseKey::Foreign { .. } => self.settings.planted.has(Bug::ForeignOverwritten) && seen.released,
        };
        may_be_taken.then_some((*seen, matches!(key, LeaseKey::Holders { .. })))
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
            let watched = &self.watched[voter];
            let Some(watch) = watched.watch.as_ref().filter(|watch| watch.is_held()) else { continue };
            let looked_since = watched.polled.is_some_and(|polled| !polled.is_before(watch.waited[0]));
            let key_was_there = !matches!(watch.observation.key, LeaseKey::Free);
            let waiting = watched.poll_at.is_some();
            if watch.has_stood_still(now) && key_was_there && !looked_since && !waiting {
                self.poll_soon(now, voter);
            }
        }
    }

    pub(super) fn campaign_wakes(&self, wake: &mut Wake) {
        wake.at(self.paused_until);
        if self.watched.iter().any(|watched| watched.told.is_some()) {
            wake.at(self.look_at);
        }
        let held =
            self.watched.iter().filter_map(|watched| watched.watch.as_ref()).filter(|watch| watch.is_held());
        held.for_each(|watch| wake.at(watch.waited[0]));
    }

    /// Whether anything seen forbids this candidate to propose.
    pub(super) fn update_inertia(&mut self, now: Moment) {
        let ours = self.settings.timing.ttl;
        let twice_ours = 2 * ours;
        let incompatible_ttl = || {
            (0..self.watched.len()).find_map(|voter| {
                let theirs = self.watched[voter].watch.as_ref()?.observation.ttl?;
                let is_compatible = theirs <= twice_ours && ours <= 2 * theirs;
                (!is_compatible && self.live_holder(voter, now).is_some()).then_some(Inertia::Ttl {
                    voter,
                    theirs,
                    ours,
                })
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
