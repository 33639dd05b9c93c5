//! Everything that `quorate run` and `quorate exec` have in common, put together: bind, connect, campaign, answer;
//! then hand over and end.
//!
//! Threads with a runtime each: the election and its voters here, HTTP on another, so that the host's scheduler and not
//! a queue decides between a renewal and a thousand requests; each gate on one of its own. A part that ends unasked
//! ends the process with its cause, after the lease was released.

use std::future::poll_fn;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::Signal;
use tokio::runtime;
use tokio::signal::unix::{Signal as Heard, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::cli::{Exit, connect};
use crate::config::{Config, Loaded, Log, Readiness};
use crate::election::{
    About, Election, HINTS_WAITING, Leadership, Margins, Report, ScopedVoter, Settings, Surroundings,
};
use crate::gate::runner::Ground;
use crate::gate::{Gate, Gates, status_file};
use crate::http::{self, Endpoints};
#[cfg(feature = "kubernetes")]
use crate::kubernetes;
use crate::metrics::Metrics;
use crate::{guardian, processes, telemetry};

/// How long the removal of the status file is waited for.
const FILE_PATIENCE: Duration = Duration::from_secs(1);
/// How long the last words in a cluster are waited for; it bounds itself below this.
const CLUSTER_PATIENCE: Duration = Duration::from_secs(1);
/// The address that is used where none is configured; it alone may be replaced on a host without IPv6.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::UNSPECIFIED), 9797);

/// The beginning of a process that campaigns: from here on it logs, and may have threads.
pub(super) fn begin(loaded: Loaded) -> anyhow::Result<(Config, impl Drop)> {
    let Loaded { config, file, warnings, shows_password } = loaded;
    let written_at_the_end = telemetry::begin(config.log)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if shows_password {
        tracing::warn!(
            "--voter has a password that everybody on this host can read; give --password-file instead"
        );
    }
    let file = file.map_or_else(|| "none".to_owned(), |path| path.display().to_string());
    let pod = config.pod.as_ref();
    let namespace = pod.map(|pod| pod.namespace.as_str());
    let node = pod.and_then(|pod| pod.node.as_deref());
    let (election, identity, cluster) = (&config.election, &config.identity, config.cluster.as_deref());
    tracing::info!(file, election, identity, cluster, namespace, node, "configuration loaded");
    Ok((config, written_at_the_end))
}

/// What a command hangs its own gates on.
pub(super) struct Handles {
    /// What follows leadership stands on this.
    pub(super) ground: Ground,
    /// Where HTTP listens.
    pub(super) address: SocketAddr,
}

/// Runs on the election's thread and ends only where the process has to: `Ok` in an orderly way, an error at once.
pub(super) type Beside = Pin<Box<dyn Future<Output = anyhow::Result<Exit>>>>;

/// What a command brings of its own.
pub(super) struct Following {
    /// What has to close before the lease is given back.
    pub(super) gates: Vec<Box<dyn Gate>>,
    pub(super) beside: Beside,
}

/// What asks for a clean end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// SIGTERM and SIGINT.
    TermInt,
    /// SIGHUP as well.
    TermIntHup,
}

/// Campaigns until the process is to end. `follow` is called once, within the runtime.
pub(super) fn campaign(
    config: &Config,
    ends: Ends,
    follow: impl FnOnce(Handles) -> anyhow::Result<Following>,
) -> anyhow::Result<Exit> {
    let (listener, bound) = http::bind(config.http.listen, config.http.listen == DEFAULT_LISTEN)?;
    let main = runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let exit = main.block_on(run(config, listener, bound, ends, follow));
    // A look-up of a host name that does not end must not keep us.
    main.shutdown_background();
    exit
}

