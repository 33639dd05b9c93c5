//! `quorate status`: ask the voters who leads.
//!
//! Changes nothing on them, but that an observation tidies stale lease keys of ours, as every candidate's does.

mod holding;
pub(super) mod look;
mod notes;
pub(super) mod report;
pub(super) mod table;
#[cfg(test)]
mod tests;

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;

use self::look::Electorate;
use self::report::Report;
use super::flags::ConfigFlags;
use super::output::Reader;
use super::paint::Paint;
use super::{Exit, connect, output};
use crate::clock;
use crate::config::{Config, Loaded};

/// Ask the voters who leads; needs no running agent
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct StatusArguments {
    /// A table for people, or JSON for programs
    #[arg(short, long, value_enum, default_value_t = StatusOutput::Table)]
    pub(super) output: StatusOutput,
    /// Ask again each second until interrupted; not on a terminal, tell changes only
    #[arg(short, long)]
    pub(super) watch: bool,
    #[command(flatten)]
    pub(super) config: ConfigFlags,
}

/// The shape of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum StatusOutput {
    /// For people.
    Table,
    /// For programs.
    Json,
}

const EXAMPLES: &str = "\
Examples:
  # who leads, as the voters see it
  quorate status --config quorate.yaml

  # the same without a file
  quorate status --election orders-writer \\
    --voter a=redis://redis-a \\
    --voter b=redis://redis-b \\
    --voter c=redis://redis-c

  # the leader's name, for a script
  quorate status -o json | jq -r .leader.identity

  # look again each second, until interrupted
  quorate status --watch

Ends with 0 whether there is a leader or not, and with 69 if fewer than a quorum of voters answer.";

/// Between two looks of `--watch`.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// To the corner, and nothing below it left of what was drawn before.
const REDRAW: &str = "\x1b[H\x1b[2J";

pub(super) fn execute(loaded: Loaded, arguments: &StatusArguments) -> anyhow::Result<Exit> {
    let StatusArguments { output, watch, config: _ } = arguments;
    let Loaded { config, file: _, warnings, shows_password: _ } = loaded;
    for warning in &warnings {
        output::complain(warning);
    }
    let electorate = Electorate::new(connect::voters(&config), config.timing.core.voter_timeout);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let exit = runtime.block_on(async {
        if *watch {
            keep_telling(&config, electorate, *output).await
        } else {
            tell(&config, electorate, *output).await
        }
    });
    // A look-up of a host name that does not end must not keep us.
    runtime.shutdown_background();
    exit
}

async fn tell(config: &Config, mut electorate: Electorate, output: StatusOutput) -> anyhow::Result<Exit> {
    let report = Report::new(&config.election, &electorate.look().await);
    output::print(&match output {
        StatusOutput::Table => table::table(&report, clock::now().wall_us, Paint::of_stdout()),
        StatusOutput::Json => serde_json::to_string_pretty(&report)? + "\n",
    })?;
    Ok(exit(&report))
}

/// Until interrupted, or until nobody reads.
async fn keep_telling(
    config: &Config,
    mut electorate: Electorate,
    output: StatusOutput,
) -> anyhow::Result<Exit> {
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be heard")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be heard")?;
    let is_redrawn = output == StatusOutput::Table && std::io::stdout().is_terminal();
    let mut ticks = tokio::time::interval(WATCH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told: Option<Report> = None;
    loop {
        let sights = tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            sights = async { ticks.tick().await; electorate.look().await } => sights,
        };
        let report = Report::new(&config.election, &sights);
        let wall_us = clock::now().wall_us;
        let text = if is_redrawn {
            Some(REDRAW.to_owned() + &table::table(&report, wall_us, Paint::of_stdout()))
        } else if told.as_ref().is_none_or(|told| told.at_rest() != report.at_rest()) {
            Some(match output {
                StatusOutput::Table => table::line(&report, wall_us),
                StatusOutput::Json => serde_json::to_string(&report)? + "\n",
            })
        } else {
            None
        };
        told = Some(report);
        let reader = text.map_or_else(|| Ok(output::reader()), |text| output::print_to_reader(&text))?;
        if reader == Reader::Gone {
            break;
        }
    }
    Ok(told.as_ref().map_or(Exit::Well, exit))
}

fn exit(report: &Report) -> Exit {
    if report.has_quorum() { Exit::Well } else { Exit::NoQuorum }
}
