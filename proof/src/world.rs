//! A world of candidates, voters and links, driven event by event in true time.
//!
//! An *event* is one message delivered (a question to a voter, an answer or a hint to a candidate, an act to the
//! resource), one timer of a process, or one fault. Messages that are lost, and wake-ups that have been moved, are
//! none.
//!
//! Here is what a world consists of and how it goes on; its children hold the messages (`delivery`), what becomes of a
//! candidate's actions (`acting`), the faults (`faults`), the worlds beyond the protocol's limits (`limits`), and what a world is made
//! from (`setting`).

mod acting;
mod delivery;
mod faults;
mod limits;
mod setting;

use std::fmt::Write as _;
use std::time::Duration;

use crate::agenda::Agenda;
use crate::chance::Chance;
use crate::contender::{Contender, Memory, Protocol};
use crate::core::{
    Answer, Ballot, Event, Moment, Question, QuestionId, Released, ResetPolicy, Settings, Term, Timing,
    VoterModel, observer_wait,
};
use crate::counted::Counted;
use crate::host::Host;
use crate::oracles::{Broken, Elections, Promise, Resource, seconds};
use crate::redlock::RedlockStore;
use crate::server::VoterServer;
use crate::weather::Weather;

pub use self::limits::Limit;
pub use self::setting::{Setting, Trace, Trouble};

const MS: u64 = 1_000_000;
/// ρ, within which the protocol promises exclusion.
const RATE_BOUND_PPM: i64 = 5_000;
/// The base ttl of a world; its candidates' own ttls lie between once and twice that.
const BASE_TTLS_MS: [u64; 4] = [1_000, 2_000, 5_000, 10_000];
/// How long faults go on: 6 times the longest ttl there may be.
const STORM_NS: u64 = 120_000 * MS;

/// What will happen.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Asked(Asked),
    Answered(Answered),
    Hinted { host: usize, life: u32, server: usize, voter: usize, released: Option<Released> },
    WorkStopped { host: usize, life: u32 },
    Campaigns { host: usize, life: u32 },
    Acts { host: usize, life: u32 },
    ActArrives { host: usize, leadership: u64, term: Term },
    Starts { host: usize },
    ClocksStart { host: usize },
    Unfreezes { server: usize },
    Promoted { server: usize },
    FailsBack { server: usize },
    Dies { server: usize },
    Fault,
    Scripted { step: u32 },
    Heals,
}

/// A question under way.
#[derive(Clone, Copy, Debug)]
struct Asked {
    host: usize,
    life: u32,
    voter: usize,
    id: QuestionId,
    sent_ns: u64,
    question: Question,
}

/// An answer under way.
#[derive(Clone, Copy, Debug)]
struct Answered {
    host: usize,
    life: u32,
    id: QuestionId,
    sent_ns: u64,
    ballot: Option<Ballot>,
    answer: Answer,
    /// Set where the answer was read in a pause: what the clocks showed then.
    received: Option<Moment>,
}

/// A world.
#[expect(clippy::struct_excessive_bools, reason = "what has happened so far: none follows from another")]
pub struct World {
    setting: Setting,
    now_ns: u64,
    agenda: Agenda<Happening>,
    chance: Chance,
    weather: Weather,
    hosts: Vec<Host>,
    servers: Vec<VoterServer>,
    /// Which server a host finds under a voter's address.
    addresses: Vec<Vec<usize>>,
    /// Until when nothing passes, by host and voter: the way there, and the way back.
    cuts: Vec<Vec<[u64; 2]>>,
    electorates: Vec<String>,
    base_ttl_ns: u64,
    elections: Elections,
    resource: Resource,
    /// How many leaderships there have been, and the newest of them that has acted.
    leaderships: u64,
    newest_acted: u64,
    /// A wall clock has lied, so that the floor of a reset may be too low.
    lied: bool,
    /// And it was: the terms of the new epoch are smaller than those of the last one.
    order_is_lost: bool,
    met_strangers: bool,
    /// Whether replicas are kept at the state in which they were last released.
    keeps_released: bool,
    healed_ns: Option<u64>,
    has_led_since_healing: bool,
    broken: Vec<Broken>,
    trace: String,
    counted: Counted,
}

/// What became of a world.
pub struct Outcome {
    /// The promises that were broken, each once, in the order of time.
    pub broken: Vec<Broken>,
    /// What happened.
    pub counted: Counted,
    /// What was written down.
    pub trace: String,
}

