//! Loss of quorum: does the last 200 of `/leaderz` come before `until`?
//!
//! Groups of five servers and two candidates at once. One trial: the leader is asked without a pause between the
//! answers but a short one; servers are stopped (SIGSTOP) or killed, or the leader alone is cut off (silence or
//! resets); everything is healed when `until` has long passed. An answer is computed between the send of its request
//! and its receipt: a 200 whose request was sent at or after `until` is a violation. What `until` is, the answers'
//! own validity tells; but only that of the answers until a voter timeout after the break, because later ones could
//! excuse themselves. So a later answer that tells of a later `until` is a violation, too, and so is a 200 after the
//! break + D, whatever any answer says, and a successor before `until`.

use std::env;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use quorate::core::leader_validity;
use quorate::local::{LocalServer, Memory, ServerOptions};
use tokio::runtime::{Builder, Runtime};

use crate::agent::Answer;
use crate::figure::{Figure, Line, samples};
use crate::proxy::{Network, Proxies};
use crate::team::Team;
use crate::{judge_in, spread};

const TTL: Duration = Duration::from_secs(2);
/// L/20, but at least 50 ms: how long a renewal that was under way may take to be acknowledged.
const VOTER_TIMEOUT: Duration = Duration::from_millis(100);
/// How many, and how many with `BENCH_QUICK=1`.
const TRIALS: (usize, usize) = (1000, 24);
/// At once, unless `BENCH_GROUPS` says otherwise.
const GROUPS: usize = 16;
/// Between an answer of `/leaderz` and the next question.
const PAUSE: Duration = Duration::from_millis(4);
/// How long after `until` the leader is still asked.
const AFTER_UNTIL: Duration = Duration::from_millis(200);
/// Validity is told in whole milliseconds, and an answer travels.
const TOLD_WITHIN: Duration = Duration::from_millis(2);

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ServersStopped,
    ServersKilled,
    LeaderCutOff,
}

const KINDS: [Kind; 3] = [Kind::ServersStopped, Kind::LeaderCutOff, Kind::ServersKilled];

/// What one trial showed, in milliseconds; positive is safe.
struct Trial {
    kind: Kind,
    /// From the request of the last 200 to `until`.
    margin_ms: f64,
    /// From the receipt of the last 200 to `until`.
    strict_margin_ms: f64,
    /// From `until` to the successor's word, where the leader alone was cut off.
    successor_ms: Option<f64>,
    violations: Vec<String>,
}

pub fn measure() -> Result<()> {
    let wanted = samples(TRIALS.0, TRIALS.1);
    let groups = match env::var("BENCH_GROUPS") {
        Ok(text) => text.parse().context("BENCH_GROUPS: not a number")?,
        Err(_) => samples(GROUPS, 6),
    };
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let begun: [AtomicUsize; 3] = Default::default();
    let trials = Mutex::new(Vec::with_capacity(wanted));
    let start = Instant::now();
    thread::scope(|scope| {
        let running: Vec<_> = (0..groups)
            .map(|group| {
                let (runtime, begun, trials) = (&runtime, &begun, &trials);
                scope.spawn(move || run_group(runtime, group, wanted, begun, trials))
            })
            .collect();
        running.into_iter().try_for_each(|group| {
            group.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a group of candidates broke")))
        })
    })?;
    let trials = trials.into_inner().unwrap_or_else(PoisonError::into_inner);
    let took = start.elapsed().as_secs();
    Line::Note(format!(
        "loss of quorum: {} trials in {took} s, {groups} groups of 5 servers at once",
        trials.len()
    ))
    .print()?;
    tell(&trials)
}

fn tell(trials: &[Trial]) -> Result<()> {
    for kind in KINDS {
        let ms: Vec<f64> =
            trials.iter().filter(|trial| trial.kind == kind).map(|trial| trial.margin_ms).collect();
        Figure::of_ms(&format!("Quorate quorum lost, last 200 before until, {}", kind.word()), &ms)?
            .print()?;
    }
    let all: Vec<f64> = trials.iter().map(|trial| trial.margin_ms).collect();
    let p1 = crate::figure::quantile(&all, 0.01);
    Line::Note(format!("margin of the last 200 before until: 1 in 100 is below {p1:.1} ms")).print()?;
    Figure::of_ms("Quorate quorum lost, last 200 before until, all", &all)?.print()?;
    let strict: Vec<f64> = trials.iter().map(|trial| trial.strict_margin_ms).collect();
    Figure::of_ms("… counted to the receipt of the answer", &strict)?.print()?;
    let successors: Vec<f64> = trials.iter().filter_map(|trial| trial.successor_ms).collect();
    Figure::of_ms("Quorate leader cut off, until to the next leader", &successors)?.print()?;
    let violations: Vec<&String> = trials.iter().flat_map(|trial| &trial.violations).collect();
    #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
    judge_in("trials", "loss of quorum: told leader past until", violations.len() as f64, 0.0)?;
    if let Some(first) = violations.first() {
        bail!("{} violations of safety; the first: {first}", violations.len());
    }
    Ok(())
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::ServersStopped => "stopped",
            Self::ServersKilled => "killed",
            Self::LeaderCutOff => "cut off",
        }
    }
}

/// Trials of one kind until all groups together have enough of it.
fn run_group(
    runtime: &Runtime,
    group: usize,
    wanted: usize,
    begun: &[AtomicUsize; 3],
    trials: &Mutex<Vec<Trial>>,
) -> Result<()> {
    let place = group % KINDS.len();
    let of_this_kind = wanted / KINDS.len() + usize::from(place < wanted % KINDS.len());
    let mut group = Group::start(runtime, KINDS[place])?;
    loop {
        let round = begun[place].fetch_add(1, Ordering::Relaxed);
        if round >= of_this_kind {
            return Ok(());
        }
        let trial = group.trial(round).with_context(|| format!("{:?}, trial {round}", KINDS[place]))?;
        trials.lock().unwrap_or_else(PoisonError::into_inner).push(trial);
    }
}

