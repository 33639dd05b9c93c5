//! Each fault alone, on plain Redlock and on Quorate, in the same worlds.

use crate::cells::Cell;
use crate::contender::Protocol;
use crate::counted::Reached;
use crate::oracles::Promise;
use crate::weather::Fault;
use crate::world::{Setting, Trouble};

/// The size of the worlds.
pub const VOTERS: usize = 3;

/// The rows: what goes wrong, and in words.
#[must_use]
pub fn troubles() -> Vec<(Trouble, &'static str)> {
    let network = [
        (Trouble::Network { dropped: 150, duplicated: 0, slow: 0 }, "15 % of messages lost"),
        (Trouble::Network { dropped: 0, duplicated: 300, slow: 0 }, "30 % of messages twice"),
        (
            Trouble::Network { dropped: 0, duplicated: 0, slow: 150 },
            "15 % of messages late, by up to three ttl",
        ),
    ];
    let faults = Fault::ALL.into_iter().map(|fault| (Trouble::Only(fault), fault.words()));
    network.into_iter().chain(faults).chain([(Trouble::Storm, "everything, in all mixtures")]).collect()
}

/// Both protocols in the same kind of trouble.
#[must_use]
pub fn cells(trouble: Trouble, worlds: u64) -> [Cell; 2] {
    [Protocol::Redlock, Protocol::Quorate]
        .map(|protocol| Cell::of(Setting { protocol, trouble, ..Setting::storm(VOTERS, 0) }, worlds))
}

/// Above the rows.
#[must_use]
pub fn heading(worlds: u64) -> String {
    format!(
        "| of {worlds} worlds each, N = {VOTERS} | Redlock: two leaders at once | Redlock: late acts accepted | \
         Quorate: two leaders at once | Quorate: any promise broken | Quorate: late acts refused |\n|---|---|---|---|---|---|"
    )
}

/// A row of the table in docs/safety.md.
#[must_use]
pub fn row(words: &str, [redlock, quorate]: &[Cell; 2]) -> String {
    format!(
        "| {words} | {} | {} | {} | {} | {} |",
        redlock.broken(Promise::Exclusion),
        redlock.counted.count(Reached::LateActAccepted),
        quorate.broken(Promise::Exclusion),
        quorate.all_broken().map(|(_, worlds)| worlds).sum::<u64>(),
        quorate.counted.count(Reached::ActRefused),
    )
}

/// Prints the table; whether Quorate kept every promise.
#[must_use]
pub fn report(worlds: u64) -> bool {
    println!("{}", heading(worlds));
    let mut kept = true;
    for (trouble, words) in troubles() {
        let cells = cells(trouble, worlds);
        println!("{}", row(words, &cells));
        kept &= cells[1].all_broken().next().is_none();
    }
    kept
}
