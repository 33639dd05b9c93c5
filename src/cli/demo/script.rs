//! The scripted demo: eight steps, what was promised and what was seen, and the verdict.

use std::path::Path;

use super::closing;
use super::company::{NAMES, Stop, VOTERS};
use super::interrupt::Interrupt;
use super::page::{Ink, Page, Row};
use super::stage::Stage;
use super::times::{SAMPLE_INTERVAL, TTL, Times, now, shown};
use super::{scenario, server_name};
use crate::cli::{Exit, output};
use crate::config::duration;

/// Ends with 0 only if all that was seen is as the protocol promises.
pub(super) fn execute(binary: &Path) -> anyhow::Result<Exit> {
    // Nothing of the terminal is changed that would have to be changed back.
    let interrupt = Interrupt::listen(|| ())?;
    let page = Page::of_this_process();
    let begun = now();
    let mut stage = Stage::set(binary, page, interrupt)?;
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
