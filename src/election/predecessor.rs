//! Whom a new leader follows: how the leadership before ended, as far as this candidate saw it.
//!
//! For people and metrics; the core knows what matters by itself. A leadership was handed over where a quorum of
//! voters shows its release while it may still have been valid: what a leader that lapsed gives back afterwards, or to
//! fewer voters, hurried nobody.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::report::Succession;
use crate::core::{Ballot, Moment, Observation, VoterIndex};

/// How many of our own ballots are remembered: attempts pause longer and longer, so no more of them fit into the time
/// for which voters may show one as a live leader.
const OWN_KEPT: usize = 16;

/// The leader that this candidate saw last.
#[derive(Clone, Debug)]
struct Seen {
    ballot: Ballot,
    last_sign: Moment,
    end: End,
}

/// How far it has ended.
#[derive(Clone, Debug)]
enum End {
    /// These voters show its release, since then.
    Open { released: Option<Moment>, by: BTreeSet<VoterIndex> },
    /// It gave the lease back.
    Released(Moment),
    /// It did not, until its validity had ended.
    Lapsed,
}

impl End {
    fn open() -> Self {
        Self::Open { released: None, by: BTreeSet::new() }
    }
}

/// A voter's record, as an observation showed it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight<'a> {
    pub(super) voter: VoterIndex,
    pub(super) observation: &'a Observation,
    pub(super) received: Moment,
    /// Its holder acted since it was last seen there.
    pub(super) renewed: bool,
}

/// Watches the leader before.
#[derive(Debug)]
pub(super) struct Predecessor {
    quorum: usize,
    /// Of leaders whose records tell none.
    ttl: Duration,
    seen: Option<Seen>,
    /// Whose each voter was when it last showed its record.
    holders: BTreeMap<VoterIndex, Option<Ballot>>,
    hinted: Option<Moment>,
    /// The latest of our own.
    own: VecDeque<Ballot>,
}

impl Predecessor {
    pub(super) fn new(quorum: usize, ttl: Duration) -> Self {
        Self { quorum, ttl, seen: None, holders: BTreeMap::new(), hinted: None, own: VecDeque::new() }
    }

    /// A hint came: should it prove true, leadership was released then.
    pub(super) fn hinted(&mut self, now: Moment) {
        self.hinted.get_or_insert(now);
    }

    /// An attempt to be elected begins.
    pub(super) fn attempted(&mut self, own: Ballot) {
        if self.own.len() == OWN_KEPT {
            self.own.pop_front();
        }
        self.own.push_back(own);
    }

    /// That is one of ours, also if its leadership or attempt is over.
    pub(super) fn is_own(&self, ballot: Ballot) -> bool {
        self.own.contains(&ballot)
    }

    /// A voter granted what had been released by this holder, as was observed or hinted: now that is known.
    pub(super) fn taken_over(&mut self, holder: Ballot, voter: VoterIndex, received: Moment) {
        if self.seen.as_ref().is_some_and(|seen| seen.ballot == holder) {
            self.released(voter, received);
        }
    }

    /// The leader that was seen last has released a voter.
    fn released(&mut self, voter: VoterIndex, received: Moment) {
        let Some(Seen { end, .. }) = &mut self.seen else { return };
        let End::Open { released, by } = end else { return };
        let since = *released.get_or_insert(self.hinted.unwrap_or(received));
        by.insert(voter);
        if by.len() >= self.quorum {
            *end = End::Released(since);
        }
    }

    /// Our own leadership ended.
    pub(super) fn was_ourselves(&mut self, ballot: Ballot, now: Moment, is_released: bool) {
        let end = if is_released { End::Released(now) } else { End::Lapsed };
        self.seen = Some(Seen { ballot, last_sign: now, end });
        self.hinted = None;
    }

    /// A voter showed its record.
    pub(super) fn observed(&mut self, leader: Option<Ballot>, sight: Sight<'_>) {
        let Sight { voter, observation, received, renewed } = sight;
        self.holders.insert(voter, observation.seen.holder);
        if let Some(ballot) =
            leader.filter(|&ballot| self.seen.as_ref().is_none_or(|seen| seen.ballot != ballot))
        {
            self.seen = Some(Seen { ballot, last_sign: received, end: End::open() });
            self.hinted = None;
        }
        let Some(seen) = self.seen.as_mut().filter(|seen| observation.seen.holder == Some(seen.ballot))
        else {
            return;
        };
        if !matches!(seen.end, End::Open { .. }) {
            return;
        }
        if observation.seen.released {
            self.released(voter, received);
        } else if renewed {
            seen.last_sign = seen.last_sign.latest(received);
            // It lives: whatever was hinted was not its release.
            self.hinted = None;
        } else if received.leader_elapsed(seen.last_sign) >= observation.ttl.unwrap_or(self.ttl) {
            seen.end = End::Lapsed;
        }
    }

    /// When the leader with this ballot last showed that it lives.
    pub(super) fn last_sign(&self, ballot: Ballot) -> Option<Moment> {
        self.seen.as_ref().filter(|seen| seen.ballot == ballot).map(|seen| seen.last_sign)
    }

