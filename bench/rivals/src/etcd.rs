//! An etcd election: three members, three candidates of `etcdctl elect`, SIGTERM at the leader.
//!
//! Each round starts a fresh standby in place of the leader that ended, and waits until it must be campaigning.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::figure::{Figure, samples};
use crate::servers::{Ended, free_port, wait_for};

const MEMBERS: usize = 3;
const CANDIDATES: usize = 4;
/// How many, and how many with `BENCH_QUICK=1`.
const HAND_OVERS: (usize, usize) = (100, 10);
/// Starting `etcdctl`, connecting and writing its key takes some 30 ms.
const CAMPAIGNING: Duration = Duration::from_millis(200);
/// What a hand-over may take before the run is given up.
const HAND_OVER_LIMIT: Duration = Duration::from_secs(30);

pub fn measure() -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let (_members, endpoints) = cluster(scratch.path())?;
    let (tell, told) = mpsc::channel();
    let mut candidates = Vec::new();
    for index in 0..CANDIDATES {
        candidates.push(start_candidate(index, &endpoints, &tell)?);
    }
    let mut leader = next_leader(&told)?.0;
    let rounds = samples(HAND_OVERS.0, HAND_OVERS.1);
    let mut took = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        thread::sleep(CAMPAIGNING);
        let began = Instant::now();
        kill(Pid::from_raw(i32::try_from(candidates[leader].0.id())?), Signal::SIGTERM)?;
        let (next, at) = next_leader(&told)?;
        if next == leader {
            bail!("a leader that was told to end leads again");
        }
        took.push(at - began);
        // Replacing it reaps it.
        candidates[leader] = start_candidate(leader, &endpoints, &tell)?;
        leader = next;
    }
    Figure::of("etcd election hand-over, 3 members, 3 standbys", &took)?.print()
}

/// Members that form a cluster on loopback, and the addresses for clients.
fn cluster(scratch: &std::path::Path) -> Result<(Vec<Ended>, String)> {
    let mut ports = Vec::new();
    for _ in 0..MEMBERS {
        ports.push((free_port()?, free_port()?));
    }
    let peers: Vec<String> = ports
        .iter()
        .enumerate()
        .map(|(index, (_, peer))| format!("m{index}=http://127.0.0.1:{peer}"))
        .collect();
    let mut members = Vec::new();
    for (index, (client, peer)) in ports.iter().enumerate() {
        let client = format!("http://127.0.0.1:{client}");
        let peer = format!("http://127.0.0.1:{peer}");
        let member = Command::new("etcd")
            .args(["--name", &format!("m{index}"), "--initial-cluster", &peers.join(",")])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .arg("--data-dir")
            .arg(scratch.join(format!("m{index}")))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("etcd does not start; `scripts/tools.sh etcd` installs it")?;
        members.push(Ended(member));
    }
    for (client, _) in &ports {
        wait_for(*client)?;
    }
    let endpoints: Vec<String> = ports.iter().map(|(client, _)| format!("127.0.0.1:{client}")).collect();
    Ok((members, endpoints.join(",")))
}

/// A candidate that tells its index and the time when it leads: `etcdctl` then prints its key, and its proposal.
fn start_candidate(index: usize, endpoints: &str, tell: &Sender<(usize, Instant)>) -> Result<Ended> {
    let mut child = Command::new("etcdctl")
        .env("ETCDCTL_API", "3")
        .args(["--endpoints", endpoints, "elect", "bench", &format!("candidate-{index}")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("etcdctl does not start; `scripts/tools.sh etcd` installs it")?;
    let stdout = child.stdout.take().context("no stdout")?;
    let tell = tell.clone();
    thread::spawn(move || {
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        if lines.next().is_some() {
            // Nobody listens any more once the run is over.
            let _ = tell.send((index, Instant::now()));
        }
        // A pipe that nobody reads would end the leader at its next line, and not by resigning.
        lines.for_each(drop);
    });
    Ok(Ended(child))
}

fn next_leader(told: &Receiver<(usize, Instant)>) -> Result<(usize, Instant)> {
    told.recv_timeout(HAND_OVER_LIMIT).context("nobody leads")
}
