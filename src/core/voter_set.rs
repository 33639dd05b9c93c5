//! A set of voters, small enough to copy.

use super::event::VoterIndex;

/// The most voters an election may have.
pub const MOST_VOTERS: usize = 9;

/// Some of the voters of one election.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct VoterSet(u16);

impl VoterSet {
    pub(super) const EMPTY: Self = Self(0);

    pub(super) fn insert(&mut self, voter: VoterIndex) {
        self.0 |= Self::bit(voter);
    }

    pub(super) fn contains(self, voter: VoterIndex) -> bool {
        self.0 & Self::bit(voter) != 0
    }

    pub(super) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = VoterIndex> {
        (0..MOST_VOTERS).filter(move |&voter| self.contains(voter))
    }

    /// A voter beyond the most there can be is in no set.
    fn bit(voter: VoterIndex) -> u16 {
        if voter < MOST_VOTERS { 1 << voter } else { 0 }
    }
}

impl FromIterator<VoterIndex> for VoterSet {
    fn from_iter<I: IntoIterator<Item = VoterIndex>>(voters: I) -> Self {
        let mut set = Self::EMPTY;
        voters.into_iter().for_each(|voter| set.insert(voter));
        set
    }
}
