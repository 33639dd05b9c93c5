//! A candidate: everything that section 4 of the protocol tells it to do.
//!
//! The contract is that of a machine without hands. After every call of [`Candidate::handle`] take actions from
//! [`Candidate::poll_action`] until it answers `None`, then wait until an event comes or the instant of
//! [`Candidate::poll_timeout`] is reached, whichever is first, read the clocks *afresh*, and call `handle` again.
//! Spurious calls are harmless.
//!
//! This file decides which rule applies; its children hold the rules: `watched` and `watching` what is known of the
//! voters, `hinting` what hints add to it, `asking` every question, `attempt` and `leading` the two roles that hold voters,
//! `rejoining` the voters that forgot.

mod asking;
mod attempt;
mod hinting;
mod leading;
mod rejoining;
mod tripping;
mod verifying;
mod wake;
mod watched;
mod watching;

use std::collections::VecDeque;
use std::time::Duration;

use self::asking::{Asked, Pending, Questions};
use self::attempt::Attempt;
use self::leading::Leadership;
use self::wake::Wake;
use self::watched::Watched;
use super::event::{
    Action, EndReason, Event, Inertia, QuestionId, Randomness, Settings, StandBack, VoterIndex, VoterView,
};
use super::planted::Bug;
use super::record::{Answer, Ballot, Standing, Term};
use super::time::{Moment, Now};
use super::timing::{leader_validity, observer_wait};
use super::voter_set::VoterSet;

/// How many of its own dead ballots a candidate recognises. An orphan of an older one is overcome like that of any
/// other crashed candidate: by watching it for O.
const DEAD_BALLOTS_KEPT: usize = 256;

/// What this candidate is doing now.
enum Role {
    Standby,
    Electing(Attempt),
    Leading(Leadership),
    /// No longer leading, but the work has not stopped, so the ballot is not yet released.
    Stopping(Ballot),
}

/// A candidate in one election.
pub struct Candidate {
    settings: Settings,
    randomness: Box<dyn Randomness + Send>,
    role: Role,
    watched: Vec<Watched>,
    questions: Questions,
    actions: VecDeque<Action>,
    dead_ballots: VecDeque<Ballot>,
    /// The largest term or hint read anywhere since this process started.
    largest_term: Term,
    /// T as far as it was seen since this process started, the own ttl included.
    longest_ttl: Duration,
    next_poll: Moment,
    /// The instant, drawn at random, at which to look at all voters that turn up together: by hints, or because a
    /// wait has ended.
    look_at: Moment,
    /// Not campaigning before this.
    paused_until: Moment,
    withdrawn: bool,
    /// How long not to campaign once the present role has ended.
    stand_back: Duration,
    /// Of one race: attempts that lie more than a ttl apart belong to different ones.
    failures_in_a_row: u32,
    failed_at: Option<Moment>,
    /// Voters that stayed silent in the last attempt.
    left_out: VoterSet,
    inertia: Option<Inertia>,
    foreign_electorate: Option<VoterIndex>,
    halt_told: bool,
    /// The floor of the first epoch, as long as nobody is known to have held a voter in it.
    first_floor: Term,
    /// When the last epoch reset was told.
    reset_told: Option<Moment>,
    wake: Wake,
}

impl Candidate {
    /// A candidate that knows nothing yet.
    #[must_use]
    pub fn new(settings: Settings, randomness: Box<dyn Randomness + Send>) -> Self {
        Self {
            settings,
            randomness,
            role: Role::Standby,
            watched: (0..settings.voters).map(|_| Watched::default()).collect(),
            questions: Questions::default(),
            actions: VecDeque::new(),
            dead_ballots: VecDeque::new(),
            largest_term: 0,
            longest_ttl: settings.timing.ttl,
            next_poll: Moment::default(),
            look_at: Moment::default(),
            paused_until: Moment::default(),
            withdrawn: false,
            stand_back: Duration::ZERO,
            failures_in_a_row: 0,
            failed_at: None,
            left_out: VoterSet::EMPTY,
            inertia: None,
            foreign_electorate: None,
            halt_told: false,
            first_floor: 0,
            reset_told: None,
            wake: Wake::at_once(),
        }
    }

    /// Tells what happened, at a reading of the clocks that is no older than the event.
    pub fn handle(&mut self, now: Now, event: Event) {
        self.end_if_over(now);
        let is_news = match event {
            Event::Wake => false,
            Event::Answer { question, received, answer } => self.on_answer(now, question, received, &answer),
            event => {
                self.on_command(now.at, event);
                true
            }
        };
        if is_news || self.wake.may_be_due(now.at) {
            self.advance(now);
            self.wake = self.next_wake(now.at);
        }
    }

