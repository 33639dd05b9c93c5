//! The election of a released lease, beside one bare script round to a quorum, in one process and one thread: the
//! flavour of runtime that `quorate run` gives an election.
//!
//! Each election is a fresh candidate over warm connections: it observes, finds the lease released, and from there,
//! the first grant sent, counts until it leads. A bare round is measured between every two, so that both see the same
//! minute of the machine.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use quorate::core::{Operation, Question, ResetPolicy, Timing};
use quorate::election::{
    About, Election, Fact, Margins, NoWork, Pending, Report, ScopedVoter, Settings, Surroundings, VoterPort,
};
use quorate::voter::{Endpoint, Reply, Scope, Voter, VoterSettings};
use redis::aio::MultiplexedConnection;
use redis::{Client, Script};
use tokio::runtime::Builder;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::figure::{Figure, samples};
use crate::{judge, judge_in};

/// How many of each kind, and how many with `BENCH_QUICK=1`.
const ROUNDS: (usize, usize) = (1000, 60);
/// Not counted: connections, script caches and branch predictors warm up.
const WARM_UP: usize = 20;
const TTL: Duration = Duration::from_secs(10);
/// The least there is: the end of each election waits so long for the release at a stopped server, outside what is
/// measured.
const VOTER_TIMEOUT: Duration = Duration::from_millis(50);
/// The first of all waits for O, because empty servers must be joined.
const ELECTION_LIMIT: Duration = Duration::from_secs(30);
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

pub fn measure(ports: &[u16], pids: &[i32]) -> Result<()> {
    let rounds = samples(ROUNDS.0, ROUNDS.1);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let bench = runtime.block_on(Bench::new(ports))?;
    let (bare, healthy) = runtime.block_on(bench.rounds(rounds))?;
    let (impaired_bare, impaired) = {
        let stopped = Stopped::of(pids.get(..2).context("BENCH_PIDS: too few")?)?;
        let measured = runtime.block_on(bench.rounds(rounds))?;
        drop(stopped);
        measured
    };
    let bare = Figure::of("bare script round to a quorum, between elections", &bare)?;
    let healthy = Figure::of("Quorate election of a released lease", &healthy)?;
    let impaired_bare = Figure::of("bare script round, 2 of 5 servers stopped", &impaired_bare)?;
    let impaired = Figure::of("Quorate election, 2 of 5 servers stopped", &impaired)?;
    judge_in("times", "election, p50 over the bare round's", healthy.p50_ms / bare.p50_ms, 3.0)?;
    judge("election with 2 of 5 stopped, p50 (1.5 × healthy)", impaired.p50_ms, 1.5 * healthy.p50_ms)?;
    for figure in [bare, healthy, impaired_bare, impaired] {
        figure.print()?;
    }
    Ok(())
}

/// Servers that are stopped until this is dropped.
struct Stopped(Vec<Pid>);

impl Stopped {
    fn of(pids: &[i32]) -> Result<Self> {
        let stopped = Self(pids.iter().copied().map(Pid::from_raw).collect());
        for pid in &stopped.0 {
            kill(*pid, Signal::SIGSTOP)?;
        }
        Ok(stopped)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for pid in &self.0 {
            // It is a child of our parent and cannot be gone without the run failing.
            let _ = kill(*pid, Signal::SIGCONT);
        }
    }
}

struct Bench {
    voters: Vec<(Voter, Scope)>,
    connections: Vec<MultiplexedConnection>,
    script: Script,
}

impl Bench {
    async fn new(ports: &[u16]) -> Result<Self> {
        let (mut voters, mut connections) = (Vec::new(), Vec::new());
        for (name, port) in NAMES.iter().zip(ports) {
            let (endpoint, credentials) = Endpoint::parse(&format!("redis://127.0.0.1:{port}"))?;
            let name = (*name).to_owned();
            let scope = Scope::new("quorate", "bench-election", NAMES, &name);
            voters.push((Voter::new(VoterSettings { name, endpoint, credentials }), scope));
            connections.push(Client::open(("127.0.0.1", *port))?.get_multiplexed_async_connection().await?);
        }
        let script = Script::new("return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])");
        Ok(Self { voters, connections, script })
    }

