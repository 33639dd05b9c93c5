//! `quorate run`: campaign, and tell who leads.

mod compose;

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
  export QUORATE_ELECTION=orders-writer
  export QUORATE_VOTERS=\"a=redis://redis-a,b=redis://redis-b,c=redis://redis-c\"
  quorate run

  # what would it do? (64 and a sentence where something is wrong)
  quorate run --config quorate.yaml --print-config

  # who may act now?
  curl -i http://localhost:9797/leaderz

SIGTERM stops leading, releases the lease, and ends with 0; a second one ends at once.";

pub(super) fn execute(loaded: Loaded, arguments: &RunArguments) -> anyhow::Result<Exit> {
    let Loaded { config, file, warnings } = loaded;
    if arguments.print_config {
        for warning in &warnings {
            output::complain(warning);
        }
        output::print(&config.to_yaml()?)?;
        return Ok(Exit::Well);
    }
    let _written_at_the_end = telemetry::begin(config.log)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let file = file.map_or_else(|| "none".to_owned(), |path| path.display().to_string());
    tracing::info!(file, election = config.election, identity = config.identity, "configuration loaded");
    compose::run(&config)
}
