//! A world of candidates, voters and links, driven event by event; and the oracles, which look only at what the
//! world sees.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use quorate::core::{
    Action, Answer, Ballot, Caller, Candidate, EndReason, Event, Operation, Planted, Question, QuestionId,
    Released, ResetKind, ResetPolicy, Settings, StandBack, Term, Timing, VoterModel, observer_wait,
};

use crate::chance::Chance;
use crate::faults::{Fault, Weather};
use crate::hosts::{Belief, Clock, Host, Voter, drawn_run};

const MS: u64 = 1_000_000;
/// ρ, within which the protocol promises exclusion.
const RATE_BOUND_PPM: u64 = 5_000;
/// The shortest ttl of a world; candidates differ by up to a factor of two.
const TTL_MS: u64 = 1_000;
/// How long faults go on.
const STORM_NS: u64 = 30_000 * MS;

#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub seed: u64,
    pub voters: usize,
    pub candidates: usize,
    pub planted: Planted,
    pub trace: bool,
}

/// What the run exercised.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    pub events: u64,
    pub elected: u64,
    pub failed_attempts: u64,
    pub lapsed: u64,
    pub lost: u64,
    pub resigned: u64,
    pub adopts: u64,
    pub joins: u64,
    pub resets_first: u64,
    pub resets_forgotten: u64,
    pub resets_unreadable: u64,
    pub verified: u64,
}

#[derive(Clone, Copy, Debug)]
enum Happening {
    Wake { host: usize, life: u32, due_ns: u64 },
    Asked { host: usize, life: u32, voter: usize, id: QuestionId, question: Question },
    Answered { host: usize, life: u32, id: QuestionId, answer: Answer, arrived_ns: u64 },
    Hinted { host: usize, life: u32, voter: usize, released: Option<Released> },
    WorkStopped { host: usize, life: u32 },
    Starts { host: usize },
    Fault,
    Healed,
}

struct Scheduled {
    at_ns: u64,
    order: u64,
    happening: Happening,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ns, self.order).cmp(&(other.at_ns, other.order))
    }
}

pub struct World {
    setting: Setting,
    now_ns: u64,
    order: u64,
    agenda: BinaryHeap<Reverse<Scheduled>>,
    chance: Chance,
    weather: Weather,
    hosts: Vec<Host>,
    voters: Vec<Voter>,
    electorate: String,
    /// Until when nothing passes, by host, voter and direction.
    cuts: Vec<[u64; 2]>,
    /// Term and true time of every completed election.
    elections: Vec<(Term, u64)>,
    /// A wall clock of a voter lied: from now on a reset begins a new order of terms.
    stepped: bool,
    healed: bool,
    leader_since_healing: bool,
    pub counted: Counted,
}

impl World {
    pub fn new(setting: Setting) -> Self {
        let mut chance = Chance::of_seed(setting.seed);
        let voters = (0..setting.voters).map(|index| Voter {
            memory: VoterModel::new(setting.planted),
            stale: VoterModel::new(setting.planted),
            run: drawn_run(&mut chance),
            clock: Clock::drawn(&mut chance, RATE_BOUND_PPM),
            wall_step_us: 0,
            down_until_ns: 0,
            name: format!("v{index}"),
        });
        let voters: Vec<_> = voters.collect();
        let hosts = (0..setting.candidates).map(|_| Host {
            candidate: None,
            life: 0,
            boot: Clock::drawn(&mut chance, RATE_BOUND_PPM),
            raw: Clock::drawn(&mut chance, RATE_BOUND_PPM),
            ttl_ms: chance.between(TTL_MS, 2 * TTL_MS),
            paused_until_ns: 0,
            belief: None,
            work_running: false,
            last_confirmed: None,
            wake_ns: u64::MAX,
        });
        let hosts: Vec<_> = hosts.collect();
        let names: Vec<_> = voters.iter().map(|voter| voter.name.as_str()).collect();
        let electorate = format!("1 {}", names.join(","));
        let weather = Weather::drawn(&mut chance, TTL_MS);
        let cuts = vec![[0; 2]; setting.candidates * setting.voters];
        let mut world = Self {
            setting,
            now_ns: 0,
            order: 0,
            agenda: BinaryHeap::new(),
            chance,
            weather,
            hosts,
            voters,
            electorate,
            cuts,
            elections: Vec::new(),
            stepped: false,
            healed: false,
            leader_since_healing: false,
            counted: Counted::default(),
        };
        for host in 0..setting.candidates {
            let start = world.chance.below(2_000) * MS;
            world.schedule(start, Happening::Starts { host });
        }
        world.schedule(world.weather.between_ms.min(STORM_NS / MS) * MS, Happening::Fault);
        world.schedule(STORM_NS, Happening::Healed);
        world
    }