impl World {
    /// A world at its beginning.
    #[must_use]
    pub fn new(setting: Setting) -> Self {
        let mut chance =
            Chance::of_seed(setting.seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ setting.voters as u64);
        let base_ttl_ns = BASE_TTLS_MS[chance.index(BASE_TTLS_MS.len())] * MS;
        let shape = setting.trouble.shape(&mut chance, setting.voters);
        let mut hosts = Vec::with_capacity(shape.hosts);
        for host in 0..shape.hosts {
            let ttl = shape.ttl(host, base_ttl_ns, &mut chance);
            hosts.push(Host::drawn(&mut chance, ttl, shape.rate_bound_ppm));
        }
        let servers: Vec<_> = (0..shape.servers)
            .map(|index| {
                let memory = match setting.protocol {
                    Protocol::Quorate => Memory::Quorate(VoterModel::new(setting.planted)),
                    Protocol::Redlock => Memory::Redlock(RedlockStore::default()),
                };
                VoterServer::drawn(&mut chance, memory, format!("v{}", index % setting.voters))
            })
            .collect();
        let weather = match setting.trouble {
            Trouble::Storm => Weather::drawn(&mut chance, base_ttl_ns, setting.voters),
            Trouble::Only(fault) => Weather::only(fault, base_ttl_ns),
            Trouble::Network { dropped, duplicated, slow } => {
                Weather { dropped, duplicated, slow, slowest_ns: 3 * base_ttl_ns, ..Weather::calm() }
            }
            Trouble::Beyond(_) => Weather::calm(),
        };
        let names: Vec<_> = servers[..setting.voters].iter().map(|server| server.name.as_str()).collect();
        let electorates = vec![format!("1 {}", names.join(",")), format!("1 {},other", names.join(","))];
        let mut world = Self {
            setting,
            now_ns: 0,
            agenda: Agenda::new(),
            addresses: shape.addresses(setting.voters),
            cuts: vec![vec![[0; 2]; setting.voters]; hosts.len()],
            chance,
            weather,
            hosts,
            servers,
            electorates,
            base_ttl_ns,
            elections: Elections::default(),
            resource: Resource::default(),
            leaderships: 0,
            newest_acted: 0,
            lied: false,
            order_is_lost: false,
            met_strangers: false,
            keeps_released: false,
            healed_ns: None,
            has_led_since_healing: false,
            broken: Vec::new(),
            trace: String::new(),
            counted: Counted::new(),
        };
        world.set_out();
        world
    }

    /// What is certain to happen.
    fn set_out(&mut self) {
        for host in 0..self.hosts.len() {
            let start_ns = self.first_start_ns(host);
            if start_ns < u64::MAX {
                self.agenda.add(start_ns, Happening::Starts { host });
            }
        }
        for server in 0..self.weather.dying {
            let death = self.chance.below(STORM_NS);
            self.agenda.add(death, Happening::Dies { server });
        }
        match self.setting.trouble {
            Trouble::Beyond(_) => self.agenda.add(6 * self.base_ttl_ns, Happening::Scripted { step: 0 }),
            _ => self.agenda.add(self.weather.between_ns, Happening::Fault),
        }
        self.agenda.add(STORM_NS, Happening::Heals);
    }

    /// Lives through the storm and until there has been a leader after healing, or until a promise is broken.
    #[must_use]
    pub fn run(mut self) -> Outcome {
        let bound_ns = STORM_NS + self.liveness_bound_ns();
        while !self.is_over() {
            if self.now_ns > bound_ns {
                self.break_promise(Promise::Liveness, || {
                    format!("no leader {:.3} s after healing", seconds(bound_ns - STORM_NS))
                });
                break;
            }
            self.step();
        }
        self.counted.simulated_ns = self.now_ns;
        Outcome { broken: self.broken, counted: self.counted, trace: self.trace }
    }

    fn is_over(&self) -> bool {
        (self.setting.ends_when_broken && !self.broken.is_empty())
            || (self.healed_ns.is_some() && self.has_led_since_healing)
    }

    /// How long after healing there may be no leader. The longest way: members that cannot be read are waited for
    /// 2·O(T), a restarted candidate or the ballot of one that died in between is watched for O(T) more, and another
    /// O(T) where that happens to the next one; the rest is for polls, split votes and their pauses.
    fn liveness_bound_ns(&self) -> u64 {
        let longest =
            self.hosts.iter().map(|host| host.ttl).max().unwrap_or_default().max(self.longest_ttl());
        u64::try_from((4 * observer_wait(longest) + 4 * longest).as_nanos()).unwrap_or(u64::MAX)
    }

    /// The longest ttl that any candidate of this world may ever have.
    fn longest_ttl(&self) -> Duration {
        Duration::from_nanos(2 * self.base_ttl_ns)
    }

