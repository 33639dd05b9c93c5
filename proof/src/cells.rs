//! Many worlds of one kind, and how many of them broke which promise.

use crate::counted::Counted;
use crate::oracles::Promise;
use crate::runner::{Go, for_each_seed};
use crate::world::{Setting, World};

/// What became of the worlds of one kind.
#[derive(Clone, Debug)]
pub struct Cell {
    /// How many there were.
    pub worlds: u64,
    /// What they exercised.
    pub counted: Counted,
    broken: [u64; Promise::ALL.len()],
}

impl Cell {
    /// Lives through these worlds, which go on when a promise breaks.
    #[must_use]
    pub fn of(setting: Setting, worlds: u64) -> Self {
        let mut cell = Self { worlds, counted: Counted::new(), broken: [0; Promise::ALL.len()] };
        for_each_seed(
            0..worlds,
            |seed| World::new(Setting { seed, ends_when_broken: false, ..setting }).run(),
            |_, outcome| {
                cell.counted.add(&outcome.counted);
                outcome.broken.iter().for_each(|broken| cell.broken[broken.promise as usize] += 1);
                Go::On
            },
        );
        cell
    }

    /// In how many worlds this promise broke.
    #[must_use]
    pub fn broken(&self, promise: Promise) -> u64 {
        self.broken[promise as usize]
    }

    /// The promises that broke anywhere, with how many worlds.
    pub fn all_broken(&self) -> impl Iterator<Item = (Promise, u64)> {
        let broken = Promise::ALL.into_iter().map(|promise| (promise, self.broken(promise)));
        broken.filter(|(_, worlds)| *worlds > 0)
    }
}
