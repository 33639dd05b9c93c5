//! Everything that `quorate run` consists of, put together: bind, connect, campaign, answer; then hand over and end.
//!
//! Two threads with a runtime each: the election and its voters here, HTTP on the other, so that the host's scheduler
//! and not a queue decides between a renewal and a thousand requests. A part that ends unasked ends the process with
//! its cause, after the lease was released.

use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::cli::{Exit, connect};
use crate::config::{Config, Readiness};
use crate::election::{About, Election, HINTS_WAITING, Margins, NoWork, ScopedVoter, Settings, Surroundings};
use crate::http::{self, Endpoints};
use crate::metrics::Metrics;

/// The address that is used where none is configured; it alone may be replaced on a host without IPv6.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::UNSPECIFIED), 9797);

pub(super) fn run(config: &Config) -> anyhow::Result<Exit> {
    let (listener, bound) = http::bind(config.http.listen, config.http.listen == DEFAULT_LISTEN)?;
    let main = runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    main.block_on(campaign(config, listener, bound))
}

async fn campaign(config: &Config, listener: TcpListener, bound: SocketAddr) -> anyhow::Result<Exit> {
    let (shutdown, closing) = (CancellationToken::new(), CancellationToken::new());
    end_on_signals(shutdown.clone())?;
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
    let token_file = config.http.resign_token_file.clone();
    let endpoints = Endpoints::new(&election, scrape, readiness, token_file, closing.clone());
    let mut http_ended = answer_on_a_thread(listener, endpoints)?;

    let (hints_sender, hints) = mpsc::channel(HINTS_WAITING);
    let voters = connect::voters(config).into_iter().map(|(voter, scope)| {
        voter.listen(&scope, hints_sender.clone());
        Arc::new(ScopedVoter::new(voter, scope))
    });
    let voters = voters.collect();
    let surroundings = Surroundings { voters, hints, work: NoWork, report, shutdown: shutdown.clone() };
    // A task of its own: whatever wakes the future that the runtime blocks on costs a system call each time.
    let mut campaigning = tokio::spawn(election.run(surroundings));
    tokio::select! {
        ended = &mut campaigning => ended.context("the election broke")??,
        broken = &mut http_ended => {
            tracing::error!("HTTP ended: handing over");
            shutdown.cancel();
            campaigning.await.context("the election broke")??;
            broken.context("the HTTP thread broke")??;
            bail!("HTTP ended unasked");
        }
    }
    closing.cancel();
    http_ended.await.context("the HTTP thread broke")??;
    tracing::info!("ended");
    Ok(Exit::Well)
}

fn settings(config: &Config, bound: SocketAddr) -> Settings {
    let timing = config.timing;
    Settings {
        about: About {
            election: config.election.clone(),
            identity: config.identity.clone(),
            cluster: config.cluster.clone(),
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

/// The first SIGTERM, SIGINT or SIGHUP asks for a clean end, the second ends at once with 128 + its number.
fn end_on_signals(shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut term = signal(SignalKind::terminate()).context("SIGTERM cannot be heard")?;
    let mut int = signal(SignalKind::interrupt()).context("SIGINT cannot be heard")?;
    let mut hup = signal(SignalKind::hangup()).context("SIGHUP cannot be heard")?;
    tokio::spawn(async move {
        let first = any(&mut term, &mut int, &mut hup).await;
        tracing::info!(signal = first.as_raw_value(), "ending: a second signal ends at once");
        shutdown.cancel();
        let second = any(&mut term, &mut int, &mut hup).await;
        tracing::warn!(signal = second.as_raw_value(), "ended at once: the lease may have to lapse");
        std::process::exit(128 + second.as_raw_value());
    });
    Ok(())
}

async fn any(term: &mut Signal, int: &mut Signal, hup: &mut Signal) -> SignalKind {
    tokio::select! {
        _ = term.recv() => SignalKind::terminate(),
        _ = int.recv() => SignalKind::interrupt(),
        _ = hup.recv() => SignalKind::hangup(),
    }
}
