//! `quorate completion`.

use clap::Args;
use clap_complete::Shell;

use super::{Exit, output};

/// Print what a shell needs to complete our commands
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  source <(quorate completion bash)\n  quorate completion fish > ~/.config/fish/completions/quorate.fish"
)]
pub(super) struct CompletionArguments {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn execute(arguments: &CompletionArguments, mut command: clap::Command) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "quorate", &mut script);
    output::print(&String::from_utf8(script)?)?;
    Ok(Exit::Well)
}