    /// Bare rounds and elections, by turns.
    async fn rounds(&self, rounds: usize) -> Result<(Vec<Duration>, Vec<Duration>)> {
        let (mut bare, mut elections) = (Vec::with_capacity(rounds), Vec::with_capacity(rounds));
        for round in 0..WARM_UP + rounds {
            let (one, other) = (self.bare_round(round).await?, self.election().await?);
            if round >= WARM_UP {
                bare.push(one);
                elections.push(other);
            }
        }
        Ok((bare, elections))
    }

    /// The time until a quorum has answered. The rest is waited for outside it, as long as a voter is.
    async fn bare_round(&self, round: usize) -> Result<Duration> {
        let quorum = self.connections.len() / 2 + 1;
        let began = Instant::now();
        let mut answers: FuturesUnordered<_> = self
            .connections
            .iter()
            .cloned()
            .map(|mut connection| async move {
                let mut call = self.script.key("bench:bare-beside");
                call.arg(round).arg(10_000);
                call.invoke_async::<()>(&mut connection).await
            })
            .collect();
        for _ in 0..quorum {
            answers.next().await.context("too few servers answered")??;
        }
        let took = began.elapsed();
        // Late answers disturb nobody; an error here is a stopped server's.
        let _ = tokio::time::timeout(VOTER_TIMEOUT, async { while answers.next().await.is_some() {} }).await;
        Ok(took)
    }

    /// From the first grant sent to leading; then resigns and waits until that is done.
    async fn election(&self) -> Result<Duration> {
        let stamps = Arc::new(Stamps::default());
        let voters = self.voters.iter().map(|(voter, scope)| {
            let voter = ScopedVoter::new(voter.clone(), scope.clone());
            Arc::new(Stamped { voter, stamps: Arc::clone(&stamps) })
        });
        let shutdown = CancellationToken::new();
        let (_hints, hints) = mpsc::channel(1);
        let surroundings = Surroundings {
            voters: voters.collect(),
            hints,
            work: NoWork,
            report: Arc::clone(&stamps) as Arc<dyn Report>,
            shutdown: shutdown.clone(),
        };
        let resigning = async {
            let elected = tokio::time::timeout(ELECTION_LIMIT, stamps.is_elected.notified()).await;
            shutdown.cancel();
            elected
        };
        let (ended, elected) = tokio::join!(Election::new(settings()).run(surroundings), resigning);
        ended?;
        elected.context("nobody is elected")?;
        stamps.took()
    }
}

fn settings() -> Settings {
    let about = About {
        election: "bench-election".to_owned(),
        identity: "bench".to_owned(),
        cluster: None,
        address: None,
        namespace: None,
        node: None,
        voters: NAMES.map(str::to_owned).to_vec(),
        ttl: TTL,
        margins: Margins { stop_grace: TTL * 3 / 10, fence_margin: TTL / 20 },
    };
    let timing = Timing { voter_timeout: VOTER_TIMEOUT, ..Timing::of_ttl(TTL) };
    Settings { about, timing, on_epoch_reset: ResetPolicy::Continue, drain_timeout: Duration::ZERO }
}

/// When an election began and ended.
#[derive(Default)]
struct Stamps {
    granting: Mutex<Option<Instant>>,
    elected: Mutex<Option<Instant>>,
    is_elected: Notify,
}

impl Stamps {
    fn took(&self) -> Result<Duration> {
        match (*locked(&self.granting), *locked(&self.elected)) {
            (Some(granting), Some(elected)) => Ok(elected.duration_since(granting)),
            _ => bail!("elected without a grant"),
        }
    }
}

impl Report for Stamps {
    fn note(&self, fact: Fact) {
        if matches!(fact, Fact::Elected(_)) {
            locked(&self.elected).get_or_insert_with(Instant::now);
            self.is_elected.notify_one();
        }
    }
}

/// A voter that notes when it is first asked for a grant.
struct Stamped {
    voter: ScopedVoter,
    stamps: Arc<Stamps>,
}

impl VoterPort for Stamped {
    fn ask(&self, question: Question, who: Arc<str>, timeout: Duration) -> Pending<Reply> {
        if matches!(question.operation, Operation::Grant { .. }) {
            locked(&self.stamps.granting).get_or_insert_with(Instant::now);
        }
        self.voter.ask(question, who, timeout)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
