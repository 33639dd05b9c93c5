//! A candidate's host: a process that may stand still, and clocks of its own.

use std::time::Duration;

use crate::chance::Chance;
use crate::clock::{Clock, STOPPED_PPM};
use crate::contender::Contender;
use crate::core::{Ballot, Moment, Now, Term, Timing};

/// Unix time when a world begins, in microseconds.
pub const UNIX_US: u64 = 1_700_000_000_000_000;

/// What the world sees of a leadership.
#[derive(Clone, Copy, Debug)]
pub struct Belief {
    /// How many leaderships there had been when it began, this one included.
    pub leadership: u64,
    /// Its number.
    pub term: Term,
    /// Its random value.
    pub ballot: Option<Ballot>,
    /// When it ends, on the host's clocks.
    pub until: Moment,
    /// When it ends in true time, as the clocks run now.
    pub until_ns: u64,
}

/// What the world sees of an attempt to be elected.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempt {
    /// When its first grant was sent.
    pub begun_ns: u64,
    /// How many rounds of confirms there were, and when the last one was sent.
    pub rounds: u32,
    /// When the last of them was sent.
    pub round_ns: u64,
    /// The smallest and the largest term that were granted.
    pub granted: Option<(Term, Term)>,
}

/// A candidate's host.
pub struct Host {
    /// The process; none while it is down.
    pub contender: Option<Contender>,
    /// Grows with each restart, so that nothing reaches the next process that was meant for the last one.
    pub life: u32,
    /// Goes on in suspend.
    pub boot: Clock,
    /// Does not.
    pub raw: Clock,
    /// The rates at which the two run when nothing is wrong.
    pub usual_ppm: (i64, i64),
    /// By how much the wall clock differs from true time.
    pub wall_off_us: i64,
    /// Its wall clock has stood still, with the others, since.
    pub frozen_since_ns: Option<u64>,
    /// Of the candidate that runs here.
    pub ttl: Duration,
    /// How long its driver waits for an answer.
    pub patience_ns: u64,
    /// Which set of voters it is configured with; 0 is the right one.
    pub electorate: usize,
    /// The process does nothing before this.
    pub paused_until_ns: u64,
    /// Whether an answer that arrives in a pause has been read from the clock, but not from the socket.
    pub reads_while_paused: bool,
    /// When the process wants to be woken, on its clocks, and in true time.
    pub wake: Option<Moment>,
    /// In true time, pauses considered.
    pub wake_ns: u64,
    /// What it believes.
    pub belief: Option<Belief>,
    /// Whether the work has been begun and not been stopped.
    pub work_running: bool,
    /// The ballot of the attempt or leadership that goes on.
    pub ballot: Option<Ballot>,
    /// The attempt that goes on.
    pub attempt: Attempt,
    /// Since when the resource has refused this leadership's term.
    pub refused_since_ns: Option<u64>,
    /// Told to be without a configuration that fits.
    pub is_inert: bool,
}

impl Host {
    /// A host whose clocks are off by at most `bound_ppm` and whose candidate does not run yet.
    pub fn drawn(chance: &mut Chance, ttl: Duration, bound_ppm: i64) -> Self {
        let (boot, raw) = (Clock::drawn(chance, bound_ppm), Clock::drawn(chance, bound_ppm));
        Self {
            contender: None,
            life: 0,
            boot,
            raw,
            usual_ppm: (boot.rate_ppm(), raw.rate_ppm()),
            wall_off_us: chance.either_way(10_000),
            frozen_since_ns: None,
            ttl,
            patience_ns: patience_ns(ttl),
            electorate: 0,
            paused_until_ns: 0,
            reads_while_paused: false,
            wake: None,
            wake_ns: u64::MAX,
            belief: None,
            work_running: false,
            ballot: None,
            attempt: Attempt::default(),
            refused_since_ns: None,
            is_inert: false,
        }
    }

