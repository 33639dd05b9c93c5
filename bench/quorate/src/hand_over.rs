//! A clean hand-over: from SIGTERM at the leader's process to the next leader's word on `/watch`.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::sys::signal::Signal;

use crate::figure::{Figure, samples};
use crate::team::Team;
use crate::{judge, spread};

/// How many, and how many with `BENCH_QUICK=1`.
const HAND_OVERS: (usize, usize) = (300, 20);
/// One leads, three stand by.
const CANDIDATES: usize = 4;
/// A hand-over begins within so long after everybody is ready: two observe intervals of the defaults, so that it is
/// in step with nothing.
const SPREAD: Duration = Duration::from_millis(100);

pub fn measure(urls: &[String]) -> Result<()> {
    let mut team = Team::start("bench-hand-over", None, vec![urls.to_vec(); CANDIDATES])?;
    let rounds = samples(HAND_OVERS.0, HAND_OVERS.1);
    let mut took = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let leader = team.settled()?;
        thread::sleep(Duration::from_millis(20) + spread(round, SPREAD));
        let began = Instant::now();
        team.member(leader).signal(Signal::SIGTERM)?;
        let (_, elected) = team.elected(began)?;
        took.push(elected.duration_since(began));
        team.replace(leader)?;
    }
    let figure = Figure::of("Quorate hand-over, SIGTERM to next leader, 3 standbys", &took)?;
    judge("clean hand-over, p50", figure.p50_ms, 3.0)?;
    judge("clean hand-over, p99", figure.p99_ms, 10.0)?;
    figure.print()
}
