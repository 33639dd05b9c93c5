//! `quorate run`: campaign, and tell who leads.

use anyhow::Context;
use clap::Args;

use super::compose::{self, Ends, Following, Handles};
use super::flags::ConfigFlags;
use super::{Exit, Standing, fences, output};
use crate::config::{HardFence, Loaded};
use crate::gate::fence;

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
    --voter a=redis://redis-a:6379 \\
    --voter b=redis://redis-b:6379 \\
    --voter c=redis://redis-c:6379

  # the same from the environment
  export QUORATE_ELECTION=orders-writer
  export QUORATE_VOTERS=\"a=redis://redis-a,b=redis://redis-b,c=redis://redis-c\"
  quorate run

  # what would it do? (64 and a sentence where something is wrong)
  quorate run --config quorate.yaml --print-config

  # who may act now?
  curl -i http://localhost:9797/leaderz

SIGTERM, SIGINT and SIGHUP stop leading, release the lease, and end with 0; a second one ends at once. \
Under nohup, SIGHUP does nothing.";

pub(super) fn execute(loaded: Loaded, arguments: &RunArguments, standing: Standing) -> anyhow::Result<Exit> {
    if arguments.print_config {
        for warning in &loaded.warnings {
            output::complain(warning);
        }
        output::print(&loaded.config.to_yaml()?)?;
        return Ok(Exit::Well);
    }
    let kind = loaded.config.hard_fence.unwrap_or(HardFence::None);
    if kind == HardFence::Kill && standing.is_alone() {
        return fences::guard(&loaded.config);
    }
    let teller = standing.begin()?;
    let (config, _written_at_the_end) = compose::begin(loaded)?;
    compose::campaign(&config, Ends::TermIntHup, |handles: Handles| {
        let surround = fence::surround(handles.ground.leadership, fences::kind(kind), teller);
        let beside = Box::pin(async {
            surround.await.context("the kernel refuses a timer")?;
            Ok(Exit::NotElected)
        });
        Ok(Following { gates: Vec::new(), beside })
    })
}