    /// The next candidate that runs here has another ttl.
    pub fn set_ttl(&mut self, ttl: Duration) {
        (self.ttl, self.patience_ns) = (ttl, patience_ns(ttl));
    }

    /// What its two measuring clocks show.
    #[must_use]
    pub fn moment(&self, true_ns: u64) -> Moment {
        Moment::from_nanos(self.boot.read(true_ns), self.raw.read(true_ns))
    }

    /// What all its clocks show.
    #[must_use]
    pub fn now(&self, true_ns: u64) -> Now {
        let wall_ns = self.frozen_since_ns.unwrap_or(true_ns);
        Now {
            at: self.moment(true_ns),
            wall_us: (UNIX_US + wall_ns / 1000).saturating_add_signed(self.wall_off_us),
        }
    }

    /// When the process next does something by itself. As the product's alarm: when the first of the two clocks has
    /// reached what it asked for, and if that is past, when the other has.
    pub fn set_wake(&mut self, true_ns: u64, wake: Option<Moment>) {
        self.wake = wake;
        self.wake_ns = wake.map_or(u64::MAX, |due| {
            let (boot_ns, raw_ns) = (self.boot.when(due.boot_ns()), self.raw.when(due.raw_ns()));
            let first_ns = boot_ns.min(raw_ns);
            let reached_ns = if first_ns > true_ns { first_ns } else { boot_ns.max(raw_ns) };
            reached_ns.max(true_ns + 1).max(self.paused_until_ns)
        });
    }

    /// When a validity is over: when either clock has reached its end.
    #[must_use]
    pub fn when_over(&self, until: Moment) -> u64 {
        self.boot.when(until.boot_ns()).min(self.raw.when(until.raw_ns()))
    }

    /// After a clock or a pause changed: when things become due now.
    pub fn reckon_again(&mut self, true_ns: u64) {
        self.set_wake(true_ns, self.wake);
        if let Some(mut belief) = self.belief {
            belief.until_ns = self.when_over(belief.until);
            self.belief = Some(belief);
        }
    }

    /// Whether it believes at that instant that it leads.
    #[must_use]
    pub fn believes(&self, true_ns: u64) -> Option<Belief> {
        self.belief.filter(|belief| true_ns < belief.until_ns)
    }

    /// The process stands still for a while.
    pub fn pause(&mut self, true_ns: u64, while_ns: u64) {
        self.paused_until_ns = self.paused_until_ns.max(true_ns + while_ns);
        self.reckon_again(true_ns);
    }

    /// The machine sleeps, or a hypervisor stops it: the raw clock stands still, the boot clock where it is told to.
    pub fn stop_clocks(&mut self, true_ns: u64, boot_too: bool) {
        self.raw.run_at(true_ns, STOPPED_PPM);
        if boot_too {
            self.boot.run_at(true_ns, STOPPED_PPM);
            self.frozen_since_ns.get_or_insert(true_ns);
        }
        self.reckon_again(true_ns);
    }

    /// All clocks go on from where they stood.
    pub fn start_clocks(&mut self, true_ns: u64) {
        self.boot.run_at(true_ns, self.usual_ppm.0);
        self.raw.run_at(true_ns, self.usual_ppm.1);
        if let Some(since_ns) = self.frozen_since_ns.take() {
            self.wall_off_us -= ((true_ns - since_ns) / 1000).cast_signed();
        }
        self.reckon_again(true_ns);
    }

    /// The process is gone, and everything it knew.
    pub fn die(&mut self) {
        self.contender = None;
        self.life += 1;
        self.belief = None;
        self.work_running = false;
        self.ballot = None;
        self.refused_since_ns = None;
        self.is_inert = false;
        self.paused_until_ns = 0;
        self.wake = None;
        self.wake_ns = u64::MAX;
    }
}

fn patience_ns(ttl: Duration) -> u64 {
    u64::try_from(Timing::of_ttl(ttl).voter_timeout.as_nanos()).unwrap_or(u64::MAX)
}