async fn run(
    config: &Config,
    listener: TcpListener,
    bound: SocketAddr,
    ends: Ends,
    follow: impl FnOnce(Handles) -> anyhow::Result<Following>,
) -> anyhow::Result<Exit> {
    let (shutdown, closing) = (CancellationToken::new(), CancellationToken::new());
    end_on_signals(shutdown.clone(), ends, config.log)?;
    guardian::hear_ends()?;
    // Told only now: whoever has read it may send a signal.
    tracing::info!(address = %bound, "listening");
    let election = Election::new(settings(config, bound));
    let metrics = Metrics::new()?;
    let report = metrics.election(election.leadership.clone())?;
    let readiness = match config.readiness {
        Readiness::Candidate => http::Readiness::Candidate,
        Readiness::Leader => http::Readiness::Leader,
    };
    let scrape: http::Scrape = Arc::new(move || metrics.render().map_err(|error| error.to_string()));
    let leadership = election.leadership.clone();
    let token_file = config.http.resign_token_file.clone();
    let endpoints = Endpoints::new(&election, scrape, readiness, token_file, closing.clone());
    let mut http_ended = answer_on_a_thread(listener, endpoints)?;

    let cluster = cluster(config, &leadership, Arc::clone(&report))?;
    let report = cluster.as_ref().map_or(report, |cluster| Arc::clone(&cluster.report));
    let resigner = election.resigner.clone();
    let ground = Ground {
        leadership: leadership.clone(),
        resigner,
        report: Arc::clone(&report),
        shutdown: shutdown.clone(),
    };
    let Following { mut gates, mut beside } = follow(Handles { ground, address: bound })?;
    let file_removed = match &config.status_file {
        Some(path) => {
            let (gate, removed) = status_file::start(path.clone(), leadership)
                .with_context(|| {
                    let path = path.display();
                    format!("statusFile: {path} cannot be written: give a path in a directory that this process may write to")
                })?;
            gates.push(gate);
            Some(removed)
        }
        None => None,
    };
    let cluster_left = cluster.map(|Cluster { gate, ended, .. }| {
        gates.push(gate);
        ended
    });
    let surroundings = surroundings(config, Gates(gates), report, shutdown.clone());
    // A task of its own: whatever wakes the future that the runtime blocks on costs a system call each time.
    let mut campaigning = tokio::spawn(election.run(surroundings));
    let exit = tokio::select! {
        biased;
        ended = &mut beside => {
            let exit = ended?;
            shutdown.cancel();
            campaigning.await.context("the election broke")??;
            exit
        }
        ended = &mut campaigning => {
            ended.context("the election broke")??;
            Exit::Well
        }
        broken = &mut http_ended => {
            tracing::error!("HTTP ended: handing over");
            shutdown.cancel();
            campaigning.await.context("the election broke")??;
            broken.context("the HTTP thread broke")??;
            bail!("HTTP ended unasked");
        }
    };
    closing.cancel();
    http_ended.await.context("the HTTP thread broke")??;
    if let Some(removed) = file_removed {
        // A file system that hangs must not keep the process.
        let _ = tokio::time::timeout(FILE_PATIENCE, removed).await;
    }
    if let Some(left) = cluster_left {
        // Neither must an API server.
        let _ = tokio::time::timeout(CLUSTER_PATIENCE, left).await;
    }
    tracing::info!("ended");
    Ok(exit)
}

/// What follows leadership in a cluster.
struct Cluster {
    gate: Box<dyn Gate>,
    report: Arc<dyn Report>,
    ended: oneshot::Receiver<()>,
}

/// Without a gate there is neither client nor thread.
#[cfg(feature = "kubernetes")]
fn cluster(
    config: &Config,
    leadership: &Leadership,
    report: Arc<dyn Report>,
) -> anyhow::Result<Option<Cluster>> {
    let gates = &config.gates;
    let Some(pod) = config.pod.as_ref().filter(|_| gates.is_any()) else { return Ok(None) };
    let pod = kubernetes::Pod {
        name: pod.name.clone(),
        namespace: pod.namespace.clone(),
        node: pod.node.clone(),
        uid: pod.uid.clone(),
        addresses: pod.addresses.clone(),
    };
    let wishes = kubernetes::Wishes {
        pod_label: gates.pod_label.clone(),
        endpoint_slice: gates.endpoint_slice.clone(),
        pod_deletion_cost: gates.pod_deletion_cost,
        events: gates.events,
        lease_mirror: gates.lease_mirror.clone(),
    };
    let started = kubernetes::start(pod, wishes, leadership.clone(), report);
    let kubernetes::Started { gate, report, ended } = started.context("no thread for the gates")?;
    Ok(Some(Cluster { gate, report, ended }))
}

