//! Measures Quorate over the very servers that its alternatives are measured over.
//!
//! Every command is one part and prints the JSON lines of `bench/rivals/src/figure.rs`. `BENCH_PORTS` and `BENCH_PIDS`
//! name five Redis servers; parts that stop or kill servers start their own. Processes are `target/release/quorate`,
//! or what `QUORATE_BIN` names. A figure that misses what was asked for is printed as such and is no failure; a
//! leader past the end of its validity is.

mod agent;
mod crash;
mod election;
mod exec_loss;
mod exec_next;
mod exec_start;
#[path = "../../rivals/src/figure.rs"]
mod figure;
mod hand_over;
mod idle;
mod proxy;
mod quorum_loss;
mod team;
mod work;

use std::env;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use figure::{Line, Verdict};

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["election"] => election::measure(&numbers("BENCH_PORTS")?, &numbers("BENCH_PIDS")?),
        ["hand-over"] => hand_over::measure(&urls()?),
        ["crash"] => crash::measure(&urls()?),
        ["quorum-loss"] => quorum_loss::measure(),
        ["exec-start"] => exec_start::measure(&urls()?),
        ["exec-next"] => exec_next::measure(&urls()?),
        ["exec-loss"] => exec_loss::measure(),
        ["work", kind, file] => return work::play(kind, Path::new(file)),
        ["idle"] => idle::measure(&urls()?),
        _ => bail!(
            "usage: bench-quorate election | hand-over | crash | quorum-loss | exec-start | exec-next | exec-loss | idle"
        ),
    }?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load: Vec<&str> = load.split(' ').take(3).collect();
    Line::Note(format!("load average after {}: {}", words.join(" "), load.join(" "))).print()
}

fn numbers<T: std::str::FromStr>(variable: &str) -> Result<Vec<T>> {
    let listed = env::var(variable).with_context(|| format!("{variable} is not set: run `make bench`"))?;
    let parse = |text: &str| text.parse().ok().with_context(|| format!("{variable}: not a number: {text}"));
    listed.split(',').map(parse).collect()
}

fn urls() -> Result<Vec<String>> {
    let ports: Vec<u16> = numbers("BENCH_PORTS")?;
    Ok(ports.iter().map(|port| format!("redis://127.0.0.1:{port}")).collect())
}

/// Prints a duration beside what it must not exceed.
fn judge(what: &str, measured_ms: f64, at_most_ms: f64) -> Result<()> {
    judge_in("ms", what, measured_ms, at_most_ms)
}

fn judge_in(unit: &str, what: &str, measured: f64, at_most: f64) -> Result<()> {
    let (what, unit) = (what.to_owned(), unit.to_owned());
    Line::Verdict(Verdict { what, measured, at_most, unit }).print()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Spreads the instants at which things are broken evenly, the same in every run: steps of the golden ratio.
fn spread(round: usize, over: Duration) -> Duration {
    const STEP: u64 = 11_400_714_819_323_198_485;
    let share = (round as u64).wrapping_mul(STEP) >> 32;
    Duration::from_nanos(u64::try_from((over.as_nanos() * u128::from(share)) >> 32).unwrap_or(u64::MAX))
}
