//! What lies beyond the protocol's limits, with numbers.

use crate::cells::Cell;
use crate::counted::Reached;
use crate::oracles::Promise;
use crate::world::{Limit, Setting, Trouble};

/// The size of the worlds: the smallest that has a majority to lose.
pub const VOTERS: usize = 3;

/// One limit, measured.
#[must_use]
pub fn cell(limit: Limit, worlds: u64) -> Cell {
    Cell::of(Setting { trouble: Trouble::Beyond(limit), ..Setting::storm(VOTERS, 0) }, worlds)
}

/// A row of the table in docs/safety.md.
#[must_use]
pub fn row(limit: Limit, cell: &Cell) -> String {
    let broken: Vec<_> = cell
        .all_broken()
        .filter(|(promise, _)| *promise != Promise::Resource)
        .map(|(promise, worlds)| format!("{} in {worlds}", promise.words()))
        .collect();
    format!(
        "| {} | {} | {} | {} |",
        limit.words(),
        broken.join("; "),
        cell.broken(Promise::Resource),
        cell.counted.count(Reached::ActRefused)
    )
}

/// Above the rows.
#[must_use]
pub fn heading(worlds: u64) -> String {
    format!(
        "| of {worlds} worlds each, N = {VOTERS} | promises broken | a lower term accepted after a higher | acts refused \
         by their term |\n|---|---|---|---|"
    )
}

/// Prints the table; whether each limit showed what it is about, and terms held at the resource everywhere.
#[must_use]
pub fn report(worlds: u64) -> bool {
    println!("{}", heading(worlds));
    let mut as_stated = true;
    for limit in Limit::ALL {
        let cell = cell(limit, worlds);
        println!("{}", row(limit, &cell));
        as_stated &= cell.broken(limit.breaks()) > 0 && cell.broken(Promise::Resource) == 0;
    }
    as_stated
}
