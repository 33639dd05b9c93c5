//! A crash: from the last renewal that a leader had acknowledged before SIGKILL to the next leader's word on `/watch`.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use nix::sys::signal::Signal;
use quorate::core::{leader_validity, observer_wait};

use crate::figure::{Figure, samples};
use crate::team::Team;
use crate::{judge, milliseconds, spread};

const TTL: Duration = Duration::from_secs(2);
/// How many, and how many with `BENCH_QUICK=1`.
const CRASHES: (usize, usize) = (200, 10);
/// Elections at once over the same servers.
const GROUPS: usize = 5;
const CANDIDATES: usize = 3;
/// On top of O, what a crash fail-over may take.
const ALLOWANCE: Duration = Duration::from_millis(250);

pub fn measure(urls: &[String]) -> Result<()> {
    let each = samples(CRASHES.0, CRASHES.1).div_ceil(GROUPS);
    let took = thread::scope(|scope| {
        let groups: Vec<_> =
            (0..GROUPS).map(|group| scope.spawn(move || crashes(urls, group, each))).collect();
        let joined = groups.into_iter().map(|group| {
            group.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a group of candidates broke")))
        });
        joined.collect::<Result<Vec<_>>>()
    })?;
    let figure = Figure::of("Quorate crash, ttl 2 s, last renewal to next leader", &took.concat())?;
    judge("crash at ttl 2 s, p99 (O + 250 ms)", figure.p99_ms, milliseconds(observer_wait(TTL) + ALLOWANCE))?;
    figure.print()
}

fn crashes(urls: &[String], group: usize, rounds: usize) -> Result<Vec<Duration>> {
    let mut team = Team::start(&format!("bench-crash-{group}"), Some("2s"), vec![urls.to_vec(); CANDIDATES])?;
    let mut took = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let leader = team.settled()?;
        // Evenly over the leader's renewals.
        thread::sleep(spread(group * rounds + round, TTL / 5));
        let mut client = team.member(leader).client()?;
        let last = client.get("/leaderz")?;
        team.member(leader).signal(Signal::SIGKILL)?;
        let validity = last.validity()?;
        // `until` is that renewal's sending + D, and the validity was read no earlier than we asked.
        let Some(renewed) = (last.sent + validity).checked_sub(leader_validity(TTL)) else { continue };
        let (_, elected) = team.elected(last.received)?;
        took.push(elected.duration_since(renewed));
        team.replace(leader)?;
    }
    Ok(took)
}
