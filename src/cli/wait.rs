//! `quorate wait`: block until somebody leads.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use super::exec::time;
use super::flags::ConfigFlags;
use super::status::look::Electorate;
use super::status::report::Report;
use super::{Exit, connect, output};
use crate::config::{Config, Loaded};

/// Wait until somebody leads, as the voters see it; tells of an instant, and fences nothing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct WaitArguments {
    /// Wait for this leader [default: anybody]
    #[arg(long, value_name = "IDENTITY", conflicts_with = "myself", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    leader: Option<String>,
    /// Wait for a leader with our own identity
    #[arg(long = "self")]
    myself: bool,
    /// Give up with 75 after this time; 0: after one look [default: never]
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION", value_parser = time)]
    timeout: Option<Duration>,
    #[command(flatten)]
    pub(super) config: ConfigFlags,
}

const EXAMPLES: &str = "\
Examples:
  # an init container: begin when there is a leader to talk to
  quorate wait --config quorate.yaml --timeout 5m

  # after a deployment: until this machine's candidate leads
  quorate wait --config quorate.yaml --self && echo \"we lead\"

Prints the leader's identity and term. Needs no running agent, and proposes nothing.

It tells of one instant: the leader may have changed before the next line of a script runs. What must never run twice is \
started by `quorate exec`, or asks /leaderz before each act; what it writes carries the term.

Ends with 0 once the leader is seen, 75 if not in time, and 69 if no quorum of voters answered either.";

pub(super) fn execute(loaded: Loaded, arguments: &WaitArguments) -> anyhow::Result<Exit> {
    let Loaded { config, file: _, warnings, shows_password: _ } = loaded;
    for warning in &warnings {
        output::complain(warning);
    }
    let wanted = if arguments.myself { Some(config.identity.clone()) } else { arguments.leader.clone() };
    let runtime = runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let exit = runtime.block_on(wait(&config, wanted.as_deref(), arguments.timeout));
    // A look-up of a host name that does not end must not keep us.
    runtime.shutdown_background();
    exit
}

async fn wait(config: &Config, wanted: Option<&str>, timeout: Option<Duration>) -> anyhow::Result<Exit> {
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be heard")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be heard")?;
    let mut electorate = Electorate::new(connect::voters(config), config.timing.core.voter_timeout);
    let mut has_quorum = false;
    let looked = Notify::new();
    let looking = async {
        let mut ticks = tokio::time::interval(config.timing.core.observe_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let report = Report::new(&config.election, &electorate.look().await);
            has_quorum = report.has_quorum();
            looked.notify_one();
            let leader = report.leader.filter(|leader| is_it(leader.identity.as_deref(), wanted));
            if let Some(leader) = leader {
                return leader;
            }
        }
    };
    let given_up = async {
        match timeout {
            Some(limit) => {
                tokio::time::sleep(limit).await;
                // Whoever has no time still gets one look, without which nothing could be told.
                looked.notified().await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        leader = looking => {
            output::print(&format!("{} {}\n", leader.identity.as_deref().unwrap_or("unknown"), leader.term))?;
            return Ok(Exit::Well);
        }
        () = given_up => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    let whom = wanted.map_or_else(|| "nobody leads".to_owned(), |name| format!("{name} does not lead"));
    let why = if has_quorum { "" } else { ": no quorum of voters answers" };
    output::complain(&format!("{whom}{why}"));
    Ok(if has_quorum { Exit::NotElected } else { Exit::NoQuorum })
}

fn is_it(leader: Option<&str>, wanted: Option<&str>) -> bool {
    wanted.is_none() || leader == wanted
}
