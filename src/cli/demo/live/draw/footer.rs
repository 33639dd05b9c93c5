//! Which key does what, for whoever is chosen now.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use super::super::facts::Actor;
use super::super::scene::Scene;
use super::padded;
use super::palette::Palette;
use crate::cli::demo::company::NAMES;

/// A rule and two lines of keys.
pub(super) const HEIGHT: u16 = 3;

const CANDIDATE: &[(&str, &str)] = &[("k", "kill"), ("s", "stop"), ("r", "resume"), ("g", "end gracefully")];
const VOTER: &[(&str, &str)] =
    &[("k", "kill"), ("s", "stop"), ("r", "resume"), ("e", "restart empty"), ("d", "restart with its data")];
const ALWAYS: &[(&str, &str)] = &[
    ("↑ ↓ a b c 1…5", "choose"),
    ("l", "the leader"),
    ("n", "new candidate"),
    ("?", "explain"),
    ("q", "quit"),
];

pub(super) fn draw(frame: &mut Frame, area: Rect, scene: &Scene, palette: Palette) {
    let verdict = match scene.book.violation() {
        None => Line::styled(
            format!(" answers so far: {}; never two leaders at once ", thousands(scene.book.total())),
            palette.faint(),
        ),
        Some(violation) => Line::styled(format!(" {violation} "), palette.bad()),
    };
    let block = Block::new().borders(Borders::TOP).border_style(palette.faint());
    let block = block.title(verdict).title_alignment(Alignment::Right);
    let inside = block.inner(area);
    frame.render_widget(block, area);

    let actor = scene.chosen();
    let (who, keys) = match actor {
        Actor::Candidate(n) if scene.follows_the_leader() && scene.leader().is_some() => {
            (format!("the leader, {}", NAMES[n]), CANDIDATE)
        }
        Actor::Candidate(n) => (NAMES[n].to_owned(), CANDIDATE),
        Actor::Voter(_) => (actor.name().to_owned(), VOTER),
    };
    let mut chosen = vec![Span::styled(format!("▶ {who}: "), palette.chosen())];
    match &scene.hint {
        Some(hint) => chosen.push(Span::styled(hint.clone(), palette.warning())),
        None => chosen.extend(named(keys, palette)),
    }
    let lines = vec![Line::from(chosen), Line::from(named(ALWAYS, palette))];
    frame.render_widget(Paragraph::new(lines), padded(inside));
}

fn named(keys: &[(&'static str, &'static str)], palette: Palette) -> Vec<Span<'static>> {
    let one = |(key, what): &(&'static str, &'static str)| {
        [Span::styled(*key, palette.key()), Span::styled(format!(" {what}   "), Style::new())]
    };
    keys.iter().flat_map(one).collect()
}

/// `12,345`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
