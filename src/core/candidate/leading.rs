//! Rules 6, 8 and 9 and the trip-wires: renew, notice the loss, end on time.

mod healing;

use std::time::Duration;

use super::asking::{Asked, Pending};
use super::tripping::diverged;
use super::watched::Watched;
use super::{Candidate, Role, Wake};
use crate::core::event::{Action, EndReason, Settings, VoterIndex};
use crate::core::ledger::Ledger;
use crate::core::planted::{Bug, Planted};
use crate::core::record::{Answer, Ballot, Observation, Standing, Term};
use crate::core::time::{Moment, Now};
use crate::core::timing::Timing;

/// A joining voter that no fresh quorum of confirms allows to adopt is adopted with the outside floor after this
/// part of the ttl.
const FLOOR_ADOPTION_OF_TTL: u32 = 3;

/// What the latest answer of a voter said about this ballot, and when its question was sent.
#[derive(Clone, Copy, Debug)]
struct Verdict {
    lost: bool,
    sent: Moment,
}

/// A leadership from its election to its end.
#[derive(Debug)]
pub(super) struct Leadership {
    ballot: Ballot,
    term: Term,
    ledger: Ledger,
    /// Only ever moves later.
    until: Moment,
    /// Of voters that this ballot held at some time.
    verdicts: Vec<Option<Verdict>>,
    /// When the latest acknowledged confirm was sent, voter by voter; of voters struck since, too.
    pub(super) acknowledged: Vec<Option<Moment>>,
    next_renewal: Moment,
    last_renewal: Moment,
    /// Voters have been confirmed at once for the sake of one that waits to be adopted. One hurry is all there is, so
    /// that whoever writes to voters without end makes nobody confirm without end.
    has_hurried: bool,
    stopping: bool,
    /// Requests that wait, and since when.
    pub(super) verifications: Vec<(u64, Moment)>,
    /// The clocks at the last renewal.
    clocks: Option<Now>,
    planted: Planted,
}

impl Leadership {
    pub(super) fn new(ballot: Ballot, term: Term, settings: &Settings, quorum: usize, now: Moment) -> Self {
        Self {
            ballot,
            term,
            ledger: Ledger::new(settings.voters, quorum, settings.planted),
            until: Moment::default(),
            verdicts: vec![None; settings.voters],
            acknowledged: vec![None; settings.voters],
            next_renewal: now.plus(settings.timing.renew_interval),
            last_renewal: now,
            has_hurried: false,
            stopping: false,
            verifications: Vec::new(),
            clocks: None,
            planted: settings.planted,
        }
    }

    pub(super) fn ballot(&self) -> Ballot {
        self.ballot
    }

    pub(super) fn term(&self) -> Term {
        self.term
    }

    pub(super) fn until(&self) -> Moment {
        if self.planted.has(Bug::LeadershipIsAFlag) {
            Moment::from_nanos(u64::MAX, u64::MAX)
        } else {
            self.until
        }
    }

    pub(super) fn counts(&self, voter: VoterIndex) -> bool {
        self.ledger.holds(voter)
    }

    /// When the latest grant or confirm that a counting voter acknowledged was sent.
    pub(super) fn acknowledged_at(&self, voter: VoterIndex) -> Option<Moment> {
        self.ledger.entry(voter).map(|entry| entry.sent)
    }

