//! Rule 11: how a voter that forgot may vote again.

use std::time::Duration;

use super::asking::Asked;
use super::watched::{Watch, Watched};
use super::{Candidate, Wake};
use crate::core::event::{Action, ResetKind, ResetPolicy, VoterIndex};
use crate::core::planted::Bug;
use crate::core::record::{Standing, TERM_LIMIT, Term};
use crate::core::time::{Moment, Now};
use crate::core::voter_set::VoterSet;

impl Candidate {
    /// Lets voters that forgot vote again, where that is known to be safe.
    pub(super) fn rejoin(&mut self, now: Now) {
        if self.inertia.is_some() || self.withdrawn {
            return;
        }
        let joining: VoterSet = (0..self.watched.len()).filter(|&v| self.seen_joining(v).is_some()).collect();
        if joining == VoterSet::EMPTY {
            self.halt_told = false;
            return;
        }
        for voter in joining.iter() {
            self.reseed(now.at, voter);
        }
        if let Some(forgotten) = self.double_collect(now.at, joining) {
            let kind = if self.knows_a_term() { ResetKind::Forgotten } else { ResetKind::First };
            self.reset(now, forgotten, kind);
            return;
        }
        let unreadable: VoterSet =
            joining.iter().filter(|&voter| self.is_unreadable(now.at, voter)).collect();
        if unreadable != VoterSet::EMPTY {
            self.reset(now, unreadable, ResetKind::Unreadable);
        }
    }

    /// Whether any voter has been seen joining for so long that what other voters say may let it join.
    pub(super) fn may_rejoin(&self, now: Moment) -> bool {
        let joining = self.watched.iter().filter(|watched| watched.is_joining());
        joining.filter_map(|watched| watched.watch.as_ref()).any(|watch| self.has_waited(now, watch.since, 1))
    }

    pub(super) fn rejoin_wakes(&self, wake: &mut Wake) {
        if !self.watched.iter().any(Watched::is_joining) {
            return;
        }
        let wait = self.quarantine();
        for watch in (0..self.watched.len()).filter_map(|voter| self.seen_joining(voter)) {
            wake.at(watch.since.plus(wait));
            wake.at(watch.since.plus(2 * wait));
        }
    }

    /// A voter that answers, forgot as far as is known since the last join, and is the only one with its process.
    fn seen_joining(&self, voter: VoterIndex) -> Option<&Watch> {
        let watched = &self.watched[voter];
        let watch = watched.watch.as_ref().filter(|watch| watch.observation.standing == Standing::Joining)?;
        let is_news = watched
            .join_answered
            .is_none_or(|join| watched.answered.is_some_and(|sent| join.is_before(sent)));
        let answers = watched.reachable || self.settings.planted.has(Bug::UnansweredPollCollected);
        (answers && is_news && watched.twin.is_none()).then_some(watch)
    }

    /// O(T): for as long may a leader that this voter has forgotten still believe.
    fn quarantine(&self) -> Duration {
        self.wait_for(self.longest_ttl_known())
    }

    /// T: the largest ttl among the own, every record and hint read, and every one seen since this process started.
    fn longest_ttl_known(&self) -> Duration {
        if !self.settings.planted.has(Bug::LongestTtlWithoutMemory) {
            return self.longest_ttl;
        }
        let present = self.watched.iter().filter_map(|watched| watched.watch.as_ref()?.observation.ttl);
        present.fold(self.settings.timing.ttl, Duration::max)
    }

    fn has_waited(&self, now: Moment, since: Moment, times: u32) -> bool {
        now.observer_elapsed(since) >= times * self.quarantine()
            || self.settings.planted.has(Bug::NoQuarantine)
    }

    /// *Reseed*: q other members tell a term that is large enough.
    fn reseed(&mut self, now: Moment, voter: VoterIndex) {
        let Some(watch) = self.seen_joining(voter).filter(|watch| self.has_waited(now, watch.since, 1))
        else {
            return;
        };
        let early_reads = self.settings.planted.has(Bug::EarlyReseedReads);
        let terms = (0..self.watched.len()).filter(|&other| other != voter).filter_map(|other| {
            let member = &self.watched[other];
            let observation = &member.watch.as_ref()?.observation;
            let read_after = member.answered.is_some_and(|sent| watch.since.is_before(sent)) || early_reads;
            let counts = observation.standing == Standing::Member && member.twin.is_none();
            (read_after && counts).then_some(observation.term)
        });
        let (count, largest) = terms.fold((0, 0), |(count, largest), term| (count + 1, term.max(largest)));
        if count >= self.quorum() {
            self.join_once(now, voter, largest);
        }
    }

