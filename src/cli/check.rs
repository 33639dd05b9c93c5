//! `quorate check`: would an election work on these voters, with this configuration, from here?
//!
//! Promise: it changes nothing. It asks as a candidate would, but proposes nothing, and tries rights by commands that
//! write nothing.

mod election;
mod examine;
mod finding;
mod report;
mod server;
mod table;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tokio::runtime;

use self::report::Verdict;
use super::flags::ConfigFlags;
use super::paint::Paint;
use super::{Exit, connect, output};
use crate::config::Loaded;

/// Try everything that an election needs of the voters, before anything depends on them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArguments {
    /// A table for people, or JSON for programs
    #[arg(short, long, value_enum, default_value_t = CheckOutput::Table)]
    output: CheckOutput,
    /// Fail on warnings, too
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    pub(super) config: ConfigFlags,
}

/// The shape of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CheckOutput {
    /// For people.
    Table,
    /// For programs.
    Json,
}

const EXAMPLES: &str = "\
Examples:
  # before the first start, and from where the candidates will run
  quorate check --config quorate.yaml

  # in a pipeline: warnings count as failures
  quorate check --config quorate.yaml --strict

  # what is wrong with which voter?
  quorate check -o json |
    jq -r '.findings[] | [.severity, .voter, .topic, .what] | @tsv'

Each finding says what is so, why it matters and what to do. Nothing is changed on the voters; an election that is \
under way is not disturbed.

Ends with 0 if there is no failure, with 1 if there is one (with --strict: or a warning), and with 69 if fewer than a \
quorum of voters answer.";

pub(super) fn execute(loaded: &Loaded, arguments: &CheckArguments) -> anyhow::Result<Exit> {
    let CheckArguments { output, strict, config: _ } = arguments;
    let timing = &loaded.config.timing.core;
    let runtime = runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let examined = runtime.block_on(examine::examine(connect::voters(&loaded.config), timing));
    // A look-up of a host name that does not end must not keep us.
    runtime.shutdown_background();
    let verdict = Verdict::new(loaded, &examined);
    output::print(&match output {
        CheckOutput::Table => table::table(&verdict, Paint::of_stdout()),
        CheckOutput::Json => serde_json::to_string_pretty(&verdict)? + "\n",
    })?;
    Ok(exit(&verdict, *strict))
}

fn exit(verdict: &Verdict, is_strict: bool) -> Exit {
    if verdict.voters_answering < verdict.quorum {
        Exit::NoQuorum
    } else if verdict.failures > 0 || (is_strict && verdict.warnings > 0) {
        Exit::Failed
    } else {
        Exit::Well
    }
}
