//! The screen as a function of the scene, the time, the size and whether there are colours. Pure.

mod explanation;
mod footer;
mod palette;
mod rows;

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Wrap};

pub(super) use self::palette::Palette;
use self::palette::strong;
use super::headline::headline;
use super::scene::{Entry, Scene, View};
use crate::cli::demo::company::{NAMES, QUORUM, VOTERS};
use crate::cli::demo::page::{UNBROKEN, wrapped};

/// The smallest screen on which all rows are whole, the log has room for two entries, and the explanation fits.
pub(super) const SMALLEST: (u16, u16) = (80, 22);
/// After the name.
const TITLE: &str = "elects one leader by a majority of independent Redis servers";
/// The lines of a headline, at the smallest width.
const HEADLINE_HEIGHT: u16 = 2;
/// Before each entry of the log: its time.
const LOG_INDENT: usize = 8;

pub(super) fn draw(frame: &mut Frame, scene: &Scene, now: Duration, palette: Palette) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return too_small(frame, area);
    }
    if scene.view != View::Stage {
        return explanation::draw(frame, area, scene, palette);
    }
    let height = |rows: usize| Constraint::Length(u16::try_from(rows).unwrap_or(u16::MAX));
    let [title, head, candidates, voters, log, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(HEADLINE_HEIGHT),
        height(1 + NAMES.len()),
        height(1 + VOTERS.len()),
        Constraint::Min(0),
        Constraint::Length(footer::HEIGHT),
    ])
    .areas(area);

    draw_title(frame, title, scene, now, palette);
    let (tone, text) = headline(scene, now);
    let head = padded(head);
    let lines: Vec<Line> =
        wrapped(&text, usize::from(head.width)).iter().map(|line| Line::raw(spaced(line))).collect();
    frame.render_widget(Paragraph::new(lines).style(palette.headline(tone)), head);

    let about = "real processes; the bar: how long one may believe that it leads";
    section(frame, candidates, "Candidates", about, rows::candidates(scene, now, palette), palette);
    let about = format!(
        "{} servers that know nothing of each other; {QUORUM} of {} decide",
        scene.server,
        VOTERS.len()
    );
    section(frame, voters, "Voters", &about, rows::voters(scene, now, palette), palette);
    let lines = log_lines(scene, log, palette);
    section(frame, log, "What happened", "and why; seconds since the beginning", lines, palette);
    footer::draw(frame, footer, scene, palette);
}

fn too_small(frame: &mut Frame, area: Rect) {
    let (width, height) = SMALLEST;
    let sentence = format!(
        "This needs {width} columns and {height} lines, and there are {} and {}: make the window larger, or press q and \
         run quorate demo --script.",
        area.width, area.height
    );
    frame.render_widget(Paragraph::new(sentence).wrap(Wrap { trim: true }), area);
}

fn draw_title(frame: &mut Frame, area: Rect, scene: &Scene, now: Duration, palette: Palette) {
    let title =
        Line::from(vec![Span::styled("Quorate", strong()), Span::styled(format!(" {TITLE}"), Style::new())]);
    frame.render_widget(Paragraph::new(title), padded(area));
    let seconds = now.saturating_sub(scene.begun).as_secs();
    let clock = Line::styled(format!("{}:{:02}", seconds / 60, seconds % 60), palette.faint());
    frame.render_widget(Paragraph::new(clock).alignment(Alignment::Right), padded(area));
}

/// A rule with a name and what that is, and lines below.
fn section(frame: &mut Frame, area: Rect, name: &str, about: &str, lines: Vec<Line>, palette: Palette) {
    let title = Line::from(vec![
        Span::styled(format!(" {name} "), strong()),
        Span::styled(format!("· {about} "), palette.faint()),
    ]);
    let block = Block::new().borders(Borders::TOP).border_style(palette.faint()).title(title);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    frame.render_widget(Paragraph::new(lines), inside);
}

/// The latest entries that fit, whole ones only, but of the latest as much as there is room for.
fn log_lines(scene: &Scene, area: Rect, palette: Palette) -> Vec<Line<'static>> {
    let room = usize::from(area.height.saturating_sub(1));
    let width = usize::from(area.width) - LOG_INDENT - 1;
    let mut shown: Vec<Vec<Line>> = Vec::new();
    let mut used = 0;
    for entry in scene.log.iter().rev() {
        let mut lines = entry_lines(entry, width, palette);
        if used + lines.len() > room {
            if used == 0 {
                lines.truncate(room);
                shown.push(lines);
            }
            break;
        }
        used += lines.len();
        shown.push(lines);
    }
    shown.into_iter().rev().flatten().collect()
}

fn entry_lines(entry: &Entry, width: usize, palette: Palette) -> Vec<Line<'static>> {
    let style = palette.entry(entry.tone);
    let mut time = format!("{:>6.1}  ", entry.at.as_secs_f64());
    let lines = wrapped(&entry.text, width);
    let with_time = |text: String| {
        let time = std::mem::replace(&mut time, " ".repeat(LOG_INDENT));
        Line::from(vec![Span::styled(time, palette.faint()), Span::styled(spaced(&text), style)])
    };
    lines.into_iter().map(with_time).collect()
}

fn spaced(text: &str) -> String {
    text.replace(UNBROKEN, " ")
}

fn padded(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}
