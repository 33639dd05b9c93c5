//! The end of the demo: who led when, drawn to scale, and a table of what was promised and seen.

use std::io;
use std::time::Duration;

use super::book::{Book, Life, Reign};
use super::company::NAMES;
use super::page::{Ink, Page, Row, WIDTH};

/// Between the name and the end of the line.
const BAR_WIDTH: usize = WIDTH - 10;
const WHAT_WIDTH: usize = 38;
const PROMISED_WIDTH: usize = 24;

/// Who led when. A cell is full where its candidate was seen leading in any part of it, a dot where its process was
/// there, empty where it was not.
pub(super) fn timeline(page: &mut Page, book: &Book) -> io::Result<()> {
    let begun = book.lives.iter().map(|life| life.from).min().unwrap_or_default();
    let end = book.lives.iter().map(|life| life.to).max().unwrap_or_default();
    let whole = end.saturating_sub(begun).max(Duration::from_millis(1));
    let cell = |at: Duration| {
        let share = at.saturating_sub(begun).as_secs_f64() / whole.as_secs_f64();
        // A share between 0 and 1 of a small number: nothing can be cut off but the fraction.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to BAR_WIDTH")]
        let cell = (share * bar_width()) as usize;
        cell.min(BAR_WIDTH - 1)
    };
    page.line(&format!(
        "\n  {}",
        page.ink(Ink::Strong, &format!("Who led, over {:.0} s", whole.as_secs_f64()))
    ))?;
    for (candidate, name) in NAMES.iter().enumerate() {
        let mut cells = [' '; BAR_WIDTH];
        for Life { from, to, .. } in book.lives.iter().filter(|life| life.candidate == candidate) {
            cells[cell(*from)..=cell(*to)].fill('·');
        }
        for Reign { begun, last_yes, .. } in book.reigns.iter().filter(|reign| reign.candidate == candidate) {
            cells[cell(*begun)..=cell(last_yes.1.max(*begun))].fill('█');
        }
        let bar: String = cells.iter().collect();
        page.line(&format!("  {name}  {}", page.ink(Ink::Good, bar.trim_end())))?;
    }
    Ok(())
}

/// The width of a bar as a factor.
fn bar_width() -> f64 {
    f64::from(u32::try_from(BAR_WIDTH).unwrap_or_default())
}

/// The table, with a tick at each row.
pub(super) fn table(page: &mut Page, rows: &[Row]) -> io::Result<()> {
    let head = format!("     {:<WHAT_WIDTH$} {:<PROMISED_WIDTH$} seen", "", "promised");
    page.line(&format!("\n{}", page.ink(Ink::Faint, &head)))?;
    for (n, Row { what, promised, seen }) in rows.iter().enumerate() {
        let tick = page.ink(Ink::Good, "✔");
        page.line(&format!("  {tick} {} {what:<WHAT_WIDTH$} {promised:<PROMISED_WIDTH$} {seen}", n + 1))?;
    }
    Ok(())
}
