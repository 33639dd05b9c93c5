//! The command line: one file a command; here what they share.
//!
//! Parsed by clap, but the values of flags are judged by [`crate::config`] together with file and environment, so
//! that precedence and refusals are one thing. Exit codes mean something ([`Exit`]).

mod check;
mod completion;
mod compose;
mod connect;
mod demo;
mod exec;
mod fences;
mod flags;
mod install;
mod man;
mod output;
mod paint;
mod reset;
mod resign;
mod run;
mod status;
mod version;
mod wait;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

use crate::config::masking::masked_url;
use crate::config::{Environment, Loaded, load};
use crate::guardian::Role;
use fences::Standing;
use flags::ConfigFlags;

/// How a command ended, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Well: 0.
    Well,
    /// It failed: 1.
    Failed,
    /// The command line was not understood: 2.
    Usage,
    /// The configuration was refused: 64 (`EX_CONFIG` would be 78; linkerd's habit is 64).
    Configuration,
    /// No quorum of voters where one was needed: 69.
    NoQuorum,
    /// A bug: 70.
    Bug,
    /// Not elected in time, or leadership lost: 75.
    NotElected,
    /// The code of the command that `exec` ran.
    Command(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Well => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Configuration => 64,
            Exit::NoQuorum => 69,
            Exit::Bug => 70,
            Exit::NotElected => 75,
            Exit::Command(code) => code,
        })
    }
}

/// Leader election by a majority of independent Redis servers.
#[derive(Debug, Parser)]
#[command(name = "quorate", version, about, long_about = LONG_ABOUT, after_help = AFTER_HELP)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const LONG_ABOUT: &str = "\
Leader election by a majority of independent Redis servers.

Quorate elects one leader among many processes. The lease is granted by a majority of 3, 5, 7 or 9 Redis or Valkey \
servers that know nothing of each other (the voters), so the death of a minority changes nothing. Each leadership has \
a term that is larger than any before it: let what you protect refuse smaller ones.";

const AFTER_HELP: &str = "\
Examples:
  # see it work, and break it
  quorate demo

  # would it work on these voters?
  quorate check --config quorate.yaml

  # on each machine: a candidate, or one that runs a command while it leads
  quorate run --config quorate.yaml
  quorate exec --config quorate.yaml -- ./worker

  # who leads?
  quorate status --config quorate.yaml

  # hand over, before the maintenance of this host
  quorate resign

Configuration comes from a file (--config, else $QUORATE_CONFIG, else /etc/quorate/quorate.yaml), then QUORATE_* \
variables, then flags; later wins.

Exit codes: 0 well, 1 failed, 2 usage, 64 configuration refused, 69 no quorum of voters, 70 a bug, 75 not elected.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArguments),
    Exec(Box<exec::ExecArguments>),
    Wait(wait::WaitArguments),
    Status(status::StatusArguments),
    Check(check::CheckArguments),
    Resign(resign::ResignArguments),
    Reset(reset::ResetArguments),
    Demo(demo::DemoArguments),
    Install(install::InstallArguments),
    Completion(completion::CompletionArguments),
    Man(man::ManArguments),
    Version(version::VersionArguments),
}

/// Parses the command line of this process and does what it says. Must be called before there is a second thread.
#[must_use]
pub fn main() -> Exit {
    let (standing, line) = match Role::of(std::env::args_os()) {
        Role::Person(line) => (Standing::Alone, line),
        Role::Elector(guarded, line) => (Standing::Guarded(guarded), line),
        Role::Stage(stage) => return Exit::Command(stage.play()),
    };
    let arguments = match Arguments::try_parse_from(line) {
        Ok(arguments) => arguments,
        Err(error) => return told_by_clap(error),
    };
    match execute(arguments.command, standing) {
        Ok(exit) => exit,
        Err(error) => {
            output::complain(&format!("{error:#}"));
            Exit::Failed
        }
    }
}

/// Help and version are answers, anything else is a mistake.
fn told_by_clap(mut error: clap::Error) -> Exit {
    mask(&mut error);
    let printed = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion if printed.is_ok() => Exit::Well,
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Failed,
        _ => Exit::Usage,
    }
}

/// The mistake may be a URL in the wrong place, with a password in it.
fn mask(error: &mut clap::Error) {
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue] {
        let Some(ContextValue::String(text)) = error.get(kind) else { continue };
        if text.contains("://") || text.contains('@') {
            let masked = masked_url(text);
            error.insert(kind, ContextValue::String(masked));
            // It repeats what it was given.
            error.insert(ContextKind::Suggested, ContextValue::None);
        }
    }
}

fn execute(command: Command, standing: Standing) -> anyhow::Result<Exit> {
    match command {
        Command::Run(arguments) => {
            campaigning(&arguments.config, |loaded| run::execute(loaded, &arguments, standing))
        }
        Command::Exec(arguments) => {
            campaigning(&arguments.config, |loaded| exec::execute(loaded, &arguments, standing))
        }
        Command::Wait(arguments) => configured(&arguments.config, |loaded| wait::execute(loaded, &arguments)),
        Command::Status(arguments) => {
            configured(&arguments.config, |loaded| status::execute(loaded, &arguments))
        }
        Command::Check(arguments) => {
            configured(&arguments.config, |loaded| check::execute(&loaded, &arguments))
        }
        Command::Resign(arguments) => resign::execute(&arguments),
        Command::Reset(arguments) => {
            configured(&arguments.config, |loaded| reset::execute(loaded, &arguments))
        }
        Command::Demo(arguments) => demo::execute(&arguments),
        Command::Install(arguments) => install::execute(&arguments),
        Command::Completion(arguments) => completion::execute(&arguments, Arguments::command()),
        Command::Man(arguments) => man::execute(&arguments, Arguments::command()),
        Command::Version(arguments) => version::execute(&arguments),
    }
}

/// Loads the configuration for a command that may lead.
fn campaigning(
    flags: &ConfigFlags,
    command: impl FnOnce(Loaded) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    configured(flags, |loaded| match loaded.config.gates.check_place(&Environment::of_this_process()) {
        Ok(()) => command(loaded),
        Err(refused) => {
            output::complain(&refused.to_string());
            Ok(Exit::Configuration)
        }
    })
}

/// Loads the configuration for a command that needs one.
fn configured(
    flags: &ConfigFlags,
    command: impl FnOnce(Loaded) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    match load(&flags.as_flags(), &Environment::of_this_process()) {
        Ok(loaded) => command(loaded),
        Err(refused) => {
            output::complain(&refused.to_string());
            Ok(Exit::Configuration)
        }
    }
}

#[cfg(test)]
mod examples;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::KEYS;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_flag_of_the_list_of_keys_exists_and_no_other() {
        let command = ConfigFlags::augment_args_for_test();
        let mut flags: Vec<String> = command
            .get_arguments()
            .filter_map(|argument| argument.get_long())
            .filter(|name| !matches!(*name, "config" | "help"))
            .map(|name| format!("--{name}"))
            .collect();
        let mut listed: Vec<String> = KEYS.iter().filter_map(|key| key.flag).map(str::to_owned).collect();
        flags.sort();
        listed.sort();
        assert_eq!(flags, listed);
    }
}
