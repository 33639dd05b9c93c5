//! Worlds beyond the protocol's limits (docs/safety.md, "What is left"): each breaks exclusion or the order of terms
//! on purpose, so that the limits are shown and not just said. What must hold in all of them is that a resource
//! which compares terms never takes a lower one after a higher one.

use std::time::Duration;

use super::faults::drawn_ttl;
use super::{Happening, MS, RATE_BOUND_PPM, Trouble, World};
use crate::chance::Chance;
use crate::oracles::Promise;

/// Clock rates that differ by far more than ρ: 30 %.
const WILD_RATE_PPM: i64 = 300_000;
/// By how much the clocks are set back where all voters forget: an hour.
const SET_BACK_US: i64 = 3_600_000_000;

/// Something that the protocol does not withstand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The leader's machine stops and does not know: a hypervisor's pause, a restored checkpoint.
    ClockStops,
    /// Clocks run at rates further apart than ρ allows.
    RatesBeyondBound,
    /// At least q voters forget, and the wall clocks have been set back.
    ForgottenWithClocksBack,
    /// Two sets of voters that share none.
    TwoSets,
    /// A voter has moved, but its old server lives and the leader still uses it.
    MovedVoter,
    /// Voters' processes are restored from a snapshot of their memory, before anyone has seen them since.
    RolledBack,
    /// ttls that differ by more than a factor of two, while a quorum of voters forgets.
    TtlsTooFarApart,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ClockStops,
        Self::RatesBeyondBound,
        Self::ForgottenWithClocksBack,
        Self::TwoSets,
        Self::MovedVoter,
        Self::RolledBack,
        Self::TtlsTooFarApart,
    ];

    /// Which promise breaks.
    #[must_use]
    pub fn breaks(self) -> Promise {
        match self {
            Self::ForgottenWithClocksBack => Promise::Order,
            _ => Promise::Exclusion,
        }
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::ClockStops => "the leader's clocks stop without its knowing",
            Self::RatesBeyondBound => "clock rates off by up to 30 %",
            Self::ForgottenWithClocksBack => "all voters forget, all wall clocks set back an hour",
            Self::TwoSets => "two sets of voters that share none",
            Self::MovedVoter => "a voter moved while its old server lives",
            Self::RolledBack => "a quorum's memory rolled back unseen",
            Self::TtlsTooFarApart => "ttls a factor of three apart, a quorum forgets",
        }
    }
}

/// Who there is.
pub(super) struct Shape {
    pub(super) hosts: usize,
    pub(super) servers: usize,
    pub(super) rate_bound_ppm: i64,
    trouble: Trouble,
}

impl Trouble {
    /// Who there is in such a world.
    pub(super) fn shape(self, chance: &mut Chance, voters: usize) -> Shape {
        let usual = Shape { hosts: 3, servers: voters, rate_bound_ppm: RATE_BOUND_PPM, trouble: self };
        match self {
            Self::Storm => Shape { hosts: 2 + chance.index(3), ..usual },
            Self::Beyond(Limit::RatesBeyondBound) => Shape { rate_bound_ppm: WILD_RATE_PPM, ..usual },
            Self::Beyond(Limit::TwoSets) => Shape { hosts: 4, servers: 2 * voters, ..usual },
            Self::Beyond(Limit::MovedVoter) => Shape { servers: voters + 1, ..usual },
            Self::Only(_) | Self::Network { .. } | Self::Beyond(_) => usual,
        }
    }
}

impl Shape {
    /// The ttl of a host's first candidate.
    pub(super) fn ttl(&self, host: usize, base_ttl_ns: u64, chance: &mut Chance) -> Duration {
        match self.trouble {
            Trouble::Beyond(Limit::TtlsTooFarApart) => {
                Duration::from_nanos(if host == 0 { 3 * base_ttl_ns } else { base_ttl_ns })
            }
            _ => drawn_ttl(chance, base_ttl_ns),
        }
    }

    /// Which server each host finds under each voter's address.
    pub(super) fn addresses(&self, voters: usize) -> Vec<Vec<usize>> {
        let second_set = |host| self.trouble == Trouble::Beyond(Limit::TwoSets) && host >= 2;
        let first = |host| if second_set(host) { voters } else { 0 };
        (0..self.hosts).map(|host| (first(host)..first(host) + voters).collect()).collect()
    }
}

