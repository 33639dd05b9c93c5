//! `rslock`, a Redlock library: what a lock takes, and how long nobody holds it when one process hands it to another.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::time::{ClockId, clock_gettime};
use rslock::LockManager;
use tokio::runtime::Builder;

use crate::figure::{Figure, samples};
use crate::servers::Ended;

const TTL: Duration = Duration::from_secs(10);
/// How many of each, and how many with `BENCH_QUICK=1`.
const LOCKS: (usize, usize) = (1000, 100);
const HAND_OVERS: (usize, usize) = (200, 20);
/// One holds, the others want it.
const CONTENDERS: usize = 4;
/// What a hand-over may take before the run is given up: many times the library's default retry delay.
const HAND_OVER_LIMIT: Duration = Duration::from_secs(30);
/// The library's own defaults: three tries, each up to this apart.
const DEFAULT_RETRY_DELAY_MS: u64 = 200;
/// Tuned: as quick as three contenders can poll five servers without splitting most votes.
const TUNED_RETRY_DELAY_MS: u64 = 5;

pub fn measure(ports: &[u16]) -> Result<()> {
    locks(ports)?;
    hand_overs("rslock hand-over, 3 contenders, its default retry", DEFAULT_RETRY_DELAY_MS)?;
    hand_overs("rslock hand-over, 3 contenders, retry within 5 ms", TUNED_RETRY_DELAY_MS)
}

fn manager(ports: &[u16]) -> LockManager {
    LockManager::new(ports.iter().map(|port| format!("redis://127.0.0.1:{port}")).collect())
}

/// Locks that nobody contends for.
fn locks(ports: &[u16]) -> Result<()> {
    let took = Builder::new_current_thread().enable_all().build()?.block_on(async {
        let manager = manager(ports);
        let locks = samples(LOCKS.0, LOCKS.1);
        let mut took = Vec::with_capacity(locks);
        for _ in 0..locks {
            let began = Instant::now();
            let lock = manager.lock("bench:rslock", TTL).await?;
            took.push(began.elapsed());
            manager.unlock(&lock).await;
        }
        anyhow::Ok(took)
    })?;
    Figure::of("rslock lock, free, no contender", &took)?.print()
}

/// What a contender tells.
struct Told {
    contender: usize,
    acquired: bool,
    at_ns: u64,
}

/// From just before the holder releases to when another process has the lock, by CLOCK_MONOTONIC, which the processes
/// of one machine share.
fn hand_overs(what: &str, retry_delay_ms: u64) -> Result<()> {
    let (tell, told) = mpsc::channel();
    let resource = format!("bench:rslock:{retry_delay_ms}");
    let mut contenders = Vec::new();
    for index in 0..CONTENDERS {
        contenders.push(start_contender(index, &resource, retry_delay_ms, &tell)?);
    }
    let mut holder = news(&told)?;
    let rounds = samples(HAND_OVERS.0, HAND_OVERS.1);
    let mut took = Vec::with_capacity(rounds);
    for round in 0..rounds {
        // Long enough for everyone to be polling again, and not in step with them.
        thread::sleep(Duration::from_millis(30 + (round as u64 * 37) % 60));
        writeln!(contenders[holder.contender].1, "release")?;
        // Two processes tell through two pipes: the later news may be read first.
        let (first, second) = (news(&told)?, news(&told)?);
        let (released, next) = if first.acquired { (second, first) } else { (first, second) };
        if released.acquired || !next.acquired || released.contender != holder.contender {
            bail!("one release and one acquisition were due after contender {} was told", holder.contender);
        }
        took.push(Duration::from_nanos(next.at_ns.saturating_sub(released.at_ns)));
        // Only now does the former holder contend again: three contenders at every hand-over.
        writeln!(contenders[holder.contender].1, "again")?;
        holder = next;
    }
    Figure::of(what, &took)?.print()
}

fn news(told: &Receiver<Told>) -> Result<Told> {
    told.recv_timeout(HAND_OVER_LIMIT).context("the contenders are silent")
}

fn start_contender(
    index: usize,
    resource: &str,
    retry_delay_ms: u64,
    tell: &Sender<Told>,
) -> Result<(Ended, ChildStdin)> {
    let mut child: Child = Command::new(env::current_exe()?)
        .args(["redlock-contender", resource, &retry_delay_ms.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdin = child.stdin.take().context("no stdin")?;
    let lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
    let tell = tell.clone();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let Some((word, at_ns)) = line.split_once(' ') else { return };
            let Ok(at_ns) = at_ns.parse() else { return };
            if tell.send(Told { contender: index, acquired: word == "acquired", at_ns }).is_err() {
                return;
            }
        }
    });
    Ok((Ended(child), stdin))
}

/// A contender's process: acquires, waits for a line, releases, waits for a line, and again, until its stdin closes.
pub fn contend(ports: &[u16], resource: &str, retry_delay: Duration) -> Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut manager = manager(ports);
        manager.set_retry(3, retry_delay);
        let mut orders = std::io::stdin().lock().lines();
        loop {
            let lock = manager.acquire_no_guard(resource, TTL).await?;
            println!("acquired {}", monotonic_ns()?);
            if orders.next().is_none() {
                return Ok(());
            }
            println!("releasing {}", monotonic_ns()?);
            manager.unlock(&lock).await;
            if orders.next().is_none() {
                return Ok(());
            }
        }
    })
}

fn monotonic_ns() -> Result<u64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(u64::try_from(now.tv_sec())? * 1_000_000_000 + u64::try_from(now.tv_nsec())?)
}
