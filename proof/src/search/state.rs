//! A state of the search, what of it can still matter, and how that is kept in three words.

use super::rules::Term;
use super::voters::{VoterId, Voters};

/// How many voters there are; the search is about this many.
pub(super) const VOTERS: usize = 3;
/// How many attempts a state has room for.
pub(super) const MOST_ATTEMPTS: usize = 2;
/// How many amnesias a state has room for.
pub(super) const MOST_AMNESIAS: usize = 2;
/// A state as it is kept.
pub(super) type Packed = [u64; 3];

/// Some of the voters.
pub(super) type Bits = u8;

/// What an attempt to be elected has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Idle,
    Granting,
    Raising,
    Verifying,
    Leading,
    /// Failed, or no longer leading: everything is given back, sooner or later.
    Over,
}

/// A grant of an attempt to one voter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Grant {
    #[default]
    NotAsked,
    /// Under way, and nothing has changed at the voter since its version was seen.
    UnderWay,
    /// Refused, or sure to be.
    Refused,
    /// With the voter's term.
    Granted(Term),
}

/// An attempt to be elected, and the leadership that follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AttemptState {
    pub(super) phase: Phase,
    pub(super) hint: Term,
    pub(super) grants: [Grant; VOTERS],
    /// W.
    pub(super) electors: Bits,
    /// M; of a leadership that was complete it is kept.
    pub(super) term: Term,
    pub(super) was_complete: bool,
    /// Which of W have confirmed in the present round.
    pub(super) confirmed: Bits,
    /// Somebody has waited on a voter of this attempt: it may not believe any more.
    pub(super) expired: bool,
    pub(super) believes: bool,
    /// The voters that the belief counts on.
    pub(super) support: Bits,
    /// The ledger: voters known to be this ballot's.
    pub(super) ledger: Bits,
    /// Of the present renewal: the voters that were in the ledger when it was sent, and that have acknowledged.
    pub(super) renewal: (Bits, Bits),
    /// The voter that is to be adopted, plus 1, as long as it has not changed; and who has confirmed since it was seen.
    pub(super) target: u8,
    pub(super) fresh: Bits,
    /// Adopts under way, with their terms plus 1, to voters that have not changed.
    pub(super) adopts: [Term; VOTERS],
    /// Which attempts were complete when this began.
    pub(super) after: Bits,
}

/// Somebody is about to let a voter that forgot vote again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reseed {
    /// The voter, plus 1.
    pub(super) voter: u8,
    /// It has been seen joining.
    pub(super) seen: bool,
    /// Terms plus 1 that the others were read with.
    pub(super) reads: [Term; VOTERS],
    /// The join under way: its term plus 1.
    pub(super) join: Term,
}

/// Everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) voters: [VoterId; VOTERS],
    pub(super) attempts: [AttemptState; MOST_ATTEMPTS],
    pub(super) reseeds: [Reseed; MOST_AMNESIAS],
    pub(super) amnesias: u8,
}

impl Grant {
    fn packed(self) -> u8 {
        match self {
            Self::NotAsked => 0,
            Self::UnderWay => 1,
            Self::Refused => 2,
            Self::Granted(term) => 3 + term,
        }
    }
}

impl State {
    /// Three voters that have joined and are free.
    pub(super) fn initial(voters: &mut Voters) -> Self {
        Self {
            voters: [voters.joined(); VOTERS],
            attempts: [AttemptState::default(); MOST_ATTEMPTS],
            reseeds: [Reseed::default(); MOST_AMNESIAS],
            amnesias: 0,
        }
    }

    /// Whether a leadership can still be completed: that is where promises break.
    pub(super) fn may_complete(&self, attempts: usize) -> bool {
        let is_open = |attempt: &AttemptState| !matches!(attempt.phase, Phase::Leading | Phase::Over);
        self.attempts[..attempts].iter().any(is_open)
    }

    /// The one that stands for all states from which the same can follow: those that differ by the names of voters, by the
    /// order of two reseeds, or by what nothing depends on any more.
    pub(super) fn canonical(&self) -> Packed {
        let mut settled = *self;
        settled.attempts.iter_mut().for_each(AttemptState::settle);
        settled.reseeds.iter_mut().for_each(Reseed::settle);
        let is_unused = settled.reseeds.map(|reseed| reseed == Reseed::default());
        if is_unused == [true, false] {
            settled.reseeds.swap(0, 1);
        }
        let named = settled.with_ordered_voters().packed();
        if is_unused != [false, false] {
            return named;
        }
        settled.reseeds.swap(0, 1);
        named.min(settled.with_ordered_voters().packed())
    }

