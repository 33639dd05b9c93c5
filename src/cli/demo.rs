//! `quorate demo`: real servers and real candidates, and what happens to them.

use anyhow::bail;
use clap::Args;

use super::Exit;

/// Start five Redis servers and three candidates here, and show what they do when things break
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  quorate demo --script\n\nNeeds redis-server or valkey-server on the PATH. Ends with 1 if anything was not as the protocol promises."
)]
pub(super) struct DemoArguments {
    /// Run the whole scenario, and end
    #[arg(long, required = true)]
    pub(super) script: bool,
}

pub(super) fn execute(arguments: &DemoArguments) -> anyhow::Result<Exit> {
    let DemoArguments { script: _ } = arguments;
    bail!("the scenario is not connected yet")
}
