//! From *elected* to the first instruction of the command, beside the same command without `quorate exec`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::agent::{Agent, Spec, Work};
use crate::figure::{Figure, Line, samples};
use crate::judge;
use crate::work::{self, Scratch};

/// How many, and how many with `BENCH_QUICK=1`.
const STARTS: (usize, usize) = (200, 10);
/// What `exec` may take beyond the bare command.
const AT_MOST_MS: f64 = 10.0;

pub fn measure(urls: &[String]) -> Result<()> {
    let scratch = Scratch::new("exec-start")?;
    for (shelter, name) in [("never", "process group"), ("always", "PID namespace")] {
        let (mut bare, mut under) = (Vec::new(), Vec::new());
        for round in 0..samples(STARTS.0, STARTS.1) {
            let file = scratch.file(&format!("{shelter}-{round}"));
            bare.push(start_bare(&file.with_extension("bare"))?);
            let Some(took) = start_under(urls, shelter, round, &file)? else { break };
            under.push(took);
        }
        if under.is_empty() {
            Line::Note(format!("{name}: cannot be made here, and so not measured")).print()?;
            continue;
        }
        let bare = Figure::of(&format!("command alone, fork to first instruction ({name})"), &bare)?;
        let under = Figure::of(&format!("Quorate exec, elected to first instruction ({name})"), &under)?;
        judge(
            &format!("exec, {name}: beyond the bare command, p50"),
            under.p50_ms - bare.p50_ms,
            AT_MOST_MS,
        )?;
        judge(
            &format!("exec, {name}: beyond the bare command, p99"),
            under.p99_ms - bare.p99_ms,
            AT_MOST_MS,
        )?;
        bare.print()?;
        under.print()?;
    }
    Ok(())
}

fn start_bare(file: &Path) -> Result<Duration> {
    let words = work::command("end", file)?;
    let (program, arguments) = words.split_first().context("no program")?;
    let began = work::boot()?;
    Command::new(program).args(arguments).stdin(Stdio::null()).status()?;
    Ok(first_start(file)?.saturating_sub(began))
}

/// Nothing where it cannot be done here.
fn start_under(urls: &[String], shelter: &str, round: usize, file: &Path) -> Result<Option<Duration>> {
    let options = ["--on-exit", "exit", "--pid-namespace", shelter].map(str::to_owned).to_vec();
    let work = Work { options, command: work::command("end", file)? };
    let identity = format!("{shelter}-{round}");
    let spec = Spec { election: "bench-exec-start", identity, ttl: None, urls, work: Some(&work) };
    let Ok(agent) = Agent::start(&spec) else { return Ok(None) };
    let elected = agent.told("elected")?;
    agent.reap()?;
    // The log tells the wall clock, the work the boot clock: read both at one instant.
    let (boot, wall) = (work::boot()?, std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?);
    let elected = time_of_day(elected["timestamp"].as_str().context("no timestamp")?)?;
    let day = Duration::from_hours(24);
    let ago = (wall.as_nanos() + day.as_nanos() - elected.as_nanos()) % day.as_nanos();
    let elected = boot.saturating_sub(Duration::from_nanos(u64::try_from(ago)?));
    Ok(Some(first_start(file)?.saturating_sub(elected)))
}

fn first_start(file: &Path) -> Result<Duration> {
    work::starts(file).first().copied().context("the command did not start")
}

/// Of `2026-01-02T03:04:05.678901Z`.
fn time_of_day(timestamp: &str) -> Result<Duration> {
    let text = timestamp.split_once('T').and_then(|(_, text)| text.strip_suffix('Z')).context("no time")?;
    let mut seconds = 0.0;
    for part in text.split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>()?;
    }
    Ok(Duration::from_secs_f64(seconds))
}
