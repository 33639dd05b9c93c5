//! `quorate demo`: real servers and real candidates, and what happens when things break.
//!
//! Promise: whatever was started is ended and its files are removed, however the demo ends; and it ends with 0 only
//! if all that was seen is as the protocol promises.

mod ask;
mod book;
mod candidate;
mod closing;
mod company;
mod interrupt;
mod live;
mod page;
mod scenario;
mod script;
mod stage;
mod times;
mod watch;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::{Exit, output};

/// Start five Redis servers and three candidates here, and break them: by keys, or as a script does
///
/// On a terminal it shows all of them live: who leads until when, what each voter remembers, and what happened and why.
/// Keys kill, stop, resume or gracefully end a candidate, and kill or restart a voter, empty or with its data. With
/// --script it plays eight scenes by itself, measures each, and says whether all was as the protocol promises.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DemoArguments {
    /// Play the eight scenes and end
    #[arg(long)]
    pub(super) script: bool,
}

const EXAMPLES: &str = "\
Examples:
  # live; ? explains what is on the screen, q quits
  quorate demo

  # about half a minute, no keys, no terminal needed
  quorate demo --script

Needs redis-server or valkey-server on the PATH, and nothing else: ports are free ones on loopback, files are in a \
temporary directory, and all of it is gone at the end.

Ends with 1 if anything was not as the protocol promises.";

/// The programs that can be a voter, the first one that is there is taken.
const SERVERS: [&str; 2] = ["redis-server", "valkey-server"];

pub(super) fn execute(arguments: &DemoArguments) -> anyhow::Result<Exit> {
    let DemoArguments { script } = arguments;
    if !script && !live::is_possible() {
        output::complain(
            "the live demo needs a terminal for its screen and its keys, and there is none here: run `quorate demo \
             --script`, which needs no terminal",
        );
        return Ok(Exit::Usage);
    }
    let binary = SERVERS.iter().find_map(|name| on_the_path(name)).context(
        "the demo needs a Redis server, and neither redis-server nor valkey-server is on the PATH; install one (Debian, \
         Ubuntu: apt-get install redis-server; Fedora: dnf install valkey), or run `make demo`, which does",
    )?;
    if *script { script::execute(&binary) } else { live::execute(&binary) }
}

/// As a shell would find it.
fn on_the_path(name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let is_program = |file: &PathBuf| {
        file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(is_program)
}

/// From `INFO server`; Valkey also tells the version of Redis that it began as.
fn server_name(info: &str) -> String {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    match (field("valkey_version:"), field("redis_version:")) {
        (Some(version), _) => format!("Valkey {version}"),
        (None, Some(version)) => format!("Redis {version}"),
        (None, None) => "server".to_owned(),
    }
}