    /// Voters in the order of all that a state holds about each.
    fn with_ordered_voters(&self) -> Self {
        let about = [0, 1, 2].map(|voter| self.about(voter));
        let mut order = [0, 1, 2];
        order.sort_unstable_by_key(|&voter| about[voter]);
        if order == [0, 1, 2] { *self } else { self.renamed(order) }
    }

    /// All that it holds about one voter.
    fn about(&self, voter: usize) -> u128 {
        let mut all = u128::from(self.voters[voter]);
        let mut put = |value: u8, bits: u32| all = (all << bits) | u128::from(value);
        for now in &self.attempts {
            put(now.grants[voter].packed(), 4);
            put(now.adopts[voter], 4);
            for set in [
                now.electors,
                now.confirmed,
                now.support,
                now.ledger,
                now.renewal.0,
                now.renewal.1,
                now.fresh,
            ] {
                put((set >> voter) & 1, 1);
            }
            put(u8::from(now.target == name(voter)), 1);
        }
        for reseed in &self.reseeds {
            put(u8::from(reseed.voter == name(voter)), 1);
            put(reseed.reads[voter], 4);
        }
        all
    }

    /// The voter at each place is the one that `order` names.
    fn renamed(&self, order: [usize; VOTERS]) -> Self {
        let bits = |bits: Bits| (0..VOTERS).fold(0, |sum, place| sum | ((bits >> order[place]) & 1) << place);
        let name = |voter: u8| {
            let place = order.iter().position(|&old| old + 1 == usize::from(voter));
            place.map_or(0, |place| u8::try_from(place + 1).unwrap_or_default())
        };
        let mut renamed = *self;
        renamed.voters = order.map(|old| self.voters[old]);
        for (attempt, old) in renamed.attempts.iter_mut().zip(&self.attempts) {
            attempt.grants = order.map(|voter| old.grants[voter]);
            attempt.adopts = order.map(|voter| old.adopts[voter]);
            attempt.electors = bits(old.electors);
            attempt.confirmed = bits(old.confirmed);
            attempt.support = bits(old.support);
            attempt.ledger = bits(old.ledger);
            attempt.renewal = (bits(old.renewal.0), bits(old.renewal.1));
            attempt.fresh = bits(old.fresh);
            attempt.target = name(old.target);
        }
        for (reseed, old) in renamed.reseeds.iter_mut().zip(&self.reseeds) {
            reseed.voter = name(old.voter);
            reseed.reads = order.map(|voter| old.reads[voter]);
        }
        renamed
    }

    pub(super) fn packed(&self) -> Packed {
        let mut packer = Packer::default();
        self.voters.iter().for_each(|&voter| packer.put(voter.into(), 8));
        packer.put(self.amnesias.into(), 2);
        for reseed in &self.reseeds {
            packer.put(reseed.voter.into(), 2);
            packer.put(reseed.seen.into(), 1);
            reseed.reads.iter().for_each(|&read| packer.put(read.into(), 4));
            packer.put(reseed.join.into(), 4);
        }
        for attempt in &self.attempts {
            attempt.pack(&mut packer);
        }
        packer.words
    }

    pub(super) fn unpacked(packed: Packed) -> Self {
        let mut reader = Packer { words: packed, at: 0 };
        let voters = [(); VOTERS].map(|()| VoterId::try_from(reader.take(8)).unwrap_or_default());
        let amnesias = reader.small(2);
        let mut reseeds = [Reseed::default(); MOST_AMNESIAS];
        for reseed in &mut reseeds {
            reseed.voter = reader.small(2);
            reseed.seen = reader.flag();
            reseed.reads.iter_mut().for_each(|read| *read = reader.small(4));
            reseed.join = reader.small(4);
        }
        let attempts = [(); MOST_ATTEMPTS].map(|()| AttemptState::unpack(&mut reader));
        Self { voters, attempts, reseeds, amnesias }
    }
}

impl Reseed {
    /// Of the terms that were read only the largest matters, once it is known for which voter.
    fn settle(&mut self) {
        if !self.seen {
            return;
        }
        let largest = self.reads.iter().max().copied().unwrap_or_default();
        self.reads.iter_mut().filter(|read| **read > 0).for_each(|read| *read = largest);
    }
}