    /// Lives through the storm and until there has been a leader after healing; `Err` tells which promise broke.
    pub fn run(&mut self) -> Result<(), String> {
        let longest = observer_wait(Duration::from_millis(2 * TTL_MS));
        // Watch a dead holder for O, or wait out an unreadable reset for 2·O(T), then O again for a straggler's
        // ballot, and a ttl for polls and failed attempts.
        let bound = STORM_NS + u64::try_from((4 * longest).as_nanos()).unwrap() + 4 * TTL_MS * MS;
        while let Some(Reverse(scheduled)) = self.agenda.pop() {
            self.now_ns = scheduled.at_ns;
            self.counted.events += 1;
            if self.healed && self.leader_since_healing {
                return Ok(());
            }
            if self.now_ns > bound {
                return Err(format!("no leader {} ms after healing", (self.now_ns - STORM_NS) / MS));
            }
            self.happen(scheduled.happening)?;
        }
        Err("the world stood still".into())
    }

    fn schedule(&mut self, at_ns: u64, happening: Happening) {
        self.order += 1;
        self.agenda.push(Reverse(Scheduled { at_ns, order: self.order, happening }));
    }

    fn trace(&self, what: impl FnOnce() -> String) {
        if self.setting.trace {
            println!("{:>12.3} ms  {}", self.now_ns as f64 / MS as f64, what());
        }
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Wake { host, life, due_ns } => {
                if self.hosts[host].wake_ns == due_ns {
                    self.tell(host, life, Event::Wake, happening)?;
                }
            }
            Happening::Answered { host, life, id, answer, arrived_ns } => {
                let received = self.hosts[host].moment(arrived_ns);
                self.tell(host, life, Event::Answer { question: id, received, answer }, happening)?;
            }
            Happening::Hinted { host, life, voter, released } => {
                self.tell(host, life, Event::Hint { voter, released }, happening)?;
            }
            Happening::WorkStopped { host, life } => {
                if self.hosts[host].life == life {
                    self.hosts[host].work_running = false;
                }
                self.tell(host, life, Event::WorkStopped, happening)?;
            }
            Happening::Asked { host, life, voter, id, question } => {
                self.ask(host, life, voter, id, &question);
            }
            Happening::Starts { host } => self.start(host)?,
            Happening::Fault => self.fault()?,
            Happening::Healed => self.heal()?,
        }
        Ok(())
    }

    fn start(&mut self, host: usize) -> Result<(), String> {
        if self.hosts[host].candidate.is_some() {
            return Ok(());
        }
        let timing = Timing::of_ttl(Duration::from_millis(self.hosts[host].ttl_ms));
        let settings = Settings {
            timing,
            voters: self.setting.voters,
            on_epoch_reset: ResetPolicy::Continue,
            planted: self.setting.planted,
        };
        let randomness = Box::new(self.chance.fork());
        self.hosts[host].candidate = Some(Candidate::new(settings, randomness));
        self.trace(|| format!("c{host} starts, ttl {:?}", timing.ttl));
        let life = self.hosts[host].life;
        self.tell(host, life, Event::Wake, Happening::Starts { host })
    }

    fn crash(&mut self, host: usize) {
        self.trace(|| format!("c{host} crashes"));
        let doomed = &mut self.hosts[host];
        doomed.candidate = None;
        doomed.life += 1;
        doomed.belief = None;
        doomed.work_running = false;
        doomed.paused_until_ns = 0;
        let back = self.now_ns + self.chance.between(1, 2 * TTL_MS) * MS;
        self.schedule(back, Happening::Starts { host });
    }

    /// Hands an event to a candidate, or keeps it while the process is paused.
    fn tell(
        &mut self,
        host: usize,
        life: u32,
        event: Event,
        again: impl Into<Option<Happening>>,
    ) -> Result<(), String> {
        let addressed = &mut self.hosts[host];
        if addressed.life != life {
            return Ok(());
        }
        if self.now_ns < addressed.paused_until_ns {
            let resume = addressed.paused_until_ns;
            match again.into() {
                Some(Happening::Wake { .. }) => {
                    addressed.wake_ns = resume;
                    self.schedule(resume, Happening::Wake { host, life, due_ns: resume });
                }
                Some(again) => self.schedule(resume, again),
                None => {}
            }
            return Ok(());
        }
        let now = addressed.now(self.now_ns);
        let Some(candidate) = addressed.candidate.as_mut() else { return Ok(()) };
        candidate.handle(now, event);
        let mut actions = Vec::new();
        while let Some(action) = candidate.poll_action() {
            actions.push(action);
        }
        let wake = candidate.poll_timeout();
        if let Some(due) = wake {
            let due_ns = self.hosts[host].when_reached(due).max(self.now_ns + 1);
            self.hosts[host].wake_ns = due_ns;
            self.schedule(due_ns, Happening::Wake { host, life, due_ns });
        }
        actions.into_iter().try_for_each(|action| self.act(host, action))
    }

    fn act(&mut self, host: usize, action: Action) -> Result<(), String> {
        let life = self.hosts[host].life;
        match action {
            Action::Ask { id, voter, question } => return self.send(host, voter, id, question),
            Action::Elected { term, until, took } => {
                let until_ns = self.hosts[host].when_over(until);
                let ballot = self.hosts[host].last_confirmed;
                self.trace(|| format!("c{host} ELECTED term {term} {ballot:?}"));
                self.hosts[host].belief = Some(Belief { term, ballot, until_ns });
                self.hosts[host].work_running = true;
                self.counted.elected += 1;
                self.leader_since_healing |= self.healed;
                self.check_terms(term, took)?;
                self.check_exclusion(host)?;
            }
            Action::Extended { until } => {
                let until_ns = self.hosts[host].when_over(until);
                if let Some(belief) = &mut self.hosts[host].belief {
                    belief.until_ns = until_ns;
                }
                self.leader_since_healing |= self.healed;
                self.check_exclusion(host)?;
            }
            Action::StopWork { .. } => self.stop_work(host, life),
            Action::Ended { reason, term } => {
                self.trace(|| format!("c{host} ended term {term}: {reason:?}"));
                match reason {
                    EndReason::Lapsed => self.counted.lapsed += 1,
                    EndReason::Resigned => self.counted.resigned += 1,
                    _ => self.counted.lost += 1,
                }
                self.check_stopped(host, reason)?;
                self.hosts[host].belief = None;
                self.stop_work(host, life);
            }
            Action::AttemptFailed => self.counted.failed_attempts += 1,
            Action::Verified { request, term } => return self.check_verified(host, request, term),
            Action::EpochReset { kind, floor } => {
                self.trace(|| format!("c{host} resets the epoch: {kind:?}, floor {floor}"));
                if self.stepped {
                    self.elections.clear();
                }
                match kind {
                    ResetKind::First => self.counted.resets_first += 1,
                    ResetKind::Forgotten => self.counted.resets_forgotten += 1,
                    ResetKind::Unreadable => self.counted.resets_unreadable += 1,
                }
            }
            Action::Halted { .. } | Action::Inert(_) => self.trace(|| format!("c{host} {action:?}")),
        }
        Ok(())
    }

    fn stop_work(&mut self, host: usize, life: u32) {
        let stopped = self.now_ns + self.chance.below(TTL_MS / 4) * MS;
        self.schedule(stopped, Happening::WorkStopped { host, life });
    }

    fn send(&mut self, host: usize, voter: usize, id: QuestionId, question: Question) -> Result<(), String> {
        let sender = &mut self.hosts[host];
        match question.operation {
            Operation::Confirm { ballot, .. } => sender.last_confirmed = Some(ballot),
            Operation::Release { ballot } => {
                let leads_with = sender.belief.and_then(|belief| belief.ballot);
                if sender.work_running && leads_with == Some(ballot) {
                    return Err(format!("c{host} released before its work had stopped"));
                }
            }
            Operation::Grant { term: quorate::core::GrantTerm::Adopt(_), .. } => self.counted.adopts += 1,
            Operation::Join { .. } => self.counted.joins += 1,
            Operation::Grant { .. } | Operation::Observe { .. } => {}
        }
        let life = self.hosts[host].life;
        for _ in 0..self.copies() {
            if let Some(at_ns) = self.delivery(host, voter, 0) {
                self.schedule(at_ns, Happening::Asked { host, life, voter, id, question });
            }
        }
        Ok(())
    }

    /// The question arrives at the voter.
    fn ask(&mut self, host: usize, life: u32, voter: usize, id: QuestionId, question: &Question) {
        let now_ns = self.now_ns;
        let asked = &mut self.voters[voter];
        if now_ns < asked.down_until_ns {
            if self.chance.happens(500) {
                let arrived_ns = now_ns + MS;
                let answer = Answer::Silent;
                self.schedule(arrived_ns, Happening::Answered { host, life, id, answer, arrived_ns });
            }
            return;
        }
        let server = asked.server(now_ns);
        let caller = Caller { electorate: &self.electorate, voter: &asked.name };
        let reply = asked.memory.apply(&server, &caller, question);
        self.trace(|| {
            let what = match question.operation {
                Operation::Observe { .. } => {
                    return format!("v{voter} <- c{host} observe -> {:?}", reply.answer);
                }
                other => other,
            };
            format!("v{voter} <- c{host} {what:?} -> {:?}", reply.answer)
        });
        if reply.hint.is_some() {
            for listener in 0..self.hosts.len() {
                let life = self.hosts[listener].life;
                if let Some(at_ns) = self.delivery(listener, voter, 1) {
                    self.schedule(
                        at_ns,
                        Happening::Hinted { host: listener, life, voter, released: reply.hint },
                    );
                }
            }
        }
        for _ in 0..self.copies() {
            if let Some(arrived_ns) = self.delivery(host, voter, 1) {
                let answer = reply.answer;
                self.schedule(arrived_ns, Happening::Answered { host, life, id, answer, arrived_ns });
            }
        }
    }

    fn copies(&mut self) -> usize {
        if self.chance.happens(self.weather.duplicated) { 2 } else { 1 }
    }

    /// When a message arrives, if it does; 0 is the way to the voter, 1 the way back.
    fn delivery(&mut self, host: usize, voter: usize, way: usize) -> Option<u64> {
        let cut = self.cuts[host * self.voters.len() + voter][way];
        if self.now_ns < cut || self.chance.happens(self.weather.dropped) {
            return None;
        }
        let usual = self.chance.between(50_000, 500_000);
        let late = if self.chance.happens(self.weather.slow) {
            self.chance.below(self.weather.slowest_ms * MS)
        } else {
            0
        };
        Some(self.now_ns + usual + late)
    }

    fn fault(&mut self) -> Result<(), String> {
        if self.healed {
            return Ok(());
        }
        let between = self.weather.between_ms * MS;
        let next = self.now_ns + self.chance.between(between / 2, between + between / 2);
        self.schedule(next, Happening::Fault);
        if self.weather.kinds.is_empty() {
            return Ok(());
        }
        let kind = usize::try_from(self.chance.below(self.weather.kinds.len() as u64)).unwrap();
        let host = usize::try_from(self.chance.below(self.hosts.len() as u64)).unwrap();
        let voter = usize::try_from(self.chance.below(self.voters.len() as u64)).unwrap();
        let kind = self.weather.kinds[kind];
        let while_ns = self.chance.between(1, 3 * TTL_MS) * MS;
        self.trace(|| format!("FAULT {kind:?} c{host} v{voter} {} ms", while_ns / MS));
        match kind {
            Fault::CandidateCrash if self.hosts[host].candidate.is_some() => self.crash(host),
            Fault::CandidateCrash => {}
            Fault::CandidatePause => self.hosts[host].paused_until_ns = self.now_ns + while_ns,
            Fault::Resign => {
                let stand_back = StandBack::For(Duration::from_nanos(while_ns / 4));
                let life = self.hosts[host].life;
                self.tell(host, life, Event::Resign { stand_back }, None)?;
            }
            Fault::LinkCut => {
                let link = host * self.voters.len() + voter;
                let ways = self.chance.between(1, 3);
                for way in (0..2).filter(|way| ways & (1 << way) != 0) {
                    self.cuts[link][way] = self.now_ns + while_ns;
                }
            }
            Fault::HintFlood => {
                let life = self.hosts[host].life;
                for nth in 0..100 {
                    // Some true, some late, most invented.
                    let invented = Released {
                        holder: Ballot(u128::from(self.chance.between(0, 9))),
                        version: self.chance.between(0, 200),
                    };
                    let released = (nth % 10 != 0).then_some(invented);
                    let at_ns = self.now_ns + nth * 10_000;
                    self.schedule(at_ns, Happening::Hinted { host, life, voter, released });
                }
                let request = self.now_ns;
                self.tell(host, life, Event::Verify { request }, None)?;
            }
            _ => self.voter_fault(kind, voter, while_ns),
        }
        Ok(())
    }

    fn voter_fault(&mut self, kind: Fault, voter: usize, while_ns: u64) {
        let now_ns = self.now_ns;
        let chance = &mut self.chance;
        let voter = &mut self.voters[voter];
        let server = voter.server(now_ns);
        self.stepped |= kind == Fault::ClockStep;
        match kind {
            Fault::VoterRestartsWithData => voter.restart(chance),
            Fault::VoterRestartsEmpty => {
                voter.memory.flush();
                voter.restart(chance);
            }
            Fault::VoterDown => {
                voter.down_until_ns = now_ns + while_ns;
                if chance.happens(500) {
                    voter.memory.flush();
                }
                voter.restart(chance);
            }
            Fault::Flush => voter.memory.flush(),
            Fault::KeyDropped => voter.memory.drop_key(),
            Fault::ForeignKey => voter.memory.take_foreign(&server, Some(Duration::from_nanos(while_ns))),
            Fault::ClockStep => {
                let step = i64::try_from(chance.below(120_000_000)).unwrap() - 60_000_000;
                voter.wall_step_us += step;
            }
            Fault::FailOverToStale => {
                voter.fail_over(chance);
                std::mem::swap(&mut voter.memory, &mut voter.stale);
                voter.stale = voter.memory.clone();
            }
            _ => {}
        }
        if chance.happens(300) {
            voter.stale = voter.memory.clone();
        }
    }

    /// Everything works again, but for a minority of voters that stay dead.
    fn heal(&mut self) -> Result<(), String> {
        self.trace(|| "HEALED".into());
        self.healed = true;
        self.weather = Weather::calm();
        self.cuts.iter_mut().for_each(|cut| *cut = [0; 2]);
        let most_dead = (self.setting.voters - 1) / 2;
        let dead = usize::try_from(self.chance.below(most_dead as u64 + 1)).unwrap();
        for voter in 0..self.voters.len() {
            self.voters[voter].memory.drop_key();
            self.voters[voter].down_until_ns = if voter < dead { u64::MAX } else { 0 };
        }
        for host in 0..self.hosts.len() {
            self.hosts[host].paused_until_ns = 0;
            let life = self.hosts[host].life;
            self.start(host)?;
            self.tell(host, life, Event::Wake, None)?;
        }
        Ok(())
    }

    /// One believer at any true time.
    fn check_exclusion(&self, host: usize) -> Result<(), String> {
        let Some(belief) = self.hosts[host].believes(self.now_ns) else { return Ok(()) };
        let others = self.hosts.iter().enumerate().filter(|&(other, _)| other != host);
        for (other, rival) in others {
            if let Some(rival) = rival.believes(self.now_ns) {
                return Err(format!(
                    "two leaders: c{host} in term {} and c{other} in {}",
                    belief.term, rival.term
                ));
            }
        }
        Ok(())
    }

    /// Terms are unique, and larger than that of every leadership that was complete before the attempt began.
    fn check_terms(&mut self, term: Term, took: Duration) -> Result<(), String> {
        let slack = u64::try_from(took.as_nanos()).unwrap() / 50;
        let begun_ns = self.now_ns.saturating_sub(u64::try_from(took.as_nanos()).unwrap() + slack);
        for &(earlier, complete_ns) in &self.elections {
            if term == earlier {
                return Err(format!("term {term} came twice"));
            }
            if complete_ns < begun_ns && term < earlier {
                return Err(format!("term {term} came after term {earlier}"));
            }
        }
        self.elections.push((term, self.now_ns));
        Ok(())
    }

    /// A resignation is complete only when the work has stopped.
    fn check_stopped(&self, host: usize, reason: EndReason) -> Result<(), String> {
        if reason == EndReason::Resigned && self.hosts[host].work_running {
            return Err(format!("c{host} resigned before its work had stopped"));
        }
        Ok(())
    }

    /// A verified leader was the only one at some instant after the request.
    fn check_verified(&mut self, host: usize, request: u64, term: Option<Term>) -> Result<(), String> {
        let Some(term) = term else { return Ok(()) };
        self.counted.verified += 1;
        let newer =
            self.elections.iter().find(|&&(other, complete_ns)| other > term && complete_ns < request);
        match newer {
            Some((newer, _)) => Err(format!("c{host} verified term {term} after term {newer} had begun")),
            None => Ok(()),
        }
    }
}
