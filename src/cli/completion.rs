//! `quorate completion`.

use clap::Args;
use clap_complete::Shell;

use super::{Exit, output};

/// Print what a shell needs to complete our commands
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompletionArguments {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  # bash, in this shell; put the line into ~/.bashrc for all
  source <(quorate completion bash)

  # zsh
  quorate completion zsh > ~/.zfunc/_quorate

  # fish
  quorate completion fish > ~/.config/fish/completions/quorate.fish

zsh looks where fpath says: have ~/.zfunc in it before compinit runs.";

pub(super) fn execute(arguments: &CompletionArguments, mut command: clap::Command) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "quorate", &mut script);
    output::print(&String::from_utf8(script)?)?;
    Ok(Exit::Well)
}