impl AttemptState {
    /// Forgets what no further step reads.
    fn settle(&mut self) {
        let is_under_way = self.grants.contains(&Grant::UnderWay);
        let may_ask = self.phase != Phase::Over && self.grants.contains(&Grant::NotAsked);
        if !is_under_way && !may_ask {
            self.hint = 0;
        }
        if matches!(self.phase, Phase::Raising | Phase::Verifying) {
            // M is settled.
            let granted = self.grants.iter_mut().filter(|grant| matches!(grant, Grant::Granted(_)));
            granted.for_each(|grant| *grant = Grant::Granted(0));
        }
        if self.was_complete {
            self.after = 0;
            self.expired = false;
        }
        if self.phase == Phase::Leading && !self.believes {
            (self.support, self.ledger, self.renewal) = (0, 0, (0, 0));
        }
    }

    fn pack(&self, packer: &mut Packer) {
        packer.put(self.phase as u64, 3);
        packer.put(self.hint.into(), 4);
        for grant in self.grants {
            packer.put(grant.packed().into(), 4);
        }
        self.adopts.iter().for_each(|&adopt| packer.put(adopt.into(), 4));
        packer.put(self.term.into(), 4);
        for bits in [
            self.electors,
            self.confirmed,
            self.support,
            self.ledger,
            self.renewal.0,
            self.renewal.1,
            self.fresh,
            self.after,
        ] {
            packer.put(bits.into(), 3);
        }
        packer.put(self.target.into(), 2);
        for flag in [self.was_complete, self.expired, self.believes] {
            packer.put(flag.into(), 1);
        }
    }

    fn unpack(packer: &mut Packer) -> Self {
        let phase = match packer.take(3) {
            1 => Phase::Granting,
            2 => Phase::Raising,
            3 => Phase::Verifying,
            4 => Phase::Leading,
            5 => Phase::Over,
            _ => Phase::Idle,
        };
        let hint = packer.small(4);
        let mut grants = [Grant::NotAsked; VOTERS];
        for grant in &mut grants {
            *grant = match packer.small(4) {
                0 => Grant::NotAsked,
                1 => Grant::UnderWay,
                2 => Grant::Refused,
                term => Grant::Granted(term - 3),
            };
        }
        let adopts = [(); VOTERS].map(|()| packer.small(4));
        let term = packer.small(4);
        let [electors, confirmed, support, ledger, taken, acknowledged, fresh, after] =
            [(); 8].map(|()| packer.small(3));
        let target = packer.small(2);
        let (was_complete, expired, believes) = (packer.flag(), packer.flag(), packer.flag());
        Self {
            phase,
            hint,
            grants,
            electors,
            term,
            was_complete,
            confirmed,
            expired,
            believes,
            support,
            ledger,
            renewal: (taken, acknowledged),
            target,
            fresh,
            adopts,
            after,
        }
    }
}

/// Writes and reads small numbers, one after the other.
#[derive(Default)]
struct Packer {
    words: Packed,
    at: usize,
}

impl Packer {
    fn put(&mut self, value: u64, bits: usize) {
        assert!(value < 1 << bits, "{value} does not fit into {bits} bits");
        let (word, shift) = self.place(bits);
        self.words[word] |= value << shift;
    }

    fn take(&mut self, bits: usize) -> u64 {
        let (word, shift) = self.place(bits);
        (self.words[word] >> shift) & ((1 << bits) - 1)
    }

    fn small(&mut self, bits: usize) -> u8 {
        u8::try_from(self.take(bits)).unwrap_or_default()
    }

    fn flag(&mut self) -> bool {
        self.take(1) == 1
    }

    /// No number lies across two words.
    fn place(&mut self, bits: usize) -> (usize, usize) {
        if self.at % 64 + bits > 64 {
            self.at += 64 - self.at % 64;
        }
        let place = (self.at / 64, self.at % 64);
        self.at += bits;
        place
    }
}

/// The voters of a set.
pub(super) fn members(bits: Bits) -> impl Iterator<Item = usize> {
    (0..VOTERS).filter(move |&voter| bits & (1 << voter) != 0)
}

/// The set of the voters of which it is true.
pub(super) fn set(is_in: impl Fn(usize) -> bool) -> Bits {
    (0..VOTERS).filter(|&voter| is_in(voter)).fold(0, |bits, voter| bits | 1 << voter)
}

/// How a state names a voter: 0 is none.
pub(super) fn name(voter: usize) -> u8 {
    u8::try_from(voter + 1).unwrap_or_default()
}
