//! A voter's server: a pair of processes of which one is the primary, their data, and a wall clock.

use crate::chance::Chance;
use crate::contender::Memory;
use crate::core::{Ballot, Randomness, Run, Server};
use crate::host::UNIX_US;

/// A voter's server.
pub struct VoterServer {
    /// What the primary stores.
    pub memory: Memory,
    /// What the other process stores: a replica that lags behind.
    pub stale: Memory,
    /// The primary's life.
    pub run: Run,
    /// The other process.
    other_process: [u8; 20],
    /// Not a primary before this.
    pub replica_until_ns: u64,
    /// Answers nothing before this; for good, if that is the end of time.
    pub down_until_ns: u64,
    /// By how much the wall clock differs from true time.
    pub wall_off_us: i64,
    /// The wall clock has stood still since.
    pub frozen_since_ns: Option<u64>,
    /// A client that is not Quorate has been here.
    pub met_foreigner: bool,
    /// Whether the last answer that told was a member's.
    pub is_member: bool,
    /// The last ballot that it granted.
    pub granted: Option<Ballot>,
    /// What candidates call it.
    pub name: String,
}

impl VoterServer {
    /// A server that has never heard of the election.
    pub fn drawn(chance: &mut Chance, memory: Memory, name: String) -> Self {
        Self {
            stale: memory.clone(),
            memory,
            run: Run { process: drawn_id(chance), history: drawn_id(chance) },
            other_process: drawn_id(chance),
            replica_until_ns: 0,
            down_until_ns: 0,
            wall_off_us: chance.either_way(10_000),
            frozen_since_ns: None,
            met_foreigner: false,
            is_member: false,
            granted: None,
            name,
        }
    }

    /// The server as the voter's script sees it.
    #[must_use]
    pub fn at(&self, true_ns: u64) -> Server {
        let wall_ns = self.frozen_since_ns.unwrap_or(true_ns);
        Server {
            run: self.run,
            primary: self.replica_until_ns <= true_ns,
            time_us: (UNIX_US + wall_ns / 1000).saturating_add_signed(self.wall_off_us),
        }
    }

    /// Another process on the data that is there.
    pub fn restart(&mut self, chance: &mut Chance) {
        self.run = Run { process: drawn_id(chance), history: drawn_id(chance) };
    }

    /// The other process becomes the primary, with what it has.
    pub fn fail_over(&mut self, chance: &mut Chance) {
        self.run.history = drawn_id(chance);
        std::mem::swap(&mut self.run.process, &mut self.other_process);
        std::mem::swap(&mut self.memory, &mut self.stale);
    }

    /// The replica catches up.
    pub fn replicate(&mut self) {
        self.stale.clone_from(&self.memory);
    }

    /// It is the primary again, of a history of its own.
    pub fn promote(&mut self, chance: &mut Chance) {
        self.run.history = drawn_id(chance);
        self.memory.clone_from(&self.stale);
    }

    /// The wall clock goes on from where it stood.
    pub fn unfreeze(&mut self, true_ns: u64) {
        if let Some(since_ns) = self.frozen_since_ns.take() {
            self.wall_off_us -= ((true_ns - since_ns) / 1000).cast_signed();
        }
    }
}

fn drawn_id(chance: &mut Chance) -> [u8; 20] {
    let mut id = [0; 20];
    id[..8].copy_from_slice(&chance.bits().to_le_bytes());
    id
}
