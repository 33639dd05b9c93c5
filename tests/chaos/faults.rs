//! What befalls voters, candidates and the ways between them: drawn from a seed, each with an end.
//!
//! At most two of the five voters lose their memory between two calms, unless all are reset, and one wall clock of a
//! voter is off at a time: what more would do rests on clocks that do not lie (docs/safety.md), and is simulated.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::sys::signal::Signal;
use quorate::local::Memory;

use crate::common::candidate::boot;
use crate::world::{CANDIDATES, TTL, VOTERS, World};

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    VoterKilled { voter: usize, memory_is_lost: bool },
    VoterStopped { voter: usize },
    VoterFlushed { voter: usize },
    LeaseDeleted { voter: usize },
    VoterClockStepped { voter: usize, seconds: i64 },
    VoterFailedOver { voter: usize },
    VoterSlowed { voter: usize, ms: u64 },
    ConnectionsReset { voter: usize },
    ResetTried { candidate: usize },
    CandidateKilled { candidate: usize },
    CandidateEnded { candidate: usize },
    CandidateStopped { candidate: usize },
    CandidateClockStepped { candidate: usize, seconds: i64 },
    WayCut { candidate: usize, voter: usize, there: bool, back: bool },
    CandidateIsolated { candidate: usize },
}

impl Fault {
    fn kind(self) -> &'static str {
        match self {
            Self::VoterKilled { memory_is_lost: true, .. } => "voters killed, restarted empty",
            Self::VoterKilled { .. } => "voters killed, restarted with their data",
            Self::VoterStopped { .. } => "voters stopped",
            Self::VoterFlushed { .. } => "voters flushed",
            Self::LeaseDeleted { .. } => "lease keys deleted",
            Self::VoterClockStepped { .. } => "voters' clocks stepped",
            Self::VoterFailedOver { .. } => "voters failed over to a stale replica, and back",
            Self::VoterSlowed { .. } => "ways to a voter slowed",
            Self::ConnectionsReset { .. } => "connections of a voter reset",
            Self::ResetTried { .. } => "`quorate reset` while candidates run",
            Self::CandidateKilled { .. } => "candidates killed",
            Self::CandidateEnded { .. } => "candidates ended",
            Self::CandidateStopped { .. } => "candidates stopped",
            Self::CandidateClockStepped { .. } => "candidates' clocks stepped",
            Self::WayCut { there: true, back: true, .. } => "ways cut",
            Self::WayCut { .. } => "ways cut in one direction",
            Self::CandidateIsolated { .. } => "candidates cut off from all voters",
        }
    }

    /// What one fault at a time is enough for.
    fn victim(self) -> usize {
        match self {
            Self::VoterKilled { voter, .. }
            | Self::VoterStopped { voter }
            | Self::VoterFlushed { voter }
            | Self::LeaseDeleted { voter }
            | Self::VoterFailedOver { voter } => voter,
            // One at a time.
            Self::VoterClockStepped { .. } => 100,
            Self::ResetTried { .. } => 101,
            Self::VoterSlowed { voter, .. } | Self::ConnectionsReset { voter } => 130 + voter,
            Self::CandidateKilled { candidate }
            | Self::CandidateEnded { candidate }
            | Self::CandidateStopped { candidate } => VOTERS + candidate,
            Self::CandidateClockStepped { candidate, .. } => 110 + candidate,
            Self::WayCut { candidate, .. } | Self::CandidateIsolated { candidate } => 120 + candidate,
        }
    }

    fn begin(self, world: &mut World) {
        match self {
            Self::VoterKilled { voter, memory_is_lost } => {
                let server = &mut world.voters[voter].server;
                if !memory_is_lost {
                    server.command(&["SAVE"]).unwrap();
                }
                server.kill();
            }
            Self::VoterStopped { voter } => world.voters[voter].server.stop().unwrap(),
            Self::VoterFlushed { voter } => drop(world.voters[voter].server.command(&["FLUSHALL"]).unwrap()),
            Self::LeaseDeleted { voter } => {
                drop(world.voters[voter].server.command(&["DEL", "quorate:{orders}:lease"]).unwrap());
            }
            Self::VoterClockStepped { voter, seconds } => {
                world.voters[voter].wall_clock.step(seconds * 1_000_000);
            }
            Self::VoterFailedOver { voter } => world.voters[voter].fail_over(),
            Self::VoterSlowed { voter, ms } => world.voters[voter].address.delay(Duration::from_millis(ms)),
            Self::ConnectionsReset { voter } => world.voters[voter].address.reset(),
            Self::ResetTried { candidate } => world.begin_reset(candidate),
            Self::CandidateKilled { candidate } => world.end(candidate, false),
            Self::CandidateEnded { candidate } => world.end(candidate, true),
            Self::CandidateStopped { candidate } => world.signal(candidate, Signal::SIGSTOP),
            Self::CandidateClockStepped { candidate, seconds } => {
                world.candidates[candidate].wall_clock.step(seconds * 1_000_000);
            }
            Self::WayCut { candidate, voter, there, back } => world.cut(candidate, voter, there, back),
            Self::CandidateIsolated { candidate } => {
                (0..VOTERS).for_each(|voter| world.cut(candidate, voter, true, true));
            }
        }
    }

    fn end(self, world: &mut World) {
        match self {
            Self::VoterKilled { voter, memory_is_lost } => {
                world.restart(voter, if memory_is_lost { Memory::Empty } else { Memory::Saved });
            }
            Self::VoterStopped { voter } => world.voters[voter].server.resume().unwrap(),
            Self::VoterFlushed { .. } | Self::LeaseDeleted { .. } | Self::ConnectionsReset { .. } => {}
            Self::VoterFailedOver { voter } => world.voters[voter].fail_back(),
            Self::VoterSlowed { voter, .. } => world.voters[voter].address.delay(Duration::ZERO),
            Self::ResetTried { .. } => drop(world.end_reset()),
            Self::VoterClockStepped { voter, seconds } => {
                world.voters[voter].wall_clock.step(-seconds * 1_000_000);
            }
            Self::CandidateKilled { candidate } | Self::CandidateEnded { candidate } => {
                world.start(candidate);
            }
            Self::CandidateStopped { candidate } => world.signal(candidate, Signal::SIGCONT),
            Self::CandidateClockStepped { candidate, seconds } => {
                world.candidates[candidate].wall_clock.step(-seconds * 1_000_000);
            }
            Self::WayCut { candidate, voter, there, back } => world.mend(candidate, voter, there, back),
            Self::CandidateIsolated { candidate } => {
                (0..VOTERS).for_each(|voter| world.mend(candidate, voter, true, true));
            }
        }
    }
}

