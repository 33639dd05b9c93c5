//! The leader's ledger: from which instant on a quorum of voters is known to be its own (protocol.md §4, rule 6).
//!
//! Promise: [`Ledger::renewed_at`] answers an instant b such that q voters were taken before b and acknowledged
//! something sent at or after b. Whoever owns the ledger adds D. Striking an entry is always safe.

use super::event::VoterIndex;
use super::planted::{Bug, Planted};
use super::time::Moment;

/// What is known of one voter that acknowledged this ballot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// s: when the latest acknowledged grant or confirm was sent.
    pub(super) sent: Moment,
    /// a: when the voter was certainly taken: the receive time of the latest acknowledged grant, or of the confirm
    /// that brought a struck entry back.
    pub(super) taken: Moment,
}

/// One entry a voter.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    entries: Vec<Option<Entry>>,
    /// When the question was sent that struck the voter last: acknowledgements of older ones tell what was before.
    struck: Vec<Option<Moment>>,
    quorum: usize,
    planted: Planted,
}

impl Ledger {
    pub(super) fn new(voters: usize, quorum: usize, planted: Planted) -> Self {
        Self { entries: vec![None; voters], struck: vec![None; voters], quorum, planted }
    }

    pub(super) fn entry(&self, voter: VoterIndex) -> Option<Entry> {
        self.entries[voter]
    }

    pub(super) fn holds(&self, voter: VoterIndex) -> bool {
        self.entries[voter].is_some()
    }

    /// The voter said that it is not ours to a question sent then, or an adopt was sent to it then.
    pub(super) fn strike(&mut self, voter: VoterIndex, sent: Moment) {
        self.entries[voter] = None;
        self.struck[voter] = Some(self.struck[voter].map_or(sent, |before| before.latest(sent)));
    }

    fn is_outdated(&self, voter: VoterIndex, sent: Moment) -> bool {
        self.struck[voter].is_some_and(|struck| sent.is_before(struck))
    }

    /// The voter acknowledged a grant or an adopt, or was verified.
    pub(super) fn taken(&mut self, voter: VoterIndex, sent: Moment, taken: Moment) {
        if self.is_outdated(voter, sent) {
            return;
        }
        let sent = self.entries[voter].map_or(sent, |entry| entry.sent.latest(sent));
        self.entries[voter] = Some(Entry { sent, taken });
    }

    /// The voter acknowledged a confirm.
    pub(super) fn confirmed(&mut self, voter: VoterIndex, sent: Moment, received: Moment) {
        if self.is_outdated(voter, sent) {
            return;
        }
        let entry = self.entries[voter].get_or_insert(Entry { sent, taken: received });
        entry.sent = entry.sent.latest(sent);
    }

    /// The largest b among the sent times such that q voters have s ≥ b and a ≤ b.
    pub(super) fn renewed_at(&self) -> Option<Moment> {
        let counts = |b: Moment| {
            let counted = self.entries.iter().flatten().filter(|entry| {
                let taken_before =
                    entry.taken.is_at_or_before(b) || self.planted.has(Bug::LedgerWithoutTaken);
                b.is_at_or_before(entry.sent) && taken_before
            });
            counted.count() >= self.quorum
        };
        let candidates = self.entries.iter().flatten().map(|entry| entry.sent).filter(|&b| counts(b));
        candidates.reduce(|best, b| if best.is_at_or_before(b) { b } else { best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::from_nanos(ms * 1_000_000, ms * 1_000_000)
    }

    fn elected_at(ms: u64) -> Ledger {
        elected_without(ms, Planted::none())
    }

    fn elected_without(ms: u64, planted: Planted) -> Ledger {
        let planted = crate::core::tests::planted(planted);
        let mut ledger = Ledger::new(5, 3, planted);
        (0..3).for_each(|voter| ledger.taken(voter, at(ms), at(ms)));
        ledger
    }

    #[test]
    fn validity_counts_from_the_qth_latest_acknowledged_sending() {
        let mut ledger = elected_at(100);
        assert_eq!(ledger.renewed_at(), Some(at(100)));
        ledger.confirmed(0, at(200), at(201));
        ledger.confirmed(1, at(300), at(301));
        assert_eq!(ledger.renewed_at(), Some(at(100)), "two of five are no quorum");
        ledger.confirmed(2, at(250), at(251));
        assert_eq!(ledger.renewed_at(), Some(at(200)));
    }

    #[test]
    fn a_slow_voter_merely_does_not_move_it() {
        let mut ledger = elected_at(100);
        ledger.taken(3, at(90), at(101));
        for voter in [0, 1, 3] {
            ledger.confirmed(voter, at(200), at(205));
        }
        assert_eq!(ledger.renewed_at(), Some(at(200)));
    }

    #[test]
    fn a_voter_taken_later_does_not_count_for_what_came_before() {
        let adopted_late = |planted| {
            let mut ledger = elected_without(100, planted);
            ledger.strike(2, at(120));
            ledger.taken(3, at(150), at(180));
            ledger.confirmed(0, at(170), at(171));
            ledger.confirmed(1, at(170), at(171));
            ledger
        };
        let mut ledger = adopted_late(Planted::none());
        assert_eq!(ledger.renewed_at(), None, "voter 3 was not certainly ours at 150");
        assert_eq!(adopted_late(Planted::bug(Bug::LedgerWithoutTaken)).renewed_at(), Some(at(150)));
        for voter in [0, 1, 3] {
            ledger.confirmed(voter, at(200), at(201));
        }
        assert_eq!(ledger.renewed_at(), Some(at(200)));
    }

    #[test]
    fn a_struck_voter_comes_back_from_the_receipt_of_its_next_confirm() {
        let mut ledger = elected_at(100);
        ledger.strike(0, at(150));
        ledger.confirmed(0, at(200), at(210));
        assert_eq!(ledger.entry(0), Some(Entry { sent: at(200), taken: at(210) }));
    }

    #[test]
    fn what_was_sent_before_a_voter_was_struck_does_not_bring_it_back() {
        let mut ledger = elected_at(100);
        ledger.strike(0, at(150));
        ledger.confirmed(0, at(140), at(210));
        ledger.taken(0, at(130), at(211));
        assert_eq!(ledger.entry(0), None);
        ledger.taken(0, at(150), at(220));
        assert_eq!(
            ledger.entry(0),
            Some(Entry { sent: at(150), taken: at(220) }),
            "the adopt that struck it"
        );
    }
}
