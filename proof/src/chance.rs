//! Seeded randomness: the same seed, the same world.

use crate::core::Randomness;

/// `SplitMix64`.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Worlds of neighbouring seeds have nothing in common.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or_default()
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// From `low` to `high`, each order of magnitude as likely as the next; for what may be tiny or huge.
    pub fn magnitude(&mut self, low: u64, high: u64) -> u64 {
        let doublings = (high / low.max(1)).max(1).ilog2();
        let scale = low << self.below(u64::from(doublings) + 1);
        self.between(scale, (2 * scale).min(high.max(scale)))
    }

    /// An index below `len`.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or_default()
    }

    /// Whether something happens that happens `per_mille` times in 1000.
    pub fn happens(&mut self, per_mille: u64) -> bool {
        per_mille > 0 && self.below(1000) < per_mille
    }

    /// Between −`most` and `most`.
    pub fn either_way(&mut self, most: i64) -> i64 {
        let span = 2 * most.unsigned_abs() + 1;
        i64::try_from(self.below(span)).unwrap_or_default() - most
    }

    /// A stream of its own for somebody else.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.bits())
    }
}

impl Randomness for Chance {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
