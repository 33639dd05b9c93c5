//! What people see: headings, sentences, ticks, a line that moves while something is waited for.
//!
//! Colours and the moving line only on a terminal, colours not where `NO_COLOR` is set (<https://no-color.org>).

use std::io::{self, IsTerminal};
use std::time::Duration;

use super::times::shown;
use crate::cli::output;

/// Fits the narrowest common terminal.
pub(super) const WIDTH: usize = 80;
const INDENT: &str = "     ";
/// A space at which no line is broken, as between a number and its unit; people get an ordinary one.
pub(super) const UNBROKEN: char = '\u{a0}';
/// Its frames follow the time waited, so that it moves only while the demo does.
const SPINNER: [&str; 4] = ["◐", "◓", "◑", "◒"];
const SPINNER_FRAME: Duration = Duration::from_millis(120);

/// How a piece of text is to stand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Strong,
    Faint,
    Good,
    Bad,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Bad => "31",
        }
    }
}

/// Standard output.
#[derive(Debug)]
pub(super) struct Page {
    is_terminal: bool,
    is_coloured: bool,
    /// What is waited for.
    waiting: Option<String>,
    /// The moving line as it stands.
    moving: String,
}

impl Page {
    pub(super) fn of_this_process() -> Self {
        let is_terminal = io::stdout().is_terminal() && !is_dumb();
        Self {
            is_terminal,
            is_coloured: is_terminal && !is_set("NO_COLOR"),
            waiting: None,
            moving: String::new(),
        }
    }

    pub(super) fn ink(&self, ink: Ink, text: &str) -> String {
        if self.is_coloured { format!("\x1b[{}m{text}\x1b[0m", ink.code()) } else { text.to_owned() }
    }

    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        self.settle()?;
        output::print(&(text.replace(UNBROKEN, " ") + "\n"))
    }

    /// The heading of a step, and what it teaches.
    pub(super) fn step(&mut self, number: usize, title: &str, lesson: &str) -> io::Result<()> {
        let title = self.ink(Ink::Strong, &format!("{number}  {title}"));
        self.line(&format!("\n  {title}"))?;
        for line in wrapped(lesson, WIDTH - INDENT.len()) {
            self.line(&format!("{INDENT}{line}"))?;
        }
        Ok(())
    }

    /// Something that was seen, as promised.
    pub(super) fn good(&mut self, text: &str) -> io::Result<()> {
        self.marked(Ink::Good, "✔", text)
    }

    /// Something that was not as promised.
    pub(super) fn bad(&mut self, text: &str) -> io::Result<()> {
        self.marked(Ink::Bad, "✘", text)
    }

    fn marked(&mut self, ink: Ink, mark: &str, text: &str) -> io::Result<()> {
        let mark = self.ink(ink, mark);
        for (n, line) in wrapped(text, WIDTH - INDENT.len() - 2).iter().enumerate() {
            let mark = if n == 0 { mark.as_str() } else { " " };
            self.line(&format!("{INDENT}{mark} {line}"))?;
        }
        Ok(())
    }

    /// What the following [`Self::tick`]s are about.
    pub(super) fn wait_for(&mut self, what: &str) {
        self.waiting = Some(what.to_owned());
    }

    /// Moves the last line on.
    pub(super) fn tick(&mut self, waited: Duration) -> io::Result<()> {
        let Some(what) = self.waiting.as_ref().filter(|_| self.is_terminal) else { return Ok(()) };
        let frame = waited.as_millis() / SPINNER_FRAME.as_millis();
        let spinner = SPINNER[usize::try_from(frame).unwrap_or_default() % SPINNER.len()];
        let text = format!("{spinner} {what} … {:.1} s", waited.as_secs_f64());
        let text: String = text.chars().take(WIDTH - INDENT.len() - 1).collect();
        if text == self.moving {
            return Ok(());
        }
        let drawn = self.ink(Ink::Faint, &text.replace(UNBROKEN, " "));
        self.moving = text;
        output::print(&format!("\r{INDENT}{drawn}\x1b[K"))
    }

    /// Takes the moving line away.
    fn settle(&mut self) -> io::Result<()> {
        self.moving.clear();
        if self.waiting.take().is_some() && self.is_terminal { output::print("\r\x1b[K") } else { Ok(()) }
    }
}

/// A variable of the environment that is not empty.
pub(super) fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// A terminal that can only print.
pub(super) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// What a step came to, for the table at the end.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) what: &'static str,
    pub(super) promised: String,
    pub(super) seen: String,
}

impl Row {
    /// Something that had to happen within a time.
    pub(super) fn within(what: &'static str, limit: Duration, seen: Duration) -> Self {
        Self { what, promised: format!("within {}", shown(limit)), seen: shown(seen) }
    }
}

/// Lines of at most so many characters, broken between words.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_a_long_word_stands_alone() {
        assert_eq!(wrapped("D = 2\u{a0}s", 6), ["D =", "2\u{a0}s"]);
        assert_eq!(
            wrapped("one two  three extraordinarily long", 9),
            ["one two", "three", "extraordinarily", "long"]
        );
    }
}
