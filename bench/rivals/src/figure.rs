//! One measured figure, its JSON line, and the table of all of them.

use std::io::{self, BufRead};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// A run is cut into so many slices; how far their medians lie apart is the noise that is printed with each figure.
const SLICES: usize = 5;

/// The distribution of one duration, in milliseconds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// How many times.
    pub samples: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// The smallest and the largest median of five slices of the run.
    pub p50_of_slices_ms: (f64, f64),
}

impl Figure {
    /// Summarises a run, in the order in which it was measured.
    pub fn of(what: &str, samples: &[Duration]) -> Result<Self> {
        if samples.len() < SLICES {
            bail!("{what}: {} samples are too few", samples.len());
        }
        let ms: Vec<f64> = samples.iter().map(|sample| sample.as_secs_f64() * 1000.0).collect();
        let medians: Vec<f64> =
            ms.chunks(ms.len().div_ceil(SLICES)).map(|slice| quantile(slice, 0.5)).collect();
        Ok(Self {
            what: what.to_owned(),
            samples: ms.len(),
            p50_ms: quantile(&ms, 0.5),
            p99_ms: quantile(&ms, 0.99),
            max_ms: quantile(&ms, 1.0),
            p50_of_slices_ms: (quantile(&medians, 0.0), quantile(&medians, 1.0)),
        })
    }

    /// Prints the line for machines.
    pub fn print(&self) -> Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }
}

/// The nearest-rank quantile of at least one value.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank"
    )]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// Reads the parts' lines and prints the table for people.
pub fn print_table() -> Result<()> {
    println!("{:<58} {:>7} {:>9} {:>9} {:>9}   p50 of fifths", "", "samples", "p50 ms", "p99 ms", "max ms");
    for line in io::stdin().lock().lines() {
        let line = line?;
        let figure: Figure = serde_json::from_str(&line).with_context(|| format!("not a figure: {line}"))?;
        let (low, high) = figure.p50_of_slices_ms;
        println!(
            "{:<58} {:>7} {:>9.3} {:>9.3} {:>9.3}   {low:.3} to {high:.3}",
            figure.what, figure.samples, figure.p50_ms, figure.p99_ms, figure.max_ms
        );
    }
    Ok(())
}