struct Group {
    kind: Kind,
    servers: Vec<LocalServer>,
    /// Of each candidate, where it is candidates that are cut off.
    proxies: Vec<Proxies>,
    team: Team,
}

impl Group {
    fn start(runtime: &Runtime, kind: Kind) -> Result<Self> {
        let servers = (0..5)
            .map(|_| LocalServer::start(ServerOptions::new("redis-server")))
            .collect::<Result<Vec<_>, _>>()?;
        let ports: Vec<u16> = servers.iter().map(LocalServer::port).collect();
        let mut proxies = Vec::new();
        if kind == Kind::LeaderCutOff {
            for _ in 0..2 {
                proxies.push(Proxies::start(runtime, &ports)?);
            }
        }
        let direct: Vec<String> = servers.iter().map(LocalServer::url).collect();
        let urls = if proxies.is_empty() {
            vec![direct; 2]
        } else {
            proxies.iter().map(|proxies| proxies.urls.clone()).collect()
        };
        Ok(Self { kind, servers, proxies, team: Team::start("bench-quorum-loss", Some("2s"), urls)? })
    }

    fn trial(&mut self, round: usize) -> Result<Trial> {
        let leader = self.team.settled()?;
        let mut client = self.team.member(leader).client()?;
        // Evenly over the leader's renewals.
        thread::sleep(spread(round, TTL / 5));
        let mut seen = Seen::default();
        seen.note(&client.get("/leaderz")?)?;
        self.break_it(round, leader)?;
        let broken = Instant::now();
        seen.broken = Some(broken);
        loop {
            seen.note(&client.get("/leaderz")?)?;
            let until = seen.until.context("the leader does not lead")?;
            if Instant::now() > until + AFTER_UNTIL {
                break;
            }
            thread::sleep(PAUSE);
        }
        let successor = self.team.successor(leader, broken);
        self.heal(leader)?;
        seen.judged(self.kind, broken, successor.filter(|_| self.kind == Kind::LeaderCutOff))
    }

    fn break_it(&mut self, round: usize, leader: usize) -> Result<()> {
        // Three, four or five of the five, beginning anywhere.
        let (count, first) = (3 + round % 3, round / 3);
        match self.kind {
            Kind::ServersStopped => {
                (0..count).try_for_each(|index| self.servers[(first + index) % 5].stop())?;
            }
            Kind::ServersKilled => (0..count).for_each(|index| self.servers[(first + index) % 5].kill()),
            Kind::LeaderCutOff => {
                let network = if round.is_multiple_of(2) { Network::Silent } else { Network::Resetting };
                self.proxies[leader].set(network);
            }
        }
        Ok(())
    }

    fn heal(&mut self, leader: usize) -> Result<()> {
        match self.kind {
            Kind::ServersStopped => self.servers.iter().try_for_each(LocalServer::resume)?,
            Kind::ServersKilled => {
                for server in self.servers.iter_mut().filter(|server| server.pid().is_none()) {
                    server.restart(Memory::Empty)?;
                }
            }
            Kind::LeaderCutOff => self.proxies[leader].set(Network::Open),
        }
        Ok(())
    }
}

/// What the answers of `/leaderz` showed so far.
#[derive(Default)]
struct Seen {
    broken: Option<Instant>,
    /// As told by the answers until a voter timeout after the break; never later than it is.
    until: Option<Instant>,
    /// Of the last 200: sent and received.
    last: Option<(Instant, Instant)>,
    violations: Vec<String>,
}

impl Seen {
    fn note(&mut self, answer: &Answer) -> Result<()> {
        let validity = answer.validity()?;
        if answer.code == 200 {
            self.last = Some((answer.sent, answer.received));
        }
        let may_still_move = self.broken.is_none_or(|broken| answer.sent < broken + VOTER_TIMEOUT);
        let told = (!validity.is_zero()).then(|| answer.sent + validity);
        match (told, self.until) {
            (Some(told), until) if may_still_move => {
                self.until = Some(until.map_or(told, |until| until.max(told)));
            }
            (Some(told), Some(until)) if told > until + TOLD_WITHIN => {
                self.violations.push(format!("until moved {:?} without a quorum", told - until));
            }
            _ => {}
        }
        Ok(())
    }

    fn judged(self, kind: Kind, broken: Instant, successor: Option<Instant>) -> Result<Trial> {
        let Self { broken: _, until, last, mut violations } = self;
        let until = until.context("no validity was told")?;
        let (sent, received) = last.context("no 200 was seen")?;
        if sent >= until {
            violations.push(format!("{kind:?}: a 200 was asked for {:?} after until", sent - until));
        }
        if sent >= broken + leader_validity(TTL) {
            violations.push(format!("{kind:?}: a 200 was asked for later than the break + D"));
        }
        if let Some(successor) = successor.filter(|&successor| successor < until) {
            violations.push(format!("{kind:?}: the next leader came {:?} before until", until - successor));
        }
        Ok(Trial {
            kind,
            margin_ms: signed_ms(sent, until),
            strict_margin_ms: signed_ms(received, until),
            successor_ms: successor.map(|successor| signed_ms(until, successor)),
            violations,
        })
    }
}

fn signed_ms(from: Instant, to: Instant) -> f64 {
    let ms = crate::milliseconds;
    if to >= from { ms(to - from) } else { -ms(from - to) }
}
