//! `quorate run`: campaign, and tell who leads.

use anyhow::bail;
use clap::Args;

use super::flags::ConfigFlags;
use super::{Exit, output};
use crate::config::Loaded;
use crate::telemetry;

/// Campaign for leadership, and answer over HTTP who leads
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RunArguments {
    /// Print the effective configuration as YAML, passwords masked, and end
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    pub(super) config: ConfigFlags,
}

const EXAMPLES: &str = "\
Examples:
  # three servers, everything else by default
  quorate run --election orders-writer \\
    --voter a=redis://redis-a:6379 --voter b=redis://redis-b:6379 --voter c=redis://redis-c:6379

  # the same from the environment
  QUORATE_ELECTION=orders-writer QUORATE_VOTERS=\"a=redis://redis-a,b=redis://redis-b,c=redis://redis-c\" quorate run

  # what would it do? (derived durations, defaults; ends with 64 and a sentence where something is wrong)
  quorate run --config quorate.yaml --print-config

  # who may act now?
  curl -i http://localhost:9797/leaderz

SIGTERM stops leading, releases the lease, and ends with 0; a second one ends at once.";

pub(super) fn execute(loaded: Loaded, arguments: &RunArguments) -> anyhow::Result<Exit> {
    if arguments.print_config {
        loaded.warnings.iter().for_each(|warning| output::complain(warning));
        output::print(&loaded.config.to_yaml()?)?;
        return Ok(Exit::Well);
    }
    telemetry::begin(loaded.config.log)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    bail!("the election is not connected yet")
}
