//! `quorate man`: the manual, made from what `--help` says, so that the two cannot differ.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::{Exit, output};

/// Print a manual page, or write the pages of all commands into a directory
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ManArguments {
    /// A command, whose page goes to standard output; or a directory for all pages, made if it is not there [default:
    /// the page of quorate itself]
    #[arg(value_name = "COMMAND|DIR")]
    what: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  # read it
  quorate man resign | man -l -

  # install all pages; then: man quorate-resign
  quorate man /usr/local/share/man/man1";

const SECTION: &str = "1";

pub(super) fn execute(arguments: &ManArguments, mut root: clap::Command) -> anyhow::Result<Exit> {
    root.build();
    let Some(directory) = &arguments.what else { return show(&root) };
    if let Some(command) = directory.to_str().and_then(|name| root.find_subcommand(name)) {
        return show(command);
    }
    let place = directory.display();
    let refused =
        || format!("{place} is no place for the pages; give a directory that is there or can be made");
    fs::create_dir_all(directory).with_context(refused)?;
    let pages = std::iter::once(&root).chain(root.get_subcommands());
    for command in pages {
        let file = directory.join(format!("{}.{SECTION}", title(command)));
        write(&file, command).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(Exit::Well)
}

fn show(command: &clap::Command) -> anyhow::Result<Exit> {
    output::print(&String::from_utf8(page(command)?)?)?;
    Ok(Exit::Well)
}

fn write(file: &Path, command: &clap::Command) -> io::Result<()> {
    fs::write(file, page(command)?)
}

fn title(command: &clap::Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

/// clap's own sections, but for what stands behind the options: it would run the lines of an example together.
fn page(command: &clap::Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone())
        .title(title(command).to_uppercase())
        .section(SECTION)
        .source(concat!("quorate ", env!("CARGO_PKG_VERSION")))
        .manual("Quorate");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    behind_the_options(&after).to_writer(&mut page)?;
    Ok(page)
}

fn behind_the_options(after: &str) -> Roff {
    let (mut examples, mut notes, mut exit) = (Roff::new(), Roff::new(), Roff::new());
    for paragraph in after.split("\n\n") {
        if paragraph.starts_with("  ") || paragraph.starts_with("Examples:\n") {
            as_it_stands(&mut examples, paragraph.trim_start_matches("Examples:\n"));
        } else if paragraph.starts_with("Ends with") || paragraph.starts_with("Exit codes:") {
            exit.control("PP", []).text([roman(paragraph)]);
        } else if !paragraph.is_empty() {
            notes.control("PP", []).text([roman(paragraph)]);
        }
    }
    let sections = [("EXAMPLES", examples), ("NOTES", notes), ("EXIT STATUS", exit)];
    let mut all = Roff::new();
    for (heading, section) in sections.into_iter().filter(|(_, section)| *section != Roff::new()) {
        all.control("SH", [heading]).extend([section]);
    }
    all
}

fn as_it_stands(roff: &mut Roff, paragraph: &str) {
    roff.control("PP", []).control("nf", []);
    for line in paragraph.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}