impl World {
    /// When a host's first candidate starts: the one that is to lead goes first.
    pub(super) fn first_start_ns(&mut self, host: usize) -> u64 {
        let one_leads_first =
            matches!(self.setting.trouble, Trouble::Beyond(Limit::MovedVoter | Limit::TtlsTooFarApart));
        if one_leads_first && host > 0 { u64::MAX } else { self.chance.below(2 * self.base_ttl_ns) }
    }

    pub(super) fn on_scripted(&mut self, step: u32) {
        let Trouble::Beyond(limit) = self.setting.trouble else { return };
        if self.healed_ns.is_some() {
            return;
        }
        self.counted.event(self.now_ns, 34);
        self.note(super::Trace::Changes, || format!("BEYOND {limit:?}, step {step}"));
        let leader = (0..self.hosts.len()).find(|&host| self.hosts[host].believes(self.now_ns).is_some());
        match (limit, leader) {
            (Limit::ClockStops, Some(leader)) => {
                let while_ns = self.chance.between(2 * self.base_ttl_ns, 6 * self.base_ttl_ns);
                self.stop_clocks(leader, while_ns, true);
            }
            (Limit::RatesBeyondBound, Some(leader)) => self.isolate(leader, 0..self.setting.voters),
            (Limit::ForgottenWithClocksBack, Some(_)) if step == 3 => self.forget_everything(),
            (Limit::MovedVoter, Some(0)) => self.move_voter(),
            (Limit::RolledBack, Some(leader)) if step == 3 => self.roll_back(leader),
            (Limit::RolledBack, Some(leader)) if step == 2 => self.hand_over(leader),
            (Limit::TtlsTooFarApart, Some(0)) => self.forget_a_long_ttl(),
            _ => {}
        }
        let next_ns = self.now_ns + self.chance.between(4 * self.base_ttl_ns, 8 * self.base_ttl_ns);
        self.agenda.add(next_ns, Happening::Scripted { step: step + 1 });
    }

    fn isolate(&mut self, host: usize, voters: impl Iterator<Item = usize>) {
        let until_ns = self.now_ns + 4 * self.base_ttl_ns;
        voters.for_each(|voter| self.cuts[host][voter] = [until_ns; 2]);
    }

    fn forget_everything(&mut self) {
        for server in &mut self.servers {
            server.memory.flush();
            server.restart(&mut self.chance);
            server.wall_off_us -= SET_BACK_US;
        }
        for host in 0..self.hosts.len() {
            self.hosts[host].wall_off_us -= SET_BACK_US;
            self.crash(host, 0);
        }
    }

    /// The first voter gets a new, empty server, which everybody finds but the leader; and the leader loses sight of
    /// as many voters as it can spare.
    fn move_voter(&mut self) {
        let moved = self.setting.voters;
        let spare = (self.setting.voters - 1) / 2;
        self.isolate(0, 1..=spare);
        for host in 1..self.hosts.len() {
            self.addresses[host][0] = moved;
            self.start(host);
        }
    }

    /// The others get their turn, and the voters' memories are kept as they are when they are released.
    fn hand_over(&mut self, leader: usize) {
        self.keeps_released = true;
        let stand_back = crate::core::StandBack::For(self.longest_ttl());
        self.tell(leader, crate::core::Event::Resign { stand_back });
    }

    /// A quorum of voters is put back to when it was released; nobody that remembers better asks it.
    fn roll_back(&mut self, leader: usize) {
        self.keeps_released = false;
        let quorum = self.setting.voters / 2 + 1;
        self.isolate(leader, 0..quorum);
        for server in &mut self.servers[..quorum] {
            server.memory.clone_from(&server.stale);
        }
        (0..self.hosts.len())
            .filter(|&host| host != leader)
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|host| self.crash(host, 0));
    }

    /// A leader with a long ttl is cut off, all voters forget, and candidates appear that have never seen it.
    fn forget_a_long_ttl(&mut self) {
        self.isolate(0, 0..self.setting.voters);
        self.servers.iter_mut().for_each(|server| server.memory.flush());
        for host in 1..self.hosts.len() {
            self.agenda.add(self.now_ns + MS, Happening::Starts { host });
        }
    }
}
