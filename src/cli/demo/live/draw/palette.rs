//! How things stand out: by colour, and where there is none (<https://no-color.org>) by weight alone.

use ratatui::style::{Color, Modifier, Style};

use super::super::scene::Tone;

/// A grey that can be read on black and on white, which the sixteen named colours lack.
const GREY: Color = Color::Indexed(245);

/// Also where it stands within something faint.
pub(super) fn strong() -> Style {
    Style::new().fg(Color::Reset).add_modifier(Modifier::BOLD)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Palette {
    pub(in super::super) is_coloured: bool,
}

impl Palette {
    pub(super) fn faint(self) -> Style {
        self.coloured(GREY, Modifier::empty())
    }

    pub(super) fn good(self) -> Style {
        self.coloured(Color::Green, Modifier::empty())
    }

    pub(super) fn bad(self) -> Style {
        self.coloured(Color::Red, Modifier::empty())
    }

    pub(super) fn warning(self) -> Style {
        self.coloured(Color::Yellow, Modifier::empty())
    }

    /// A key that can be pressed.
    pub(super) fn key(self) -> Style {
        self.coloured(Color::Cyan, Modifier::BOLD)
    }

    /// A row on which the keys act.
    pub(super) fn chosen(self) -> Style {
        self.key()
    }

    pub(super) fn entry(self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => Style::new(),
            Tone::Yours => self.coloured(Color::Cyan, Modifier::empty()),
            Tone::Good => self.good(),
            Tone::Bad => self.bad(),
        }
    }

    pub(super) fn headline(self, tone: Tone) -> Style {
        self.entry(tone).add_modifier(Modifier::BOLD)
    }

    fn coloured(self, colour: Color, modifier: Modifier) -> Style {
        let style = Style::new().add_modifier(modifier);
        if self.is_coloured { style.fg(colour) } else { style }
    }
}
