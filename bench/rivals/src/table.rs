//! The table of all parts, whoever printed their lines.

use std::io::{self, BufRead};

use anyhow::{Context, Result};

use crate::figure::{Line, Verdict};

/// Reads the parts' lines and prints the table for people: figures, then notes, then what was asked for.
pub fn print_table() -> Result<()> {
    let (mut notes, mut verdicts) = (Vec::new(), Vec::new());
    println!(
        "{:<58} {:>7} {:>9} {:>9} {:>9} {:>9}   p50 of fifths",
        "", "samples", "min ms", "p50 ms", "p99 ms", "max ms"
    );
    for line in io::stdin().lock().lines() {
        let line = line?;
        match serde_json::from_str(&line).with_context(|| format!("not a line of ours: {line}"))? {
            Line::Figure(figure) => {
                let (low, high) = figure.p50_of_slices_ms;
                println!(
                    "{:<58} {:>7} {:>9.3} {:>9.3} {:>9.3} {:>9.3}   {low:.3} to {high:.3}",
                    figure.what, figure.samples, figure.min_ms, figure.p50_ms, figure.p99_ms, figure.max_ms
                );
            }
            Line::Verdict(verdict) => verdicts.push(verdict),
            Line::Note(note) => notes.push(note),
        }
    }
    println!();
    notes.iter().for_each(|note| println!("  {note}"));
    println!("\n{:<58} {:>12} {:>12}", "asked for", "measured", "at most");
    for verdict in &verdicts {
        let Verdict { what, measured, at_most, unit } = verdict;
        let word = if measured <= at_most { "pass" } else { "MISS" };
        println!("{what:<58} {measured:>12.3} {at_most:>12.3} {unit:<6} {word}");
    }
    Ok(())
}
