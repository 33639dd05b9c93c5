//! The floor: one parallel script round to a quorum, with nothing around it.
//!
//! No protocol over five servers can elect in less. The script does what a lock's does, a `SET` with a ttl.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::MultiplexedConnection;
use redis::{Client, Script};
use tokio::runtime::{Builder, Runtime};

use crate::figure::{Figure, samples};

/// Of each kind, and with `BENCH_QUICK=1`.
const ROUNDS: (usize, usize) = (2000, 200);
/// Not counted: connections, script caches and branch predictors warm up.
const WARM_UP: usize = 200;

/// With one thread, as the quickest on loopback, and with two, as a program that has other things to do.
pub fn measure(ports: &[u16]) -> Result<()> {
    let one = Builder::new_current_thread().enable_all().build()?;
    rounds("bare script round to a quorum of 5, one thread", &one, ports)?;
    let two = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    rounds("bare script round to a quorum of 5, two threads", &two, ports)
}

fn rounds(what: &str, runtime: &Runtime, ports: &[u16]) -> Result<()> {
    let took = runtime.block_on(async {
        let mut connections = Vec::new();
        for port in ports {
            let client = Client::open(("127.0.0.1", *port))?;
            connections.push(client.get_multiplexed_async_connection().await?);
        }
        let script = Script::new("return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])");
        let rounds = samples(ROUNDS.0, ROUNDS.1);
        let mut took = Vec::with_capacity(rounds);
        for round in 0..WARM_UP + rounds {
            let one = round_to_quorum(&connections, &script, round).await?;
            if round >= WARM_UP {
                took.push(one);
            }
        }
        anyhow::Ok(took)
    })?;
    Figure::of(what, &took)?.print()
}

/// The time until a quorum has answered; the rest is waited for outside it, so that rounds do not overlap.
async fn round_to_quorum(
    connections: &[MultiplexedConnection],
    script: &Script,
    round: usize,
) -> Result<Duration> {
    let quorum = connections.len() / 2 + 1;
    let began = Instant::now();
    let mut answers: FuturesUnordered<_> = connections
        .iter()
        .cloned()
        .map(|mut connection| async move {
            let mut call = script.key("bench:bare");
            call.arg(round).arg(10_000);
            call.invoke_async::<()>(&mut connection).await
        })
        .collect();
    let mut took = None;
    let mut answered = 0;
    while let Some(answer) = answers.next().await {
        answer?;
        answered += 1;
        if answered == quorum {
            took = Some(began.elapsed());
        }
    }
    let Some(took) = took else { bail!("fewer than {quorum} servers answered") };
    Ok(took)
}
