//! Tables and marks, for people: aligned columns, colours on a terminal only.

use std::io::IsTerminal;

use crate::telemetry;

/// How text is marked on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Colours,
}

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    Bold,
    Good,
    Warn,
    Bad,
}

impl Paint {
    /// As standard output wants it.
    pub(super) fn of_stdout() -> Self {
        if telemetry::is_coloured(std::io::stdout().is_terminal()) { Self::Colours } else { Self::Plain }
    }

    pub(super) fn on(self, text: &str, mark: Mark) -> String {
        let code = match (self, mark) {
            (Self::Plain, _) | (_, Mark::None) => return text.to_owned(),
            (_, Mark::Bold) => "1",
            (_, Mark::Good) => "32",
            (_, Mark::Warn) => "33",
            (_, Mark::Bad) => "31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Rows as lines, each column as wide as its widest cell.
    pub(super) fn table<const N: usize>(self, rows: &[(Mark, [String; N])]) -> String {
        let width = |column: usize| {
            rows.iter().map(|(_, cells)| cells[column].chars().count()).max().unwrap_or_default()
        };
        let widths: [usize; N] = std::array::from_fn(width);
        let line = |(mark, cells): &(Mark, [String; N])| {
            let padded: Vec<String> =
                cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            self.on(padded.join("  ").trim_end(), *mark) + "\n"
        };
        rows.iter().map(line).collect()
    }
}
