//! What an election costs while nothing happens, at the defaults: memory, processor, commands at the servers; and
//! how soon a process has observed its voters.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::agent::{Agent, Client, Spec, command};
use crate::figure::{Figure, Line, samples};
use crate::judge_in;

/// How long, and how long with `BENCH_QUICK=1`.
const IDLE_SECONDS: (usize, usize) = (60, 8);
/// How many, and how many with `BENCH_QUICK=1`.
const STARTS: (usize, usize) = (100, 10);
const START_LIMIT: Duration = Duration::from_secs(10);
/// The kernel counts processor time in these.
const TICK: Duration = Duration::from_millis(10);
/// Elections of empty servers wait for O first.
const LEADER_LIMIT: Duration = Duration::from_mins(1);

pub fn measure(urls: &[String]) -> Result<()> {
    starts(urls)?;
    let seconds = samples(IDLE_SECONDS.0, IDLE_SECONDS.1);
    let idle = Duration::from_secs(seconds as u64);
    let spec = |identity: &str| Spec {
        election: "bench-idle",
        identity: identity.to_owned(),
        ttl: None,
        urls,
        work: None,
    };
    let leader = Agent::start(&spec("leader"))?;
    wait("a leader", || Ok(leader.ask("/leaderz")?.code == 200))?;
    let alone = scripts_per_second(urls, idle)?;
    let standby = Agent::start(&spec("standby"))?;
    wait("a standby", || Ok(standby.ask("/readyz?role=standby")?.code == 200))?;
    // Its start is no part of its idling.
    thread::sleep(Duration::from_secs(2));
    let before = (cpu(&leader)?, cpu(&standby)?);
    let began = Instant::now();
    let both = scripts_per_second(urls, idle)?;
    let share = |before: Duration, after: Duration| {
        after.saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0
    };
    let cpu_percent = (share(before.0, cpu(&leader)?), share(before.1, cpu(&standby)?));
    let resident_mb = (resident_mb(&leader)?, resident_mb(&standby)?);
    Line::Note(format!(
        "idle at the defaults (ttl 10 s), over {seconds} s, scripts per second at each server: leader {alone:.2}, \
         standby {:.2}. Both observe every 0.5 s (L/20), the leader also confirms every 2 s (L/5)",
        both - alone
    ))
    .print()?;
    judge_in("MB", "idle leader, resident", resident_mb.0, 12.0)?;
    judge_in("MB", "idle standby, resident", resident_mb.1, 12.0)?;
    judge_in("%", "idle leader, of a core", cpu_percent.0, 0.5)?;
    judge_in("%", "idle standby, of a core", cpu_percent.1, 0.5)
}

/// From before the process is made to the first 200 of `/readyz`: a quorum of voters has answered an observation.
fn starts(urls: &[String]) -> Result<()> {
    let rounds = samples(STARTS.0, STARTS.1);
    let mut took = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let identity = format!("start-{round}");
        let spec = Spec { election: "bench-start", identity, ttl: None, urls, work: None };
        let began = Instant::now();
        let mut child = command(&spec, &address.to_string()).stderr(std::process::Stdio::null()).spawn()?;
        let ready = first_ready(address, began);
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM)?;
        child.wait()?;
        took.push(ready?.duration_since(began));
    }
    let figure = Figure::of("Quorate start, exec to a quorum observed (/readyz)", &took)?;
    crate::judge("start to first observation, p50", figure.p50_ms, 50.0)?;
    crate::judge("start to first observation, p99", figure.p99_ms, 50.0)?;
    figure.print()
}

fn first_ready(address: SocketAddr, began: Instant) -> Result<Instant> {
    while began.elapsed() < START_LIMIT {
        if let Ok(mut client) = Client::connect(address) {
            while began.elapsed() < START_LIMIT {
                if client.get("/readyz")?.code == 200 {
                    return Ok(Instant::now());
                }
                thread::sleep(Duration::from_micros(200));
            }
        }
        thread::sleep(Duration::from_micros(200));
    }
    bail!("not ready after {START_LIMIT:?}")
}

fn wait(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !is_so()? {
        if began.elapsed() > LEADER_LIMIT {
            bail!("{what} is not there after {LEADER_LIMIT:?}");
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// At each server, on average, over `idle` from now.
fn scripts_per_second(urls: &[String], idle: Duration) -> Result<f64> {
    let (before, began) = (scripts(urls)?, Instant::now());
    thread::sleep(idle);
    let after = scripts(urls)?;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let per_server = (after - before) as f64 / urls.len() as f64;
    Ok(per_server / began.elapsed().as_secs_f64())
}

/// `EVALSHA`s that all servers together have run.
fn scripts(urls: &[String]) -> Result<u64> {
    let mut sum = 0;
    for url in urls {
        let mut connection = redis::Client::open(url.as_str())?.get_connection()?;
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut connection)?;
        let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
        let calls = calls.and_then(|rest| rest.split(',').next()).context("no EVALSHA yet")?;
        sum += calls.parse::<u64>()?;
    }
    Ok(sum)
}

/// User and system time of a process so far.
fn cpu(agent: &Agent) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", agent.pid()))?;
    // Fields 14 and 15, counted from 1; the second may contain blanks and ends with the last parenthesis.
    let rest = stat.rsplit_once(')').context("no name")?.1;
    let mut ticks = 0;
    for field in rest.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<u32>()?;
    }
    Ok(TICK * ticks)
}

fn resident_mb(agent: &Agent) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", agent.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kb: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kb / 1024.0)
}