/// The same numbers for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn of_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// `SplitMix64`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 1).unwrap() % bound
    }

    fn fault(&mut self, forgetful: [usize; 2]) -> Fault {
        let (candidate, voter) = (self.below(CANDIDATES), self.below(VOTERS));
        let forgetting = forgetful[self.below(2)];
        let seconds = [-3600, -30, -1, 1, 30, 3600][self.below(6)];
        let (there, back) = [(true, false), (false, true), (true, true)][self.below(3)];
        match self.below(19) {
            0 => Fault::VoterKilled { voter: forgetting, memory_is_lost: true },
            1 => Fault::VoterKilled { voter: forgetting, memory_is_lost: false },
            2 => Fault::VoterFlushed { voter: forgetting },
            3 | 4 => Fault::VoterStopped { voter },
            5 => Fault::LeaseDeleted { voter },
            6 => Fault::VoterClockStepped { voter, seconds },
            7 => Fault::CandidateKilled { candidate },
            8 => Fault::CandidateEnded { candidate },
            9 | 10 => Fault::CandidateStopped { candidate },
            11 => Fault::CandidateClockStepped { candidate, seconds },
            12 => Fault::CandidateIsolated { candidate },
            13 | 14 => Fault::VoterFailedOver { voter: forgetting },
            15 => Fault::VoterSlowed { voter, ms: [1, 20, 80, 300][self.below(4)] },
            16 => Fault::ConnectionsReset { voter },
            17 => Fault::ResetTried { candidate },
            _ => Fault::WayCut { candidate, voter, there, back },
        }
    }

    fn duration(&mut self, least: Duration, most: Duration) -> Duration {
        let span = usize::try_from(most.saturating_sub(least).as_millis()).unwrap();
        least + Duration::from_millis(u64::try_from(self.below(span)).unwrap())
    }
}

/// How many of each kind there were.
pub type Count = BTreeMap<&'static str, usize>;

/// Lets faults strike for a while, several at a time; then all is as it was.
pub fn storm(world: &mut World, dice: &mut Dice, lasts: Duration, count: &mut Count) {
    let first = dice.below(VOTERS);
    let forgetful = [first, (first + 1) % VOTERS];
    let over = boot() + lasts;
    let mut going_on: Vec<(Duration, Fault)> = Vec::new();
    let mut next = boot();
    while boot() < over {
        if boot() >= next {
            let fault = dice.fault(forgetful);
            let ends = boot() + dice.duration(TTL / 20, 2 * TTL);
            next = boot() + dice.duration(TTL / 20, TTL / 2);
            if going_on.iter().all(|(_, other)| other.victim() != fault.victim()) {
                println!("{:>9.3} s  {fault:?}", boot().as_secs_f64());
                fault.begin(world);
                *count.entry(fault.kind()).or_default() += 1;
                going_on.push((ends, fault));
            }
        }
        end_those(world, &mut going_on, |ends| ends <= boot());
        std::thread::sleep(Duration::from_millis(5));
    }
    end_those(world, &mut going_on, |_| true);
}

fn end_those(world: &mut World, going_on: &mut Vec<(Duration, Fault)>, is_over: impl Fn(Duration) -> bool) {
    for (_, fault) in going_on.extract_if(.., |(ends, _)| is_over(*ends)) {
        fault.end(world);
    }
}
