//! `quorate version`.

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{Exit, output};

/// Tell which version this is
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct VersionArguments {
    /// For people, or for programs
    #[arg(short, long, value_enum, default_value_t = VersionOutput::Text)]
    output: VersionOutput,
}

const EXAMPLES: &str = "\
Examples:
  quorate version

  # for a script
  quorate version -o json | jq -r .version";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum VersionOutput {
    Text,
    Json,
}

#[derive(Serialize)]
struct Build {
    name: &'static str,
    version: &'static str,
    os: &'static str,
    arch: &'static str,
}

pub(super) fn execute(arguments: &VersionArguments) -> anyhow::Result<Exit> {
    let build = Build {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
    };
    output::print(&match arguments.output {
        VersionOutput::Text => {
            format!("{} {} ({} {})\n", build.name, build.version, build.os, build.arch)
        }
        VersionOutput::Json => format!("{}\n", serde_json::to_string(&build)?),
    })?;
    Ok(Exit::Well)
}
