//! Random bits of the operating system.

use crate::core::Randomness;

/// The operating system's, with a seed kept for the case that it refuses later.
pub(super) struct SystemRandomness {
    seed: u64,
    refused: u64,
}

impl SystemRandomness {
    /// # Errors
    ///
    /// The operating system gives none.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self { seed: getrandom::u64()?, refused: 0 })
    }
}

impl Randomness for SystemRandomness {
    fn bits(&mut self) -> u64 {
        getrandom::u64().unwrap_or_else(|_| {
            // SplitMix64: every value of the counter gives another one, and the seed is this process's alone.
            self.refused = self.refused.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.seed.wrapping_add(self.refused);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        })
    }
}