    /// `true` the first time.
    pub(super) fn begin_stop(&mut self) -> bool {
        !std::mem::replace(&mut self.stopping, true)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// A voter of W: taken before the verifying confirm was sent, which it acknowledged.
    pub(super) fn verified(&mut self, voter: VoterIndex, sent: Moment) {
        self.ledger.taken(voter, sent, sent);
        self.acknowledged[voter] = Some(sent);
        self.judge(voter, sent, false);
    }

    /// A voter acknowledged a grant or an adopt.
    pub(super) fn taken(&mut self, voter: VoterIndex, sent: Moment, received: Moment) {
        self.ledger.taken(voter, sent, received);
        self.judge(voter, sent, false);
    }

    pub(super) fn begin_validity(&mut self, verified: Moment, validity: Duration) {
        self.until = verified.plus(validity);
    }

    fn confirmed(&mut self, voter: VoterIndex, sent: Moment, received: Moment) {
        self.ledger.confirmed(voter, sent, received);
        self.acknowledged[voter] = Some(self.acknowledged[voter].map_or(sent, |before| before.latest(sent)));
        self.judge(voter, sent, false);
    }

    fn lost(&mut self, voter: VoterIndex, sent: Moment) {
        self.ledger.strike(voter, sent);
        if self.verdicts[voter].is_some() {
            self.judge(voter, sent, true);
        }
    }

    fn judge(&mut self, voter: VoterIndex, sent: Moment, lost: bool) {
        let is_older = self.verdicts[voter].is_some_and(|verdict| sent.is_before(verdict.sent));
        if !is_older {
            self.verdicts[voter] = Some(Verdict { lost, sent });
        }
    }

    /// Rule 8: voters that this ballot held and whose latest answer denies it.
    fn losses(&self) -> usize {
        self.verdicts.iter().flatten().filter(|verdict| verdict.lost).count()
    }

    /// How many voters acknowledged a confirm that was sent after `instant`.
    fn confirmed_after(&self, instant: Moment) -> usize {
        self.acknowledged.iter().flatten().filter(|sent| instant.is_before(**sent)).count()
    }

    /// Moves the end of validity later if the ledger allows; `true` if it did.
    fn extend(&mut self, validity: Duration) -> bool {
        let Some(until) = self.ledger.renewed_at().map(|b| b.plus(validity)) else { return false };
        let later = self.until.is_before(until);
        if later {
            self.until = until;
        }
        later
    }

    pub(super) fn wakes(&self, watched: &[Watched], timing: Timing, wake: &mut Wake) {
        wake.at(self.until());
        wake.at(self.next_renewal);
        self.verifications.iter().for_each(|(_, asked)| wake.at(asked.plus(timing.voter_timeout)));
        let joining = watched.iter().filter_map(|watched| watched.watch.as_ref());
        joining
            .filter(|watch| watch.observation.standing == Standing::Joining)
            .for_each(|watch| wake.at(watch.since.plus(timing.ttl / FLOOR_ADOPTION_OF_TTL)));
    }
}

impl Candidate {
    /// Before anything else is looked at: a lapsed term is over, and a leader whose clocks came apart steps down.
    pub(super) fn end_if_over(&mut self, now: Now) {
        let Role::Leading(leadership) = &self.role else { return };
        if !now.at.is_before(leadership.until()) {
            self.end_leadership(EndReason::Lapsed);
        } else if leadership.clocks.is_some_and(|before| diverged(before, now)) {
            self.end_leadership(EndReason::ClockDiverged);
        }
    }

    /// From here on nothing of this ballot is renewed; it is released when the work has stopped.
    fn end_leadership(&mut self, reason: EndReason) {
        self.end_verifications();
        let Role::Leading(leadership) = &self.role else { return };
        self.actions.push_back(Action::Ended { term: leadership.term, reason });
        self.role = Role::Stopping(leadership.ballot);
    }

    pub(super) fn lead(&mut self, now: Now) {
        if self.voters_clocks_ran_ahead() {
            self.end_leadership(EndReason::ClockStood);
            return;
        }
        let Role::Leading(leadership) = &mut self.role else { return };
        leadership.clocks.get_or_insert(now);
        if leadership.losses() > self.settings.voters / 2 {
            self.end_leadership(EndReason::Lost);
            return;
        }
        self.answer_verifications(now.at);
        self.heal(now);
        self.renew_if_due(now.at);
    }

    /// Rule 6. The own voters every L/5; sooner, about every L/20, while one of them has not answered or another waits
    /// to be adopted, and once at once for the sake of such a one.
    fn renew_if_due(&mut self, now: Moment) {
        let Role::Leading(leadership) = &mut self.role else { return };
        if !leadership.next_renewal.is_at_or_before(now) {
            return;
        }
        leadership.last_renewal = now;
        leadership.next_renewal = now.plus(self.settings.timing.renew_interval);
        self.renew(now);
    }

