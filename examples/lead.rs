//! Leads an election, and does its work only while it leads.
//!
//! ```sh
//! cargo run --example lead -- orders-writer a=redis://localhost:6379 b=redis://localhost:6380 c=redis://localhost:6381
//! ```
//!
//! Start it several times. Ctrl-C and SIGTERM hand over: the work stops, then the lease is released.

use std::error::Error;
use std::time::Duration;

use quorate::{Election, Leadership, Voters};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("usage: lead ELECTION NAME=URL…")?;
    let urls: Vec<_> = arguments.collect();
    let voters = urls.iter().filter_map(|voter| voter.split_once('='));
    let voters = Voters::new(voters)?;
    // The process, not only the host, so that several on one machine can be told apart.
    let identity = format!("lead-{}", std::process::id());
    let mut election =
        Election::builder(name).ttl(Duration::from_secs(2)).identity(identity).start(&voters)?;

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    loop {
        let leadership = tokio::select! {
            elected = election.campaign() => elected?,
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        };
        println!("elected: term {}", leadership.term());
        let is_ending = tokio::select! {
            () = work(&leadership) => false,
            reason = leadership.wait() => { println!("stopped: {reason:?}"); false }
            _ = terminate.recv() => true,
            _ = interrupt.recv() => true,
        };
        // Whatever the work was doing was dropped with its future: it has stopped.
        leadership.resign().await;
        if is_ending {
            println!("released");
            return Ok(());
        }
    }
}

/// One act after the other, each only while this process leads, each with the term for the resource to compare.
async fn work(leadership: &Leadership) {
    while leadership.holds() {
        let act = async {
            println!("acting in term {}", leadership.term());
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        // Whatever it waits for, it must not outlive the leadership.
        if tokio::time::timeout(leadership.remaining(), act).await.is_err() {
            return;
        }
    }
}
