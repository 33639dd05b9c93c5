//! Storms by the thousand: worlds of every size, everything within the protocol's limits going wrong.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::counted::{Counted, Reached};
use crate::oracles::{Broken, seconds};
use crate::runner::{Go, for_each_seed};
use crate::world::{Setting, World};

/// The sizes that are simulated.
pub const SIZES: [usize; 4] = [1, 3, 5, 7];

/// A world that broke a promise.
#[derive(Clone, Debug)]
pub struct Failure {
    /// N.
    pub voters: usize,
    /// Of the world.
    pub seed: u64,
    /// What broke first.
    pub broken: Broken,
}

/// What storms came to.
#[derive(Clone, Debug)]
pub struct Storms {
    /// What each size exercised.
    pub counted: [Counted; SIZES.len()],
    /// How many worlds there were.
    pub worlds: u64,
    /// Those that broke a promise.
    pub failures: Vec<Failure>,
    /// How long it took.
    pub took: Duration,
}

impl Storms {
    /// Lives through these seeds, of every size each, and at least the first `least` of them even where `limit` is
    /// over. `progress` hears of every world and says whether to go on.
    pub fn live_through(
        seeds: Range<u64>,
        least: u64,
        limit: Duration,
        mut progress: impl FnMut(&Self) -> Go,
    ) -> Self {
        let began = Instant::now();
        let sizes = SIZES.len() as u64;
        let mut storms =
            Self { counted: Default::default(), worlds: 0, failures: Vec::new(), took: Duration::ZERO };
        let numbers = seeds.start.saturating_mul(sizes)..seeds.end.saturating_mul(sizes);
        let place = |number: u64| usize::try_from(number % sizes).unwrap_or_default();
        for_each_seed(
            numbers,
            |number| World::new(Setting::storm(SIZES[place(number)], number / sizes)).run(),
            |number, outcome| {
                storms.worlds += 1;
                storms.took = began.elapsed();
                storms.counted[place(number)].add(&outcome.counted);
                let (voters, seed) = (SIZES[place(number)], number / sizes);
                let broken = outcome.broken.into_iter().next();
                storms.failures.extend(broken.map(|broken| Failure { voters, seed, broken }));
                let is_over = storms.took >= limit && storms.worlds >= least.saturating_mul(sizes);
                if is_over { Go::Stop } else { progress(&storms) }
            },
        );
        storms.failures.sort_by_key(|failure| (failure.seed, failure.voters));
        storms
    }

    /// Messages delivered, timers fired and faults struck.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.counted.iter().map(|counted| counted.events).sum()
    }

    /// Worlds, simulated years and events, for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let simulated: u64 = self.counted.iter().map(|counted| counted.simulated_ns / 1_000_000).sum();
        let years = seconds(simulated.saturating_mul(1_000_000)) / (365.25 * 86_400.0);
        let millions = thousands(self.events() / 1000) / 1000.0;
        let rate = millions / self.took.as_secs_f64().max(1e-9);
        format!(
            "{} worlds, {years:.3} simulated years, {millions:.1} million events in {:.1} s ({rate:.2} million a second)",
            self.worlds,
            self.took.as_secs_f64()
        )
    }

    /// What a size should have exercised, and never did.
    #[must_use]
    pub fn unreached(&self) -> Vec<(usize, Reached)> {
        let sizes = SIZES.iter().zip(&self.counted);
        let missing = sizes.flat_map(|(&voters, counted)| {
            let missing = move |&&what: &&Reached| counted.count(what) == 0 && is_expected(what, voters);
            Reached::ALL.iter().filter(missing).map(move |&what| (voters, what))
        });
        missing.collect()
    }
}

/// Whether storms must exercise it. An act of a deposed leader that the resource accepts is what must never be; a
/// single voter knows no others to differ from, to read, or to be adopted while they lead; and whoever released it has waited for its grant.
fn is_expected(what: Reached, voters: usize) -> bool {
    match what {
        Reached::LateActAccepted => false,
        Reached::Raise
        | Reached::Reseed
        | Reached::AdoptedMember
        | Reached::AdoptedJoining
        | Reached::ReleasedGrantRefused => voters > 1,
        _ => true,
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn thousands(count: u64) -> f64 {
    count as f64
}
