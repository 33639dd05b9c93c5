//! The two kinds of machine in a simulated world: candidates' hosts and voters' servers, each with clocks of its own.

use quorate::core::{Ballot, Candidate, Moment, Now, Run, Server, Term, VoterModel};

use crate::chance::Chance;
use quorate::core::Randomness;

/// Unix time when a world begins, in microseconds.
const UNIX_US: u64 = 1_700_000_000_000_000;

/// A clock whose rate is off by a constant.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    offset_ns: u64,
    rate_ppm: i64,
}

impl Clock {
    /// Off by at most `bound_ppm` either way.
    pub fn drawn(chance: &mut Chance, bound_ppm: u64) -> Self {
        let rate =
            i64::try_from(chance.below(2 * bound_ppm + 1)).unwrap() - i64::try_from(bound_ppm).unwrap();
        Self { offset_ns: chance.between(1_000_000_000, 1_000_000_000_000_000), rate_ppm: rate }
    }

    pub fn read(self, true_ns: u64) -> u64 {
        let drift = i128::from(true_ns) * i128::from(self.rate_ppm) / 1_000_000;
        u64::try_from(i128::from(self.offset_ns) + i128::from(true_ns) + drift).unwrap()
    }

    /// What it counted since the world began.
    pub fn elapsed(self, true_ns: u64) -> u64 {
        self.read(true_ns) - self.offset_ns
    }

    /// The first true time at which it shows at least this; the end of time if never.
    pub fn when(self, shown_ns: u64) -> u64 {
        if shown_ns == u64::MAX {
            return u64::MAX;
        }
        let since = i128::from(shown_ns) - i128::from(self.offset_ns);
        let estimate = since * 1_000_000 / (1_000_000 + i128::from(self.rate_ppm));
        let mut true_ns = u64::try_from(estimate.max(2) - 2).unwrap();
        while self.read(true_ns) < shown_ns {
            true_ns += 1;
        }
        true_ns
    }
}

/// What the world sees of a leadership.
#[derive(Clone, Copy, Debug)]
pub struct Belief {
    pub term: Term,
    pub ballot: Option<Ballot>,
    /// In true time.
    pub until_ns: u64,
}

/// A candidate's host.
pub struct Host {
    pub candidate: Option<Candidate>,
    /// Grows with each restart, so that nothing reaches the next process that was meant for the last one.
    pub life: u32,
    pub boot: Clock,
    pub raw: Clock,
    pub ttl_ms: u64,
    pub paused_until_ns: u64,
    pub belief: Option<Belief>,
    pub work_running: bool,
    pub last_confirmed: Option<Ballot>,
    pub wake_ns: u64,
}

impl Host {
    pub fn moment(&self, true_ns: u64) -> Moment {
        Moment::from_nanos(self.boot.read(true_ns), self.raw.read(true_ns))
    }

    pub fn now(&self, true_ns: u64) -> Now {
        Now { at: self.moment(true_ns), wall_us: UNIX_US + self.boot.elapsed(true_ns) / 1000 }
    }

    /// When both clocks have reached it: what to wake up for.
    pub fn when_reached(&self, moment: Moment) -> u64 {
        self.boot.when(moment.boot_ns()).max(self.raw.when(moment.raw_ns()))
    }

    /// When either clock has reached it: when a validity ends.
    pub fn when_over(&self, until: Moment) -> u64 {
        self.boot.when(until.boot_ns()).min(self.raw.when(until.raw_ns()))
    }

    pub fn believes(&self, true_ns: u64) -> Option<Belief> {
        self.belief.filter(|belief| self.candidate.is_some() && true_ns < belief.until_ns)
    }
}

/// A voter's server.
pub struct Voter {
    pub memory: VoterModel,
    /// What a replica that lags behind would serve.
    pub stale: VoterModel,
    pub run: Run,
    pub clock: Clock,
    pub wall_step_us: i64,
    pub down_until_ns: u64,
    pub name: String,
}

impl Voter {
    pub fn server(&self, true_ns: u64) -> Server {
        let unstepped = i64::try_from(UNIX_US + self.clock.elapsed(true_ns) / 1000).unwrap();
        let time_us = u64::try_from(unstepped + self.wall_step_us).unwrap();
        Server { run: self.run, primary: true, time_us }
    }

    /// Another process on the same data.
    pub fn restart(&mut self, chance: &mut Chance) {
        self.run = drawn_run(chance);
    }

    /// Another primary: the process may be the same, the history is not.
    pub fn fail_over(&mut self, chance: &mut Chance) {
        self.run.history = drawn_run(chance).history;
    }
}

pub fn drawn_run(chance: &mut Chance) -> Run {
    let mut run = Run { process: [0; 20], history: [0; 20] };
    run.process[..8].copy_from_slice(&chance.bits().to_le_bytes());
    run.history[..8].copy_from_slice(&chance.bits().to_le_bytes());
    run
}
