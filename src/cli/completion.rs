//! `quorate completion`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;

use super::{Exit, output};

/// What shells offer for flags whose values are few words. The parser itself takes any text: the configuration refuses
/// a wrong one with a better sentence.
const VALUES: [(&str, &[&str]); 5] = [
    ("preset", &["fast", "lan", "regions"]),
    ("readiness", &["candidate", "leader"]),
    ("hard-fence", &["none", "exit", "kill"]),
    ("log-format", &["json", "plain", "auto"]),
    ("log-level", &["error", "warn", "info", "debug", "trace"]),
];

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

pub(super) fn execute(arguments: &CompletionArguments, command: clap::Command) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    let mut command = command.mut_subcommands(|subcommand| subcommand.mut_args(with_values));
    clap_complete::generate(arguments.shell, &mut command, "quorate", &mut script);
    output::print(&String::from_utf8(script)?)?;
    Ok(Exit::Well)
}

fn with_values(argument: clap::Arg) -> clap::Arg {
    let values = VALUES.iter().find(|(flag, _)| argument.get_long() == Some(*flag));
    match values {
        Some((_, values)) => argument.value_parser(PossibleValuesParser::new(*values)),
        None => argument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags, keys, load};

    #[test]
    fn shells_offer_what_the_configuration_takes() {
        for (flag, values) in VALUES {
            let flag = format!("--{flag}");
            let key = keys::KEYS.iter().find(|key| key.flag == Some(flag.as_str()));
            let values_of_flag = key.map(|key| (key, "another".to_owned())).into_iter().collect();
            let flags = Flags { values: values_of_flag, ..Flags::default() };
            let refused = load(&flags, &Environment::new::<&str, &str>([], None)).err();
            let sentence = refused.map(|refused| refused.to_string()).unwrap_or_default();
            assert!(
                sentence.contains(&format!("must be one of {}", values.join(", "))),
                "{flag}: {sentence}"
            );
        }
    }
}