    fn step(&mut self) {
        let wakes = self.hosts.iter().enumerate().map(|(host, asleep)| (asleep.wake_ns, host));
        let (wake_ns, host) = wakes.min().unwrap_or((u64::MAX, 0));
        if wake_ns <= self.agenda.next_ns() {
            self.now_ns = wake_ns;
            self.hosts[host].wake_ns = u64::MAX;
            self.hosts[host].wake = None;
            self.tell(host, Event::Wake);
            return;
        }
        self.now_ns = self.agenda.next_ns();
        if let Some(happening) = self.agenda.take() {
            self.happen(&happening);
        }
    }

    fn happen(&mut self, happening: &Happening) {
        match *happening {
            Happening::Asked(ref asked) => self.on_asked(asked),
            Happening::Answered(ref answered) => self.on_answered(answered),
            Happening::Hinted { host, life, server, voter, released } => {
                if self.addresses[host][voter] == server && self.is_awake(host, life, happening) {
                    self.tell(host, Event::Hint { voter, released });
                }
            }
            Happening::WorkStopped { host, life } => {
                if self.is_awake(host, life, happening) {
                    self.hosts[host].work_running = false;
                    self.tell(host, Event::WorkStopped);
                }
            }
            Happening::Campaigns { host, life } => {
                if self.is_awake(host, life, happening) {
                    self.tell(host, Event::Campaign);
                }
            }
            Happening::Acts { host, life } => self.on_act(host, life, happening),
            Happening::ActArrives { host, leadership, term } => self.on_act_arrives(host, leadership, term),
            Happening::Starts { host } => self.start(host),
            Happening::ClocksStart { host } => self.hosts[host].start_clocks(self.now_ns),
            Happening::Unfreezes { server } => self.servers[server].unfreeze(self.now_ns),
            Happening::Promoted { .. } | Happening::FailsBack { .. } if self.healed_ns.is_some() => {}
            Happening::Promoted { server } => self.servers[server].promote(&mut self.chance),
            Happening::FailsBack { server } => self.servers[server].fail_over(&mut self.chance),
            Happening::Dies { server } => self.servers[server].down_until_ns = u64::MAX,
            Happening::Fault => self.on_fault(),
            Happening::Scripted { step } => self.on_scripted(step),
            Happening::Heals => self.heal(),
        }
    }

    /// Whether that life of a process is there and does something; in a pause, what happens is put off to its end.
    fn is_awake(&mut self, host: usize, life: u32, happening: &Happening) -> bool {
        let addressed = &self.hosts[host];
        if addressed.life != life || addressed.contender.is_none() {
            return false;
        }
        if self.now_ns < addressed.paused_until_ns {
            self.agenda.add(addressed.paused_until_ns, *happening);
            return false;
        }
        true
    }

    /// Hands an event to a candidate, and does what it wants done.
    fn tell(&mut self, host: usize, event: Event) {
        let Some(mut contender) = self.hosts[host].contender.take() else { return };
        self.counted.event(self.now_ns, host as u64);
        let shown_holder = match &event {
            Event::Answer { answer: Answer::Observed(shown), .. } => shown.seen.holder,
            _ => None,
        };
        contender.handle(self.hosts[host].now(self.now_ns), event);
        while let Some(action) = contender.poll_action() {
            self.act(host, &action, shown_holder);
        }
        let wake = contender.poll_timeout();
        let told = &mut self.hosts[host];
        told.contender = Some(contender);
        if told.wake == wake {
            return;
        }
        told.set_wake(self.now_ns, wake);
        if wake.is_some_and(|wake| wake.is_at_or_before(told.moment(self.now_ns))) {
            self.break_promise(Promise::NoSpinning, || format!("c{host} asks to be woken in the past"));
        }
    }

    fn start(&mut self, host: usize) {
        if self.hosts[host].contender.is_some() {
            return;
        }
        let ttl = self.hosts[host].ttl;
        let settings = Settings {
            timing: Timing::of_ttl(ttl),
            voters: self.setting.voters,
            on_epoch_reset: ResetPolicy::Continue,
            planted: self.setting.planted,
        };
        let chance = self.chance.fork();
        self.hosts[host].contender = Some(Contender::new(self.setting.protocol, settings, chance));
        self.note(Trace::Changes, || format!("c{host} starts, ttl {ttl:?}"));
        self.tell(host, Event::Wake);
    }

    fn break_promise(&mut self, promise: Promise, how: impl FnOnce() -> String) {
        if self.broken.iter().any(|broken| broken.promise == promise) {
            return;
        }
        let broken = Broken { promise, at_ns: self.now_ns, how: how() };
        self.note(Trace::Changes, || format!("BROKEN: {broken}"));
        self.broken.push(broken);
    }

    fn note(&mut self, level: Trace, what: impl FnOnce() -> String) {
        if level <= self.setting.trace {
            let _infallible = writeln!(self.trace, "{:>12.6} s  {}", seconds(self.now_ns), what());
        }
    }
}
