//! The page that everything begins with, and that `?` shows again.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::scene::{Scene, View};
use super::palette::{Palette, strong};
use super::{TITLE, padded, spaced};
use crate::cli::demo::company::{NAMES, QUORUM, VOTERS};
use crate::cli::demo::page::wrapped;
use crate::cli::demo::times::{named, shown};

/// The column of the words that are explained.
const WORD_WIDTH: usize = 12;

pub(super) fn draw(frame: &mut Frame, area: Rect, scene: &Scene, palette: Palette) {
    let width = usize::from(area.width) - 2 - WORD_WIDTH;
    let mut lines = vec![Line::styled(format!("Quorate {TITLE}"), strong()), Line::default()];
    for (word, text) in explained(scene) {
        for (n, line) in wrapped(&text, width).into_iter().enumerate() {
            let word = if n == 0 { word } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!("{word:<WORD_WIDTH$}"), palette.key()),
                Span::styled(spaced(&line), Style::new()),
            ]));
        }
    }
    let next = if scene.view == View::Beginning { " begins, " } else { " goes back, " };
    lines.push(Line::default());
    lines.push(Line::from(vec![
        Span::styled("Any key", palette.key()),
        Span::styled(next, strong()),
        Span::styled("q", palette.key()),
        Span::styled(" quits.", strong()),
    ]));
    frame.render_widget(Paragraph::new(lines), padded(area));
}

/// What is on the screen, then what the keys do.
fn explained(scene: &Scene) -> [(&'static str, String); 13] {
    let times = scene.times;
    let (watch, validity, renew) = (named("O", times.watch), named("D", times.validity), shown(times.renew));
    let (voters, candidates, server) = (VOTERS.len(), NAMES.len(), &scene.server);
    [
        ("voters", format!("{voters} {server} servers that know nothing of each other.")),
        (
            "candidates",
            format!("{candidates} programs that want to lead. All of it is real, on this machine."),
        ),
        (
            "bar",
            format!(
                "how long a leader may believe that it leads, by its own clocks. It renews its lease every {renew}; the \
                 bar is full again once {QUORUM} voters have acknowledged. Empty, it leads no more."
            ),
        ),
        ("term", "a leadership's number. It only grows, so old ones are refused.".to_owned()),
        ("member", "a voter that remembers, and may vote.".to_owned()),
        ("joining", "a voter that forgot: it may not vote until told what it must know.".to_owned()),
        ("jeopardy", "so little validity is left that work has to stop.".to_owned()),
        (
            "D and O",
            format!(
                "a leader believes for {validity} after it sent a renewal; others wait until a record stood still \
                 for {watch}. O is longer: a gap, never an overlap."
            ),
        ),
        ("k", "SIGKILL: the dead give nothing back, another leads after O.".to_owned()),
        ("s and r", "SIGSTOP, SIGCONT: it lives and notices nothing, as if suspended.".to_owned()),
        ("g", "SIGTERM: the lease is given back, and another leads at once.".to_owned()),
        ("e and d", "a voter restarts empty, or with its data: forgetful either way.".to_owned()),
        ("n", "a new process for a candidate that is down.".to_owned()),
    ]
}
