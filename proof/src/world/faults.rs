//! What each fault does, and how everything heals.

use std::time::Duration;

use super::{Happening, MS, Trace, World};
use crate::chance::Chance;
use crate::core::{Ballot, Randomness};
use crate::core::{Event, Released, StandBack};
use crate::weather::{Fault, Weather};

impl World {
    pub(super) fn on_fault(&mut self) {
        if self.healed_ns.is_some() || self.weather.faults.is_empty() {
            return;
        }
        let between_ns = self.weather.between_ns;
        let next_ns = self.now_ns + self.chance.between(between_ns / 2, between_ns + between_ns / 2);
        self.agenda.add(next_ns, Happening::Fault);
        let fault = self.weather.faults[self.chance.index(self.weather.faults.len())];
        let host = self.victim();
        let voter = self.chance.index(self.setting.voters);
        let while_ns = self.chance.magnitude(self.base_ttl_ns / 100, 3 * self.base_ttl_ns);
        self.strike(fault, host, voter, while_ns);
    }

    /// Leaders are struck more often than standbys.
    fn victim(&mut self) -> usize {
        let leader = (0..self.hosts.len()).find(|&host| self.hosts[host].believes(self.now_ns).is_some());
        match leader {
            Some(leader) if self.chance.happens(500) => leader,
            _ => self.chance.index(self.hosts.len()),
        }
    }

    /// One fault strikes one candidate, or one voter, or the link between them.
    pub(super) fn strike(&mut self, fault: Fault, host: usize, voter: usize, while_ns: u64) {
        self.counted.event(self.now_ns, 33);
        self.note(Trace::Changes, || format!("FAULT {fault:?} (c{host}, v{voter}, {} ms)", while_ns / MS));
        match fault {
            Fault::CandidateCrash => self.crash(host, 0),
            Fault::Stranger => {
                self.met_strangers = true;
                self.crash(host, 1);
            }
            Fault::CandidatePause => {
                self.hosts[host].reads_while_paused = self.chance.happens(500);
                self.hosts[host].pause(self.now_ns, while_ns);
            }
            Fault::CandidateSuspend => self.stop_clocks(host, while_ns, false),
            Fault::CandidateWallStep => {
                self.lied = true;
                self.hosts[host].wall_off_us += self.chance.either_way(60_000_000);
            }
            Fault::Resign => {
                let (life, again_ns) = (self.hosts[host].life, self.now_ns + while_ns);
                let stand_back = if self.chance.happens(300) {
                    self.agenda.add(again_ns, Happening::Campaigns { host, life });
                    StandBack::ForGood
                } else {
                    StandBack::For(Duration::from_nanos(while_ns / 4))
                };
                self.tell_if_awake(host, Event::Resign { stand_back });
            }
            Fault::Verify => self.tell_if_awake(host, Event::Verify { request: self.now_ns }),
            Fault::LinkCut => {
                let ways = self.chance.between(1, 3);
                self.cut(host, voter, ways, while_ns);
            }
            Fault::Isolation => {
                for voter in 0..self.setting.voters {
                    let ways = self.chance.between(0, 3);
                    self.cut(host, voter, ways, while_ns);
                }
            }
            Fault::HintFlood => self.flood(host, voter),
            Fault::VoterWallStep if self.chance.happens(200) => self.step_all_walls(),
            _ => self.strike_server(fault, voter, while_ns),
        }
    }

    /// All voters have the same time from the same source, and it is mended.
    fn step_all_walls(&mut self) {
        self.lied = true;
        let step_us = self.chance.either_way(60_000_000);
        self.servers.iter_mut().for_each(|server| server.wall_off_us += step_us);
    }

    fn tell_if_awake(&mut self, host: usize, event: Event) {
        if self.now_ns >= self.hosts[host].paused_until_ns {
            self.tell(host, event);
        }
    }

    fn cut(&mut self, host: usize, voter: usize, ways: u64, while_ns: u64) {
        for (way, until_ns) in self.cuts[host][voter].iter_mut().enumerate() {
            if ways & (1 << way) != 0 {
                *until_ns = self.now_ns + while_ns;
            }
        }
    }

    /// The process stands still, and so does the raw clock; the boot clock only if nobody notices the stop.
    pub(super) fn stop_clocks(&mut self, host: usize, while_ns: u64, boot_too: bool) {
        if self.hosts[host].raw.rate_ppm() != self.hosts[host].usual_ppm.1 {
            return;
        }
        self.hosts[host].reads_while_paused = false;
        self.hosts[host].pause(self.now_ns, while_ns);
        self.hosts[host].stop_clocks(self.now_ns, boot_too);
        self.agenda.add(self.now_ns + while_ns, Happening::ClocksStart { host });
    }

    /// The process dies, and another one without memory follows: with another ttl, now and then.
    pub(super) fn crash(&mut self, host: usize, electorate: usize) {
        self.hosts[host].die();
        self.hosts[host].start_clocks(self.now_ns);
        self.hosts[host].electorate = electorate;
        if self.chance.happens(300) {
            let ttl = drawn_ttl(&mut self.chance, self.base_ttl_ns);
            self.hosts[host].set_ttl(ttl);
        }
        let back_ns = self.now_ns + self.chance.magnitude(self.base_ttl_ns / 1000, 2 * self.base_ttl_ns);
        self.agenda.add(back_ns, Happening::Starts { host });
    }