    fn on_command(&mut self, now: Moment, event: Event) {
        match event {
            Event::Wake | Event::Answer { .. } => {}
            Event::Hint { voter, released } => self.on_hint(now, voter, released),
            Event::Resign { stand_back } => self.on_resign(now, stand_back),
            Event::Campaign => self.withdrawn = false,
            Event::WorkStopped => self.on_work_stopped(now),
            Event::Verify { request } => self.on_verify(now, request),
        }
    }

    /// The next action. Its answer may change after `handle` only.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call `handle` with [`Event::Wake`] at the latest. Its answer may change after `handle` only.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Moment> {
        self.wake.next()
    }

    /// The end of the validity, while leading: leads iff `now` is certainly before it. Its answer may change after
    /// `handle` only.
    #[must_use]
    pub fn until(&self) -> Option<Moment> {
        match &self.role {
            Role::Leading(leadership) => Some(leadership.until()),
            Role::Standby | Role::Electing(_) | Role::Stopping(_) => None,
        }
    }

    /// What is known about each voter. Its answer may change after `handle` only.
    #[must_use]
    pub fn voter(&self, voter: VoterIndex) -> VoterView {
        let held_until = match &self.role {
            Role::Leading(leadership) => {
                leadership.acknowledged_at(voter).map(|sent| sent.plus(self.validity()))
            }
            Role::Standby | Role::Electing(_) | Role::Stopping(_) => None,
        };
        let watched = &self.watched[voter];
        VoterView {
            reachable: watched.reachable,
            observation: watched.watch.as_ref().map(|watch| watch.observation),
            held_until,
            same_server: watched.twin,
            round_trip: watched.round_trip,
        }
    }

    /// Whether an attempt to be elected is under way. Its answer may change after `handle` only.
    #[must_use]
    pub fn is_electing(&self) -> bool {
        matches!(self.role, Role::Electing(_))
    }

    /// The ballot that holds a quorum of voters, with its term and one voter that can tell whose it is, as far as
    /// this candidate has observed a live holder. Its answer changes with time, too.
    #[must_use]
    pub fn observed_leader(&self, now: Moment) -> Option<(Ballot, Term, VoterIndex)> {
        let live = |voter: VoterIndex| self.live_holder(voter, now);
        (0..self.watched.len()).find_map(|voter| {
            let (ballot, _) = live(voter)?;
            let terms = || (0..self.watched.len()).filter_map(live).filter(|(b, _)| *b == ballot);
            let term = terms().map(|(_, term)| term).min()?;
            (terms().count() >= self.quorum()).then_some((ballot, term, voter))
        })
    }

    /// `false` if it told nothing that any rule could make something of.
    fn on_answer(&mut self, now: Now, id: QuestionId, received: Moment, answer: &Answer) -> bool {
        let Some(pending) = self.questions.take(id) else { return false };
        let said = if answer.is_plausible() { answer } else { &Answer::Silent };
        self.note_mismatch(&pending, said);
        if let Answer::Granted { term, .. } | Answer::Confirmed { term } = said {
            self.largest_term = self.largest_term.max(*term);
        }
        match (pending.asked, said) {
            (Asked::Observe, Answer::Observed(observation)) => {
                return self.on_observed(now, &pending, received, observation);
            }
            (Asked::Release, Answer::Released) => return false,
            (Asked::Observe, _) => self.on_poll_failed(now.at, &pending, said),
            (Asked::Grant(ballot), _) => self.on_grant_answer(now.at, &pending, ballot, received, said),
            (Asked::Confirm(ballot), _) => self.on_confirm_answer(now, &pending, ballot, received, said),
            (Asked::Adopt(ballot), _) => self.on_adopt_answer(now, &pending, ballot, received, said),
            (Asked::Join, Answer::Joined | Answer::Refused(_)) => {
                self.watched[pending.voter].join_answered = Some(received);
                self.poll(now.at, pending.voter);
            }
            (Asked::Join, Answer::Amnesia) => self.poll(now.at, pending.voter),
            (Asked::Join | Asked::Release, _) => {}
        }
        true
    }

    /// A record of other voters, or of another format, makes inert for good; whatever the question was.
    fn note_mismatch(&mut self, pending: &Pending, answer: &Answer) {
        if let (Answer::Mismatch { electorate_differs: true }, None) = (answer, self.foreign_electorate) {
            self.foreign_electorate = Some(pending.voter);
        }
    }

    fn on_resign(&mut self, now: Moment, stand_back: StandBack) {
        match stand_back {
            // Whoever asks for less takes nothing from whoever asked for more.
            StandBack::For(duration) => self.stand_back = self.stand_back.max(duration),
            StandBack::ForGood => self.withdrawn = true,
        }
        match &mut self.role {
            Role::Standby => self.begin_to_stand_back(now),
            Role::Stopping(_) => {}
            Role::Electing(_) => self.fail_attempt(now),
            Role::Leading(leadership) => {
                if leadership.begin_stop() {
                    self.actions.push_back(Action::StopWork { reason: EndReason::Resigned });
                }
                if self.settings.planted.has(Bug::ReleaseBeforeStop) {
                    self.on_work_stopped(now);
                }
            }
        }
    }

    fn on_work_stopped(&mut self, now: Moment) {
        match &self.role {
            Role::Standby | Role::Electing(_) => {}
            Role::Leading(leadership) if !leadership.is_stopping() => {}
            Role::Leading(leadership) => {
                let (ballot, term) = (leadership.ballot(), leadership.term());
                self.end_verifications();
                self.actions.push_back(Action::Ended { term, reason: EndReason::Resigned });
                self.become_standby(now, ballot, VoterSet::EMPTY);
            }
            Role::Stopping(ballot) => {
                let ballot = *ballot;
                self.become_standby(now, ballot, VoterSet::EMPTY);
            }
        }
    }

    /// The one door out of holding voters: whatever the ballot may still hold is given back, that is at every voter but
    /// those that `denied` it. To release there, too, would only load the voters while another is being elected.
    fn become_standby(&mut self, now: Moment, ballot: Ballot, denied: VoterSet) {
        self.role = Role::Standby;
        if self.dead_ballots.len() == DEAD_BALLOTS_KEPT {
            self.dead_ballots.pop_front();
        }
        self.dead_ballots.push_back(ballot);
        let all: VoterSet = (0..self.watched.len()).collect();
        all.without(denied).iter().for_each(|voter| self.release(now, voter, ballot));
        self.begin_to_stand_back(now);
    }

    fn begin_to_stand_back(&mut self, now: Moment) {
        self.paused_until = self.paused_until.latest(now.plus(std::mem::take(&mut self.stand_back)));
    }

    /// Everything that has become due, by time or by what was just learnt.
    fn advance(&mut self, now: Now) {
        if self.next_poll.is_at_or_before(now.at) {
            self.poll_round(now.at);
        }
        self.update_inertia(now.at);
        match &self.role {
            Role::Standby => self.campaign(now.at),
            Role::Electing(_) => self.continue_attempt(now.at),
            Role::Leading(_) => self.lead(now),
            Role::Stopping(_) => {}
        }
        if !matches!(self.role, Role::Leading(_)) {
            self.rejoin(now);
        }
        // Last: a decision may want a look at once, or make one needless.
        self.poll_where_due(now.at);
    }

    fn next_wake(&self, now: Moment) -> Wake {
        let mut wake = Wake::after(now);
        wake.at(self.next_poll);
        self.watched.iter().filter_map(|watched| watched.poll_at).for_each(|due| wake.at(due));
        match &self.role {
            Role::Standby => self.campaign_wakes(&mut wake),
            Role::Electing(attempt) => {
                attempt.wakes(self.round_trip(), self.settings.timing.voter_timeout, &mut wake);
            }
            Role::Leading(leadership) => leadership.wakes(&self.watched, self.settings.timing, &mut wake),
            Role::Stopping(_) => {}
        }
        if !matches!(self.role, Role::Leading(_)) {
            self.rejoin_wakes(&mut wake);
        }
        wake
    }

    /// q = ⌊N/2⌋ + 1.
    fn quorum(&self) -> usize {
        let half = self.settings.voters / 2;
        if self.settings.planted.has(Bug::QuorumOfHalf) { half.max(1) } else { half + 1 }
    }

    /// D of the own ttl.
    fn validity(&self) -> Duration {
        let ttl = self.settings.timing.ttl;
        if self.settings.planted.has(Bug::NoRateMargin) { ttl } else { leader_validity(ttl) }
    }

    /// O of the ttl that is being watched.
    fn wait_for(&self, ttl: Duration) -> Duration {
        if self.settings.planted.has(Bug::NoRateMargin) { ttl } else { observer_wait(ttl) }
    }

    /// A random duration below `most`.
    fn random_below(&mut self, most: Duration) -> Duration {
        let ns = super::time::nanos(most).max(1);
        Duration::from_nanos(self.randomness.bits() % ns)
    }

    fn random_128(&mut self) -> u128 {
        (u128::from(self.randomness.bits()) << 64) | u128::from(self.randomness.bits())
    }

    /// A voter's holder, if the record still moves: unreleased and not yet watched unchanged for O.
    fn live_holder(&self, voter: VoterIndex, now: Moment) -> Option<(Ballot, Term)> {
        let watch = self.watched[voter].watch.as_ref()?;
        let observation = &watch.observation;
        let held = observation.standing == Standing::Member && !observation.seen.released;
        let holder = observation.seen.holder.filter(|_| held)?;
        (!watch.has_stood_still(now)).then_some((holder, observation.term))
    }
}
