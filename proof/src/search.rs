//! Exhaustive search: every order in which messages, amnesias and decisions can follow each other, on three voters.
//!
//! A voter's steps are the product's: [`VoterModel`](crate::core::VoterModel) answers, and its memory is part of the
//! state. A candidate's rules (protocol.md §4) are told again in `rules.rs` and `effects.rs`, because the core's own machine carries
//! times and histories that no search could exhaust. Messages may be late without limit, lost and out of order.
//!
//! Time is left out but for one thing, the waiting: whoever takes a voter that another one holds, or joins one that
//! forgot, has waited until every belief that counts on that voter's earlier word is over. What the search shows is
//! that this is enough for *exclusion*, and that *terms* need no time at all: a leader whose belief is over may go on
//! to act here, as one would whose clock has stopped.
//!
//! Left out: resets (they rest on clocks and on the double collect), rolled back memories, replicas, foreign keys,
//! candidates that differ in ttl. The simulation has those.

mod effects;
mod explain;
mod rules;
mod state;
#[cfg(test)]
mod tests;
mod variant;
mod voters;

use std::fmt;
use std::time::Instant;

use self::rules::Rules;
use self::state::{Packed, State};
pub use self::variant::Variant;

/// How large a world is searched.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Attempts to be elected, 2 at the most.
    pub attempts: usize,
    /// Amnesias, 2 at the most.
    pub amnesias: u8,
    /// Whether leaders ask for, and adopt, more voters than elected them.
    pub heals: bool,
    /// Where to give up.
    pub most_states: usize,
}

impl Bounds {
    /// With all rules, to the end; the last one, which contains the others, takes minutes.
    pub const WHOLE: [Self; 3] = [
        Self { attempts: 2, amnesias: 1, heals: true, most_states: usize::MAX },
        Self { attempts: 2, amnesias: 2, heals: false, most_states: usize::MAX },
        Self { attempts: 2, amnesias: 2, heals: true, most_states: usize::MAX },
    ];
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// Different states met; those from which the same can follow are counted once.
    pub states: usize,
    /// How many steps lead to the furthest of them.
    pub depth: usize,
    /// Whether there are no others.
    pub is_complete: bool,
    /// How long it took.
    pub took: std::time::Duration,
    /// Bytes that the states took.
    pub bytes: usize,
    /// The shortest way to a broken promise, step by step.
    pub counterexample: Option<Vec<String>>,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (states, seconds, megabytes) = (self.states, self.took.as_secs_f64(), self.bytes >> 20);
        write!(
            f,
            "{states} states in {seconds:.1} s and {megabytes} MB, to a depth of {} steps: ",
            self.depth
        )?;
        match &self.counterexample {
            None if self.is_complete => writeln!(f, "no promise can be broken"),
            None => writeln!(f, "no promise broken as far as it went"),
            Some(steps) => {
                writeln!(f, "broken after {} steps", steps.len() - 1)?;
                steps.iter().try_for_each(|step| writeln!(f, "    {step}"))
            }
        }
    }
}

/// Searches breadth first, so that what it finds is shortest. `progress` hears of every layer: its depth, the states so
/// far, and how many are new.
pub fn search(variant: Variant, bounds: Bounds, mut progress: impl FnMut(usize, usize, usize)) -> Found {
    let began = Instant::now();
    let mut rules = Rules::new(variant, bounds);
    let mut known = Known::new(State::initial(&mut rules.voters));
    let mut layer = 0..1;
    let mut depth = 0;
    let mut broken = None;
    while !layer.is_empty() && broken.is_none() && known.len() < bounds.most_states {
        progress(depth, known.len(), layer.len());
        for index in layer.clone() {
            let state = known.state(index);
            if !state.may_complete(bounds.attempts) {
                continue;
            }
            rules.for_each_step(&state, |_, next, breaks| {
                let is_new = known.add(next, index);
                if broken.is_none()
                    && let Some(promise) = breaks
                {
                    broken = Some((is_new.unwrap_or(index), index, promise));
                }
            });
            if broken.is_some() {
                break;
            }
        }
        layer = layer.end..known.len();
        depth += 1;
    }
    let counterexample = broken.map(|(_, last, promise)| explain::path(&mut rules, &known, last, promise));
    Found {
        states: known.len(),
        depth,
        is_complete: layer.is_empty() && counterexample.is_none(),
        took: began.elapsed(),
        bytes: known.bytes(),
        counterexample,
    }
}

/// All states met, each with the one that it was first reached from.
struct Known {
    states: Vec<Packed>,
    parents: Vec<u32>,
    /// Open addressing; an index plus 1, or 0.
    places: Vec<u32>,
}

impl Known {
    fn new(initial: State) -> Self {
        let mut known = Self { states: Vec::new(), parents: Vec::new(), places: vec![0; 1 << 16] };
        let _first = known.add(initial, 0);
        known
    }

    fn len(&self) -> usize {
        self.states.len()
    }

    fn state(&self, index: usize) -> State {
        State::unpacked(self.states[index])
    }

    fn bytes(&self) -> usize {
        size_of::<Packed>() * self.states.capacity() + 4 * (self.parents.capacity() + self.places.capacity())
    }

    /// The index of a state that was not known.
    fn add(&mut self, state: State, parent: usize) -> Option<usize> {
        if 3 * self.states.len() > 2 * self.places.len() {
            self.grow();
        }
        let packed = state.canonical();
        let mut place = self.first_place(packed);
        while self.places[place] != 0 {
            if self.states[self.places[place] as usize - 1] == packed {
                return None;
            }
            place = (place + 1) & (self.places.len() - 1);
        }
        self.states.push(packed);
        self.parents.push(u32::try_from(parent).unwrap_or(u32::MAX));
        self.places[place] = u32::try_from(self.states.len()).unwrap_or(u32::MAX);
        Some(self.states.len() - 1)
    }

    fn first_place(&self, packed: Packed) -> usize {
        let mixed = packed
            .iter()
            .fold(0_u64, |mixed, &word| (mixed ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(27));
        usize::try_from(mixed >> 8).unwrap_or_default() & (self.places.len() - 1)
    }

    fn grow(&mut self) {
        self.places = vec![0; 2 * self.places.len()];
        for index in 0..self.states.len() {
            let mut place = self.first_place(self.states[index]);
            while self.places[place] != 0 {
                place = (place + 1) & (self.places.len() - 1);
            }
            self.places[place] = u32::try_from(index + 1).unwrap_or(u32::MAX);
        }
    }

    /// From the beginning to this state.
    fn ancestry(&self, index: usize) -> Vec<Packed> {
        let mut path = vec![self.states[index]];
        let mut at = index;
        while at != 0 {
            at = self.parents[at] as usize;
            path.push(self.states[at]);
        }
        path.reverse();
        path
    }
}
