//! Every series of `/metrics`, declared in one place (`families`), filled from two sources: facts that an election
//! reports as they happen, and questions about its leadership that are asked at the scrape, so that a stuck election
//! cannot report that it leads.
//!
//! The values of every label are a closed list, every combination exists from the start with 0, and standbys export
//! what leaders do. docs/metrics.md lists all of it; a test compares.

mod families;
mod series;

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{Encoder, Registry, TextEncoder};

use self::families::Families;
use self::series::Series;
use crate::clock;
use crate::election::{Leadership, Report};

/// The registry of this process.
pub struct Metrics {
    registry: Registry,
    families: Families,
    elections: Mutex<Vec<(Leadership, Arc<Series>)>>,
}

impl Metrics {
    /// A registry without elections.
    ///
    /// # Errors
    ///
    /// Two families have one name: a bug.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let families = Families::register(&registry)?;
        families.build_info.get_metric_with_label_values(&[env!("CARGO_PKG_VERSION")])?.set(1.0);
        Ok(Self { registry, families, elections: Mutex::default() })
    }

    /// The series of one election, all of them 0; what comes back counts what happens in it.
    ///
    /// # Errors
    ///
    /// A label is wrong: a bug.
    pub fn election(&self, leadership: Leadership) -> Result<Arc<dyn Report>, prometheus::Error> {
        let series = Arc::new(Series::new(&self.families, leadership.about())?);
        let mut elections = self.elections.lock().unwrap_or_else(PoisonError::into_inner);
        elections.push((leadership, Arc::clone(&series)));
        Ok(series)
    }

    /// All series as of now, in the text format.
    ///
    /// # Errors
    ///
    /// They cannot be written: a bug.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        let now = clock::now();
        for (leadership, series) in self.elections.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            series.read(leadership, now);
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
