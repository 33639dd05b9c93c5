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
mod page;
mod scenario;
mod stage;
mod times;
mod watch;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use self::company::{NAMES, Stop, VOTERS};
use self::interrupt::Interrupt;
use self::page::{Ink, Page, Row};
use self::stage::Stage;
use self::times::{SAMPLE_INTERVAL, TTL, Times, now, shown};
use super::{Exit, output};
use crate::config::duration;

/// Start five Redis servers and three candidates here, and show what they do when things break
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  quorate demo --script\n\nNeeds redis-server or valkey-server on the PATH, about half a minute, and nothing else: ports are free ones on \
                  loopback, files are in a temporary directory, and all of it is gone at the end.\nEnds with 1 if anything was not as the protocol promises."
)]
pub(super) struct DemoArguments {
    /// Run the whole scenario, and end; it is the only way there is, so that it may be left out
    #[arg(long)]
    pub(super) script: bool,
}

/// The programs that can be a voter, the first one that is there is taken.
const SERVERS: [&str; 2] = ["redis-server", "valkey-server"];

pub(super) fn execute(arguments: &DemoArguments) -> anyhow::Result<Exit> {
    let DemoArguments { script: _ } = arguments;
    let binary = SERVERS.iter().find_map(|name| on_the_path(name)).context(
        "the demo needs a Redis server, and neither redis-server nor valkey-server is on the PATH; install one (Debian, \
         Ubuntu: apt-get install redis-server; Fedora: dnf install valkey), or run `make demo`, which does",
    )?;
    let interrupt = Interrupt::listen()?;
    let page = Page::of_this_process();
    let begun = now();
    match Stage::set(&binary, page, interrupt) {
        Ok(mut stage) => {
            let mut rows = Vec::new();
            let played = introduce(&mut stage).and_then(|()| scenario::play(&mut stage, &mut rows));
            let exit = close(&mut stage, played, &rows)?;
            drop(stage);
            if exit == Exit::Well {
                let took = shown(now().saturating_sub(begun));
                output::print(&format!(
                    "\n  All of it in {took}; servers, candidates and their files are gone.\n\n"
                ))?;
            }
            Ok(exit)
        }
        Err(stop) => Err(stop.into()),
    }
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

fn introduce(stage: &mut Stage) -> Result<(), Stop> {
    let Times { renew, .. } = stage.times;
    let title = "Quorate elects one leader by a majority of independent Redis servers";
    let title = stage.page.ink(Ink::Strong, title);
    let about = stage.company.voters[0].command(&["INFO", "server"])?;
    let server = server_name(&about);
    stage.page.line(&format!("\n  {title}\n"))?;
    let facts = [
        ("voters", format!("{}: five {server} processes, each alone", VOTERS.join(" "))),
        ("candidates", format!("{}: three processes of `quorate run`", NAMES.join(" "))),
        (
            "lease",
            format!(
                "ttl {}, renewed every {}; granted by 3 of 5",
                duration::format(TTL),
                duration::format(renew)
            ),
        ),
        (
            "watched",
            format!(
                "/leaderz of each candidate every {}: who says \"I lead\"?",
                duration::format(SAMPLE_INTERVAL)
            ),
        ),
    ];
    for (name, fact) in facts {
        stage.page.line(&format!("  {name:<11} {fact}"))?;
    }
    Ok(())
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

fn close(stage: &mut Stage, played: Result<(), Stop>, rows: &[Row]) -> anyhow::Result<Exit> {
    let sentence = match played {
        Ok(()) => {
            summarise(stage, rows)?;
            return Ok(Exit::Well);
        }
        Err(Stop::Interrupted) => {
            stage.page.line("\n  Interrupted: servers and candidates are being ended.\n")?;
            return Ok(Exit::Failed);
        }
        Err(Stop::Broken(sentence)) => sentence,
        Err(Stop::Trouble(error)) => format!("{error:#}"),
    };
    stage.page.bad(&sentence)?;
    stage.show_logs()?;
    let verdict = format!("Not as promised: step {} of 8; the later ones were not run.", rows.len() + 1);
    let verdict = stage.page.ink(Ink::Bad, &verdict);
    stage.page.line(&format!("\n  {verdict}"))?;
    stage.page.line("  On a machine that is very busy, run it again before you suspect Quorate.\n")?;
    Ok(Exit::Failed)
}

fn summarise(stage: &mut Stage, rows: &[Row]) -> std::io::Result<()> {
    let book = stage.book().clone();
    closing::timeline(&mut stage.page, &book)?;
    closing::table(&mut stage.page, rows)?;
    let (answers, leaderships) = (book.total(), book.reigns.len());
    let verdict = format!(
        "{answers} answers, never two leaders at once; {leaderships} terms, each larger than the last."
    );
    let verdict = stage.page.ink(Ink::Strong, &verdict);
    stage.page.line(&format!("\n  {verdict}"))?;
    stage.page.line("  Yours next: `quorate run --help`. What this rests on: docs/safety.md.")
}
