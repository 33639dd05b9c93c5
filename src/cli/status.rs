//! `quorate status`: ask the voters who leads.

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::flags::ConfigFlags;
use super::{Exit, output};
use crate::config::Loaded;

/// Ask the voters who leads; needs no running agent
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct StatusArguments {
    /// A table for people, or JSON for programs
    #[arg(short, long, value_enum, default_value_t = StatusOutput::Table)]
    pub(super) output: StatusOutput,
    /// Ask again and again until interrupted
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
  quorate status --config quorate.yaml
  quorate status --election orders-writer --voter a=redis://redis-a --voter b=redis://redis-b --voter c=redis://redis-c
  quorate status -o json | jq -r .leader.identity
  quorate status --watch

Ends with 0 whether there is a leader or not, and with 69 if fewer than a quorum of voters answer.";

pub(super) fn execute(loaded: Loaded, arguments: &StatusArguments) -> anyhow::Result<Exit> {
    let StatusArguments { output: _, watch: _, config: _ } = arguments;
    let Loaded { config: _, file: _, warnings } = loaded;
    for warning in &warnings {
        output::complain(warning);
    }
    bail!("the voters are not connected yet")
}
