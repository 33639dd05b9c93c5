//! Measures the alternatives to Quorate over the very servers that Quorate is measured over.
//!
//! `rivals with-servers COMMAND…` starts five Redis servers on loopback, names their ports in `BENCH_PORTS` and their
//! process ids in `BENCH_PIDS`, runs the command, and ends the servers. Every other command is one part: it prints a
//! JSON line per figure, and `rivals table` makes the table of all parts, whoever printed them.

mod bare;
mod etcd;
mod figure;
mod redlock;
mod servers;
mod table;

use std::env;
use std::time::Duration;

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["with-servers", command, rest @ ..] => servers::with_servers(command, rest),
        ["bare"] => bare::measure(&ports()?),
        ["redlock"] => redlock::measure(&ports()?),
        ["redlock-contender", resource, retry_delay_ms] => {
            redlock::contend(&ports()?, resource, Duration::from_millis(retry_delay_ms.parse()?))
        }
        ["etcd"] => etcd::measure(),
        ["table"] => table::print_table(),
        _ => bail!("usage: rivals with-servers COMMAND… | bare | redlock | etcd | table"),
    }
}

/// The servers that [`servers::with_servers`] started.
fn ports() -> Result<Vec<u16>> {
    let listed =
        env::var("BENCH_PORTS").context("BENCH_PORTS is not set: run inside `rivals with-servers`")?;
    listed.split(',').map(|port| port.parse().context("BENCH_PORTS: not a port")).collect()
}
