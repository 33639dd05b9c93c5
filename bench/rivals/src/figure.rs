//! What a part of the comparison prints: figures, verdicts and notes, a JSON line each.
//!
//! Shared by the two programs that measure, so that their figures are summarised alike.

use std::env;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// A run is cut into so many slices; how far their medians lie apart is the noise that is printed with each figure.
const SLICES: usize = 5;

/// One line for machines.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    Figure(Figure),
    Verdict(Verdict),
    /// A sentence for people.
    Note(String),
}

/// The distribution of one duration, in milliseconds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// How many times.
    pub samples: usize,
    pub min_ms: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// The smallest and the largest median of five slices of the run.
    pub p50_of_slices_ms: (f64, f64),
}

/// A measured value beside what it must not exceed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Verdict {
    /// Of what.
    pub what: String,
    pub measured: f64,
    pub at_most: f64,
    /// Of both.
    pub unit: String,
}

impl Line {
    /// Prints the line for machines.
    pub fn print(&self) -> Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }
}

impl Figure {
    /// Summarises a run, in the order in which it was measured.
    pub fn of(what: &str, samples: &[Duration]) -> Result<Self> {
        let ms: Vec<f64> = samples.iter().map(|sample| sample.as_secs_f64() * 1000.0).collect();
        Self::of_ms(what, &ms)
    }

    /// The same, of milliseconds, which may be negative.
    pub fn of_ms(what: &str, ms: &[f64]) -> Result<Self> {
        if ms.len() < SLICES {
            bail!("{what}: {} samples are too few", ms.len());
        }
        let medians: Vec<f64> =
            ms.chunks(ms.len().div_ceil(SLICES)).map(|slice| quantile(slice, 0.5)).collect();
        Ok(Self {
            what: what.to_owned(),
            samples: ms.len(),
            min_ms: quantile(ms, 0.0),
            p50_ms: quantile(ms, 0.5),
            p99_ms: quantile(ms, 0.99),
            max_ms: quantile(ms, 1.0),
            p50_of_slices_ms: (quantile(&medians, 0.0), quantile(&medians, 1.0)),
        })
    }

    /// Prints the line for machines.
    pub fn print(self) -> Result<()> {
        Line::Figure(self).print()
    }
}

/// How many samples to take: `full`, or with `BENCH_QUICK=1` only `quick`, to see that everything runs.
pub fn samples(full: usize, quick: usize) -> usize {
    let is_quick = env::var("BENCH_QUICK").is_ok_and(|value| !value.is_empty() && value != "0");
    if is_quick { quick } else { full }
}

/// The nearest-rank quantile of at least one value.
pub fn quantile(values: &[f64], share: f64) -> f64 {
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