    /// Some true, some late, most invented.
    fn flood(&mut self, host: usize, voter: usize) {
        let (life, server) = (self.hosts[host].life, self.addresses[host][voter]);
        let holders: Vec<_> = self.hosts.iter().filter_map(|host| host.ballot).collect();
        for nth in 0..100 {
            let holder = match holders.get(self.chance.index(holders.len() + 1)) {
                Some(&holder) => holder,
                None => Ballot(u128::from(self.chance.bits())),
            };
            let invented = Released { holder, version: self.chance.between(0, 2000) };
            let released = (nth % 10 != 0).then_some(invented);
            let hinted = Happening::Hinted { host, life, server, voter, released };
            self.agenda.add(self.now_ns + nth * 10_000, hinted);
        }
    }

    fn strike_server(&mut self, fault: Fault, index: usize, while_ns: u64) {
        let now_ns = self.now_ns;
        let chance = &mut self.chance;
        let server = &mut self.servers[index];
        if chance.happens(300) {
            server.replicate();
        }
        match fault {
            Fault::VoterRestart => server.restart(chance),
            Fault::VoterRestartEmpty => {
                server.memory.flush();
                server.restart(chance);
            }
            Fault::VoterRestartOldData => {
                server.memory.clone_from(&server.stale);
                server.restart(chance);
            }
            Fault::VoterDown => {
                server.down_until_ns = server.down_until_ns.max(now_ns + while_ns);
                if chance.happens(500) {
                    server.memory.flush();
                }
                server.restart(chance);
            }
            Fault::Flush => server.memory.flush(),
            Fault::RecordLost => server.memory.drop_record(),
            Fault::KeyLost => server.memory.drop_key(),
            Fault::ForeignKey => {
                server.met_foreigner = true;
                let ttl = chance.happens(800).then_some(Duration::from_nanos(while_ns));
                server.memory.take_foreign(&server.at(now_ns), ttl);
            }
            Fault::VoterWallStep => {
                self.lied = true;
                server.wall_off_us += chance.either_way(60_000_000);
            }
            Fault::VoterWallFreeze => {
                self.lied = true;
                server.frozen_since_ns.get_or_insert(now_ns);
                self.agenda.add(now_ns + while_ns, Happening::Unfreezes { server: index });
            }
            Fault::FailOver => {
                server.fail_over(chance);
                if chance.happens(500) {
                    self.agenda.add(now_ns + while_ns, Happening::FailsBack { server: index });
                }
            }
            Fault::Demotion if server.replica_until_ns <= now_ns => {
                server.replicate();
                server.replica_until_ns = now_ns + while_ns;
                self.agenda.add(now_ns + while_ns, Happening::Promoted { server: index });
            }
            _ => {}
        }
    }

    /// Everything works again, but for the voters that stay dead; what is left to people is done by people.
    pub(super) fn heal(&mut self) {
        self.note(Trace::Changes, || "HEALED".into());
        self.healed_ns = Some(self.now_ns);
        self.weather = Weather { driver_times_out: self.weather.driver_times_out, ..Weather::calm() };
        self.cuts.iter_mut().flatten().for_each(|cut| *cut = [0; 2]);
        let dead = if self.chance.happens(500) { self.chance.index(self.setting.voters / 2 + 1) } else { 0 };
        for (index, server) in self.servers.iter_mut().enumerate() {
            server.unfreeze(self.now_ns);
            if server.replica_until_ns > self.now_ns {
                server.replica_until_ns = 0;
                server.promote(&mut self.chance);
            }
            if server.met_foreigner {
                server.memory.drop_foreign();
            }
            if self.met_strangers {
                // The way to change the set of voters: stop all candidates, reset, start.
                server.memory.flush();
            }
            let stays_dead = index < dead || server.down_until_ns == u64::MAX;
            server.down_until_ns = if stays_dead { u64::MAX } else { 0 };
        }
        let survivor = self.chance.index(self.hosts.len());
        let only_one = self.chance.happens(500);
        for host in 0..self.hosts.len() {
            self.revive(host, only_one && host != survivor);
        }
    }

    fn revive(&mut self, host: usize, stays_dead: bool) {
        if self.hosts[host].raw.rate_ppm() != self.hosts[host].usual_ppm.1 {
            self.hosts[host].start_clocks(self.now_ns);
        }
        self.hosts[host].paused_until_ns = 0;
        self.hosts[host].reckon_again(self.now_ns);
        if stays_dead || self.met_strangers || self.hosts[host].electorate != 0 {
            self.hosts[host].die();
            self.hosts[host].electorate = 0;
        }
        if !stays_dead {
            self.start(host);
            self.tell(host, Event::Campaign);
        }
    }
}

/// Between once and twice the base: candidates may differ by a factor of two at a time.
pub(super) fn drawn_ttl(chance: &mut Chance, base_ttl_ns: u64) -> Duration {
    Duration::from_nanos(chance.between(base_ttl_ns, 2 * base_ttl_ns) / MS * MS)
}
