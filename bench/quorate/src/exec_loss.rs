//! A command that ignores SIGTERM under a leader that loses its quorum: is it dead before `until`?
//!
//! Groups of three servers and one `quorate exec` at once. One trial: two or three servers are stopped at an instant
//! spread evenly over the renewals; until the command is gone its status file is read every two milliseconds for the
//! largest `bootDeadlineNs`, which is `until`; the command writes down its last act. Then the servers go on, and the same
//! process is elected again. An act at or after `until` is a violation, and so is a command that by the word of
//! `exec` was reaped after it.
//!
//! Where the machine gives the elector no time, its timer kills it before `until`, and the guardian the command. Then
//! nobody is left to say when it was reaped: the last act counts, and a new process goes on.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use quorate::local::{LocalServer, ServerOptions};
use serde_json::Value;

use crate::agent::{Agent, Spec, Work};
use crate::figure::{Figure, Line, quantile, samples};
use crate::work::{self, Scratch};
use crate::{judge_in, milliseconds, spread};

const TTL: Duration = Duration::from_secs(2);
/// How many, and how many with `BENCH_QUICK=1`.
const TRIALS: (usize, usize) = (500, 12);
/// At once.
const GROUPS: (usize, usize) = (16, 4);
const VOTERS: usize = 3;
const LOOK: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_mins(1);

/// In milliseconds; positive is safe.
struct Trial {
    /// From the command's last act to `until`.
    acted_ms: f64,
    /// From its having been reaped, with everything of it, to `until`; nothing where the timer killed the elector.
    reaped_ms: Option<f64>,
}

pub fn measure() -> Result<()> {
    let (wanted, groups) = (samples(TRIALS.0, TRIALS.1), samples(GROUPS.0, GROUPS.1));
    let scratch = Scratch::new("exec-loss")?;
    let (begun, trials) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(wanted)));
    let start = Instant::now();
    thread::scope(|scope| {
        let running: Vec<_> = (0..groups)
            .map(|group| {
                let (begun, trials, place) = (&begun, &trials, scratch.file(&group.to_string()));
                scope.spawn(move || run_group(&place, wanted, begun, trials))
            })
            .collect();
        running
            .into_iter()
            .try_for_each(|group| group.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a group broke"))))
    })?;
    let trials = trials.into_inner().unwrap_or_else(PoisonError::into_inner);
    let seconds = start.elapsed().as_secs();
    let count = trials.len();
    Line::Note(format!(
        "exec, quorum lost: {count} trials in {seconds} s, {groups} groups of {VOTERS} servers at once"
    ))
    .print()?;
    tell(&trials)
}

fn tell(trials: &[Trial]) -> Result<()> {
    let acted: Vec<f64> = trials.iter().map(|trial| trial.acted_ms).collect();
    let reaped: Vec<f64> = trials.iter().filter_map(|trial| trial.reaped_ms).collect();
    Figure::of_ms("Quorate exec, quorum lost: last act before until", &acted)?.print()?;
    Figure::of_ms("Quorate exec, quorum lost: reaped before until", &reaped)?.print()?;
    let (low, lowest) = (quantile(&reaped, 0.01), reaped.iter().copied().fold(f64::INFINITY, f64::min));
    let by_timer = trials.len() - reaped.len();
    Line::Note(format!(
        "reaped before until: 1 in 100 is below {low:.1} ms, the least {lowest:.1} ms; {by_timer} times the timer \
         killed an elector that had no time to do it"
    ))
    .print()?;
    let is_late =
        |trial: &&Trial| trial.acted_ms <= 0.0 || trial.reaped_ms.is_some_and(|reaped| reaped < 0.0);
    let late = trials.iter().filter(is_late).count();
    #[expect(clippy::cast_precision_loss, reason = "at most a few hundred")]
    judge_in("trials", "exec, quorum lost: alive at until", late as f64, 0.0)?;
    if late > 0 {
        bail!("{late} violations of safety");
    }
    Ok(())
}