    /// The double collect: voters that had certainly all forgotten at one instant, at least q, O(T) ago.
    ///
    /// Each was first seen joining before any of them was last seen so, with the same instance all the time.
    fn double_collect(&self, now: Moment, joining: VoterSet) -> Option<VoterSet> {
        let last_seen = |voter: VoterIndex| {
            let watched = &self.watched[voter];
            if self.settings.planted.has(Bug::UnansweredPollCollected) {
                watched.polled
            } else {
                watched.answered
            }
        };
        joining.iter().filter_map(|latest| self.seen_joining(latest)).find_map(|latest| {
            let at_once: VoterSet = joining
                .iter()
                .filter(|&voter| {
                    let first =
                        self.seen_joining(voter).is_some_and(|w| w.since.is_at_or_before(latest.since));
                    first && last_seen(voter).is_some_and(|sent| latest.since.is_before(sent))
                })
                .collect();
            (at_once.len() >= self.quorum() && self.has_waited(now, latest.since, 1)).then_some(at_once)
        })
    }

    /// Whether members have been unreadable for so long that waiting for them is no use: q voters answer, but for
    /// O(T) fewer than q others ever answered as members.
    fn is_unreadable(&self, now: Moment, voter: VoterIndex) -> bool {
        let planted = self.settings.planted;
        if planted.has(Bug::NoUnreadableReset) {
            return false;
        }
        let Some(watch) = self.seen_joining(voter) else { return false };
        if !self.has_waited(now, watch.since, 2) && !planted.has(Bug::UnreadableResetAtOnce) {
            return false;
        }
        let answers = |voter: VoterIndex| self.watched[voter].reachable && self.watched[voter].twin.is_none();
        let answering = (0..self.watched.len()).filter(|&voter| answers(voter)).count();
        // A voter counts as one that may answer as a member until polls that span O(T) have shown otherwise.
        let readable = (0..self.watched.len()).filter(|&other| other != voter).filter(|&other| {
            let silence = self.watched[other].member_silence;
            let long_silent = silence.is_some_and(|silence| {
                silence.last.observer_elapsed(silence.first) >= self.quarantine()
                    || planted.has(Bug::UnreadableResetAtOnce)
            });
            !long_silent
        });
        answering >= self.quorum() && readable.count() < self.quorum()
    }

    fn reset(&mut self, now: Now, voters: VoterSet, kind: ResetKind) {
        // A straggler, or a join asked again, belongs to the reset that has begun.
        let has_begun = self.reset_told.is_some_and(|told| now.at.observer_elapsed(told) < self.quarantine());
        if kind != ResetKind::First && self.settings.on_epoch_reset == ResetPolicy::Halt {
            // Where two start for the first time at once, the other's term is no sign that anybody forgot.
            if !has_begun && !std::mem::replace(&mut self.halt_told, true) {
                self.actions.push_back(Action::Halted { kind });
            }
            return;
        }
        let floor = self.outside_floor(now);
        if kind == ResetKind::First {
            self.first_floor = floor;
        }
        let joined: Vec<_> = voters.iter().filter(|&voter| self.join_once(now.at, voter, floor)).collect();
        if !joined.is_empty() && !has_begun {
            self.reset_told = Some(now.at);
            self.actions.push_back(Action::EpochReset { kind, floor });
        }
    }

    /// Asks a joining voter to vote again, unless it is being asked; `true` if it was asked now.
    fn join_once(&mut self, now: Moment, voter: VoterIndex, term: Term) -> bool {
        let Some(watch) = self.seen_joining(voter) else { return false };
        let instance = watch.observation.seen.instance;
        if self.has_just_proposed(voter, now) || self.is_asking(voter, now, |asked| asked == Asked::Join) {
            return false;
        }
        self.watched[voter].proposed = Some(now);
        self.join(now, voter, instance, term, self.longest_ttl_known());
        true
    }

    fn knows_a_term(&self) -> bool {
        self.largest_term > self.first_floor
    }

    /// The outside floor: the largest of every term and hint read anywhere, the own Unix milliseconds, and the
    /// median of the voters' in milliseconds. Terms of a new epoch are larger unless clocks lie.
    pub(super) fn outside_floor(&self, now: Now) -> Term {
        let mut times: Vec<_> = self
            .watched
            .iter()
            .filter_map(|watched| Some(watched.watch.as_ref()?.observation.time_us / 1000))
            .collect();
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        self.largest_term.max(now.wall_us / 1000).max(median).min(TERM_LIMIT - 2)
    }
}