    fn renew(&mut self, now: Moment) {
        for voter in 0..self.watched.len() {
            let Role::Leading(leadership) = &self.role else { return };
            let (ballot, term) = (leadership.ballot, leadership.term);
            let may_hold = leadership.counts(voter) || self.shows_holder(voter, ballot);
            if may_hold && !self.is_asking(voter, now, |asked| matches!(asked, Asked::Confirm(_))) {
                self.confirm(now, voter, ballot, term);
            }
        }
    }

    /// Brings the next renewal forward, but not below the interval of observations.
    fn renew_soon(&mut self, now: Moment) {
        let interval = self.settings.timing.observe_interval;
        let Role::Leading(leadership) = &mut self.role else { return };
        let soon = leadership.last_renewal.plus(interval).latest(now);
        leadership.next_renewal = leadership.next_renewal.earliest(soon);
    }

    fn shows_holder(&self, voter: VoterIndex, ballot: Ballot) -> bool {
        self.watched[voter].watch.as_ref().is_some_and(|watch| shows_holder(&watch.observation, ballot))
    }

    pub(super) fn on_confirm_answer(
        &mut self,
        now: Now,
        pending: &Pending,
        ballot: Ballot,
        received: Moment,
        answer: &Answer,
    ) {
        let Role::Leading(leadership) = &mut self.role else {
            if matches!(&self.role, Role::Electing(_)) {
                self.on_round_answer(now.at, pending, ballot, answer);
            }
            return;
        };
        if leadership.ballot != ballot && !self.settings.planted.has(Bug::StaleReplyAccepted) {
            return;
        }
        match answer {
            Answer::Confirmed { .. } => {
                let counted =
                    if self.settings.planted.has(Bug::ValidityFromReply) { received } else { pending.sent };
                leadership.confirmed(pending.voter, counted, received);
                self.extend(now);
            }
            Answer::Lost | Answer::Amnesia => {
                leadership.lost(pending.voter, pending.sent);
                self.poll(now.at, pending.voter);
            }
            _ => self.renew_soon(now.at),
        }
    }

    pub(super) fn on_adopt_answer(
        &mut self,
        now: Now,
        pending: &Pending,
        ballot: Ballot,
        received: Moment,
        answer: &Answer,
    ) {
        let Role::Leading(leadership) = &mut self.role else { return };
        if leadership.ballot != ballot {
            return;
        }
        if matches!(answer, Answer::Granted { .. }) {
            leadership.taken(pending.voter, pending.sent, received);
            self.extend(now);
        } else if *answer != Answer::Silent {
            self.poll(now.at, pending.voter);
        }
    }

    fn extend(&mut self, now: Now) {
        let validity = self.validity();
        let Role::Leading(leadership) = &mut self.role else { return };
        if leadership.extend(validity) {
            leadership.clocks = Some(now);
            let until = leadership.until();
            self.actions.push_back(Action::Extended { until });
        }
    }

    /// `false` if all it told is that the voter is still the leader's, and agrees on the time that has passed.
    pub(super) fn on_observed_while_leading(
        &mut self,
        now: Now,
        voter: VoterIndex,
        sent: Moment,
        observation: &Observation,
    ) -> bool {
        let Role::Leading(leadership) = &mut self.role else { return false };
        // An observation that was sent before the voter was taken neither strikes nor heals.
        if leadership.ledger.entry(voter).is_some_and(|entry| !entry.taken.is_at_or_before(sent)) {
            return true;
        }
        if shows_holder(observation, leadership.ballot) {
            if leadership.verdicts[voter].is_some() {
                leadership.judge(voter, sent, false);
            }
            if leadership.counts(voter) {
                return !self.watched[voter].agrees_on_time();
            }
            self.renew_soon(now.at);
        } else {
            leadership.lost(voter, sent);
        }
        true
    }

    /// The voter does not even know the election any more, or belongs to another.
    pub(super) fn on_forgotten_while_leading(&mut self, voter: VoterIndex, sent: Moment) {
        if let Role::Leading(leadership) = &mut self.role {
            leadership.lost(voter, sent);
        }
    }
}

fn shows_holder(observation: &Observation, ballot: Ballot) -> bool {
    let seen = &observation.seen;
    observation.standing == Standing::Member && seen.holder == Some(ballot) && !seen.released
}