fn run_group(place: &Path, wanted: usize, begun: &AtomicUsize, trials: &Mutex<Vec<Trial>>) -> Result<()> {
    let mut group = Group::start(place)?;
    loop {
        let round = begun.fetch_add(1, Ordering::Relaxed);
        if round >= wanted {
            return Ok(());
        }
        let trial = group.trial(round).with_context(|| format!("trial {round}"))?;
        trials.lock().unwrap_or_else(PoisonError::into_inner).push(trial);
    }
}

struct Group {
    servers: Vec<LocalServer>,
    agent: Agent,
    work: Work,
    urls: Vec<String>,
    beats: PathBuf,
    status: PathBuf,
}

fn start_agent(urls: &[String], work: &Work) -> Result<Agent> {
    let identity = "one".to_owned();
    Agent::start(&Spec { election: "bench-exec-loss", identity, ttl: Some("2s"), urls, work: Some(work) })
}

impl Group {
    fn start(place: &Path) -> Result<Self> {
        let servers = (0..VOTERS)
            .map(|_| LocalServer::start(ServerOptions::new("redis-server")))
            .collect::<Result<Vec<_>, _>>()?;
        let urls: Vec<String> = servers.iter().map(LocalServer::url).collect();
        let (beats, status) = (place.with_extension("beat"), place.with_extension("status"));
        let options = vec!["--status-file".to_owned(), status.to_str().context("no text")?.to_owned()];
        let work = Work { options, command: work::command("stubborn", &beats)? };
        Ok(Self { agent: start_agent(&urls, &work)?, servers, work, urls, beats, status })
    }

    /// Term and `until`, while it leads.
    fn claim(&self) -> Option<(u64, Duration)> {
        let status: Value = serde_json::from_str(&std::fs::read_to_string(&self.status).ok()?).ok()?;
        Some((status["term"].as_u64()?, Duration::from_nanos(status["bootDeadlineNs"].as_u64()?)))
    }

    fn trial(&mut self, round: usize) -> Result<Trial> {
        let term = self.settled()?;
        thread::sleep(spread(round, TTL / 5));
        let (count, first) = (2 + round % 2, round / 2);
        let stopped = |servers: &[LocalServer], act: fn(&LocalServer) -> Result<()>| {
            (0..count).map(|index| &servers[(first + index) % VOTERS]).try_for_each(act)
        };
        let mut until = Duration::ZERO;
        stopped(&self.servers, |server| Ok(server.stop()?))?;
        let began = Instant::now();
        let ended = loop {
            until = self.claim().filter(|claim| claim.0 == term).map_or(until, |claim| until.max(claim.1));
            if let Some(line) = self.agent.told_already("command ended") {
                break Some(line);
            }
            if let Some(how) = self.agent.ended()? {
                Line::Note(format!("exec, quorum lost: an agent ended, {how}")).print()?;
                break None;
            }
            if began.elapsed() > PATIENCE {
                bail!("the command does not end");
            }
            thread::sleep(LOOK);
        };
        stopped(&self.servers, |server| Ok(server.resume()?))?;
        let last = work::last_act(&self.beats, term).context("it never acted")?;
        let before = until.saturating_sub(last);
        let acted_ms =
            if before.is_zero() { -milliseconds(last.saturating_sub(until)) } else { milliseconds(before) };
        let Some(ended) = ended else {
            self.agent = start_agent(&self.urls, &self.work)?;
            return Ok(Trial { acted_ms, reaped_ms: None });
        };
        if ended["term"] != term || ended["how"] != "killed" {
            bail!("another end: {ended}");
        }
        Ok(Trial { acted_ms, reaped_ms: Some(ended["to_until_ms"].as_f64().context("no to_until_ms")?) })
    }

    /// Waits until the command acts and all voters are held.
    fn settled(&self) -> Result<u64> {
        let began = Instant::now();
        loop {
            let claim = self.claim().filter(|claim| work::last_act(&self.beats, claim.0).is_some());
            if let Some((term, _)) = claim {
                // The file of an elector that was killed stays until the next one writes its own.
                let told = self.agent.status()?;
                if told["term"] == term && told["votersHeld"] == VOTERS {
                    return Ok(term);
                }
            }
            if began.elapsed() > PATIENCE {
                bail!("nobody leads");
            }
            thread::sleep(LOOK);
        }
    }
}
