//! SIGTERM at the leader: when does the next worker run elsewhere?

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::agent::Work;
use crate::figure::{Figure, samples};
use crate::team::Team;
use crate::work::{self, Scratch};
use crate::{judge, spread};

/// How many, and how many with `BENCH_QUICK=1`.
const HAND_OVERS: (usize, usize) = (200, 10);
/// One leads, two stand by.
const CANDIDATES: usize = 3;
/// Two observe intervals of the defaults, so that it is in step with nothing.
const SPREAD: Duration = Duration::from_millis(100);
/// What may come on top of the command's own time to stop.
const ALLOWANCE_MS: f64 = 40.0;
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(2);

pub fn measure(urls: &[String]) -> Result<()> {
    let scratch = Scratch::new("exec-next")?;
    let file = scratch.file("starts");
    let work = Work { options: Vec::new(), command: work::command("stay", &file)? };
    let mut team = Team::start_working("bench-exec-next", None, vec![urls.to_vec(); CANDIDATES], Some(work))?;
    let (mut took, mut stops) = (Vec::new(), Vec::new());
    for round in 0..samples(HAND_OVERS.0, HAND_OVERS.1) {
        let leader = team.settled()?;
        start(&file, round)?;
        stops.push(stop_alone(&scratch.file(&format!("alone-{round}")))?);
        thread::sleep(Duration::from_millis(20) + spread(round, SPREAD));
        let began = work::boot()?;
        team.member(leader).signal(Signal::SIGTERM)?;
        took.push(start(&file, round + 1)?.saturating_sub(began));
        team.replace(leader)?;
    }
    let stops = Figure::of("command alone, SIGTERM to reaped", &stops)?;
    let took = Figure::of("Quorate exec, SIGTERM to the next worker's first instruction", &took)?;
    judge("exec, next worker, p99 (its own stop + 40 ms)", took.p99_ms, stops.p99_ms + ALLOWANCE_MS)?;
    stops.print()?;
    took.print()
}

/// Waits for the start of this number, the first is 0.
fn start(file: &std::path::Path, number: usize) -> Result<Duration> {
    let began = Instant::now();
    loop {
        if let Some(start) = work::starts(file).get(number) {
            return Ok(*start);
        }
        if began.elapsed() > PATIENCE {
            bail!("no worker starts");
        }
        thread::sleep(LOOK);
    }
}

/// How long the same command takes to stop by itself.
fn stop_alone(file: &std::path::Path) -> Result<Duration> {
    let words = work::command("stay", file)?;
    let (program, arguments) = words.split_first().context("no program")?;
    let mut child = Command::new(program).args(arguments).stdin(Stdio::null()).spawn()?;
    start(file, 0)?;
    let began = work::boot()?;
    kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM)?;
    child.wait()?;
    Ok(work::boot()?.saturating_sub(began))
}