    /// This candidate was elected: how, and how long nobody had led. Forgets the leader before.
    pub(super) fn succeeded(&mut self, now: Moment) -> (Succession, Duration) {
        self.hinted = None;
        let Some(Seen { ballot, last_sign, end }) = self.seen.take() else {
            return (Succession::Vacant, Duration::ZERO);
        };
        // A leader need not have held every voter: it was not waited for where those that it released make a quorum
        // with those that it did not hold.
        let was_never_in_the_way = |by: &BTreeSet<VoterIndex>| {
            let others =
                self.holders.iter().filter(|(voter, holder)| **holder != Some(ballot) && !by.contains(voter));
            by.len() + others.count() >= self.quorum
        };
        match end {
            End::Released(at) => (Succession::Released, now.leader_elapsed(at)),
            End::Open { released: Some(at), by } if was_never_in_the_way(&by) => {
                (Succession::Released, now.leader_elapsed(at))
            }
            End::Open { .. } | End::Lapsed => (Succession::Expired, now.leader_elapsed(last_sign)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Instance, LeaseKey, Run, Seen as Compared, Standing};

    const TTL: Duration = Duration::from_secs(10);
    const OTHER: Ballot = Ballot(1);

    fn at(seconds: u64) -> Moment {
        Moment::default().plus(Duration::from_secs(seconds))
    }

    /// Of three voters.
    fn predecessor() -> Predecessor {
        Predecessor::new(2, TTL)
    }

    /// A voter shows the record of the other leader.
    fn show(predecessor: &mut Predecessor, voter: VoterIndex, second: u64, released: bool, renewed: bool) {
        show_of(predecessor, Some(OTHER), voter, second, released, renewed);
    }

    fn show_of(
        predecessor: &mut Predecessor,
        holder: Option<Ballot>,
        voter: VoterIndex,
        second: u64,
        released: bool,
        renewed: bool,
    ) {
        let run = Run { process: [0; 20], history: [0; 20] };
        let instance = Instance { proposal: 1, time_us: 0, run };
        let observation = Observation {
            standing: Standing::Member,
            seen: Compared { instance, version: second, holder, released },
            term: 1,
            ttl: Some(TTL),
            key: LeaseKey::Free,
            time_us: 0,
            run,
        };
        let leader = holder.filter(|_| !released);
        predecessor
            .observed(leader, Sight { voter, observation: &observation, received: at(second), renewed });
    }

    #[test]
    fn a_leader_that_lapsed_and_is_elected_again_follows_itself() {
        let mut predecessor = predecessor();
        predecessor.was_ourselves(Ballot(1), at(10), false);
        assert_eq!(predecessor.succeeded(at(13)), (Succession::Expired, Duration::from_secs(3)));
    }

    #[test]
    fn what_a_leader_gives_back_after_it_lapsed_is_no_hand_over() {
        let mut ourselves = predecessor();
        ourselves.was_ourselves(OTHER, at(10), false);
        let mut another = predecessor();
        show(&mut another, 0, 0, false, false);
        show(&mut another, 0, 10, false, false);
        for predecessor in [&mut ourselves, &mut another] {
            predecessor.attempted(Ballot(2));
            for voter in 0..3 {
                show(predecessor, voter, 11, true, false);
                predecessor.taken_over(OTHER, voter, at(11));
            }
        }
        assert_eq!(ourselves.succeeded(at(12)), (Succession::Expired, Duration::from_secs(2)));
        assert_eq!(another.succeeded(at(12)), (Succession::Expired, Duration::from_secs(12)));
    }

    #[test]
    fn a_release_counts_with_voters_that_the_leader_did_not_hold() {
        let mut predecessor = predecessor();
        show_of(&mut predecessor, None, 2, 1, true, false);
        show(&mut predecessor, 0, 1, false, false);
        show(&mut predecessor, 0, 2, true, false);
        assert_eq!(predecessor.succeeded(at(3)), (Succession::Released, Duration::from_secs(1)));
    }

    #[test]
    fn a_release_that_reached_fewer_than_a_quorum_is_no_hand_over() {
        for (voters, why) in [(0..1, Succession::Expired), (0..2, Succession::Released)] {
            let mut observed = predecessor();
            show(&mut observed, 2, 1, false, false);
            voters.clone().for_each(|voter| show(&mut observed, voter, 2, true, false));
            let mut asked = predecessor();
            show(&mut asked, 2, 1, false, false);
            asked.attempted(Ballot(2));
            voters.for_each(|voter| asked.taken_over(OTHER, voter, at(2)));
            assert_eq!((observed.succeeded(at(3)).0, asked.succeeded(at(3)).0), (why, why));
        }
    }

    #[test]
    fn a_hint_alone_is_no_release_but_an_attempt_that_was_won_on_it_is() {
        let mut predecessor = predecessor();
        show(&mut predecessor, 0, 10, false, false);
        // That attempt failed: the hint was false. The next one waited.
        predecessor.hinted(at(11));
        predecessor.attempted(Ballot(2));
        predecessor.attempted(Ballot(3));
        assert_eq!(predecessor.succeeded(at(21)), (Succession::Expired, Duration::from_secs(11)));

        show(&mut predecessor, 0, 30, false, false);
        predecessor.hinted(at(31));
        // Granted by one voter to an attempt that failed, by another to the one that was won.
        predecessor.attempted(Ballot(4));
        predecessor.taken_over(OTHER, 0, at(31));
        predecessor.attempted(Ballot(5));
        predecessor.taken_over(Ballot(4), 0, at(32));
        predecessor.taken_over(OTHER, 1, at(32));
        assert_eq!(predecessor.succeeded(at(32)), (Succession::Released, Duration::from_secs(1)));
        assert!(predecessor.is_own(Ballot(2)) && !predecessor.is_own(OTHER));
    }
}