/// The configuration refuses gates that this build does not have.
#[cfg(not(feature = "kubernetes"))]
#[expect(clippy::unnecessary_wraps, reason = "as where there are gates")]
fn cluster(_: &Config, _: &Leadership, _: Arc<dyn Report>) -> anyhow::Result<Option<Cluster>> {
    Ok(None)
}

fn surroundings(
    config: &Config,
    work: Gates,
    report: Arc<dyn Report>,
    shutdown: CancellationToken,
) -> Surroundings<ScopedVoter, Gates> {
    let (hints_sender, hints) = mpsc::channel(HINTS_WAITING);
    let voters = connect::voters(config).into_iter().map(|(voter, scope)| {
        voter.listen(&scope, hints_sender.clone());
        Arc::new(ScopedVoter::new(voter, scope))
    });
    Surroundings { voters: voters.collect(), hints, work, report, shutdown }
}

fn settings(config: &Config, bound: SocketAddr) -> Settings {
    let timing = config.timing;
    Settings {
        about: About {
            election: config.election.clone(),
            identity: config.identity.clone(),
            cluster: config.cluster.clone(),
            namespace: config.pod.as_ref().map(|pod| pod.namespace.clone()),
            node: config.pod.as_ref().and_then(|pod| pod.node.clone()),
            address: Some(config.advertise.address(bound.port())),
            voters: config.voters.iter().map(|voter| voter.name.clone()).collect(),
            ttl: timing.core.ttl,
            margins: Margins { stop_grace: timing.stop_grace, fence_margin: timing.fence_margin },
        },
        timing: timing.core,
        on_epoch_reset: config.on_epoch_reset,
        drain_timeout: timing.drain_timeout,
    }
}

/// Answers with how the server ended, once it has.
fn answer_on_a_thread(
    listener: TcpListener,
    endpoints: Endpoints,
) -> anyhow::Result<oneshot::Receiver<std::io::Result<()>>> {
    let (sender, ended) = oneshot::channel();
    let serve = move || {
        let served = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .and_then(|runtime| runtime.block_on(http::serve(listener, endpoints)));
        // Nobody waits for it where the process is ending anyway.
        let _ = sender.send(served);
    };
    std::thread::Builder::new().name("quorate-http".to_owned()).spawn(serve).context("no thread for HTTP")?;
    Ok(ended)
}

/// The first signal asks for a clean end, the second ends at once with 128 + its number. SIGHUP means nothing where it
/// was ignored before (`nohup`).
fn end_on_signals(shutdown: CancellationToken, ends: Ends, log: Log) -> anyhow::Result<()> {
    let hangs_up = ends == Ends::TermIntHup && !processes::is_ignored(Signal::SIGHUP);
    let kinds = [SignalKind::terminate(), SignalKind::interrupt()];
    let kinds = kinds.into_iter().chain(hangs_up.then_some(SignalKind::hangup()));
    let hear = |kind| Ok((kind, signal(kind).with_context(|| format!("signal {kind:?} cannot be heard"))?));
    let mut heard: Vec<(SignalKind, Heard)> = kinds.map(hear).collect::<anyhow::Result<_>>()?;
    tokio::spawn(async move {
        let first = any(&mut heard).await;
        tracing::info!(signal = name_of(first), "ending: a second signal ends at once");
        shutdown.cancel();
        let second = any(&mut heard).await;
        telemetry::log_at_once(log, || {
            tracing::warn!(signal = name_of(second), "ended at once: the lease may have to lapse");
        });
        std::process::exit(128 + second.as_raw_value());
    });
    Ok(())
}

fn name_of(kind: SignalKind) -> &'static str {
    Signal::try_from(kind.as_raw_value()).map_or("unknown", Signal::as_str)
}

async fn any(heard: &mut [(SignalKind, Heard)]) -> SignalKind {
    poll_fn(|context| {
        let come = |(kind, heard): &mut (SignalKind, Heard)| {
            matches!(heard.poll_recv(context), Poll::Ready(Some(()))).then_some(*kind)
        };
        heard.iter_mut().find_map(come).map_or(Poll::Pending, Poll::Ready)
    })
    .await
}
