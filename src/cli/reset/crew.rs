//! The configured voters, asked all at once, each within a limit.

use std::time::Duration;

use futures_util::future::join_all;

use crate::clock;
use crate::core::{Moment, Timing};
use crate::voter::{Removal, Scope, Survey, Trouble, Voter};

/// A candidate that still runs finds a voter without a record at its next poll. Ours may be as late as this many
/// observe intervals, so that an ordinary one has come by.
const INTERVALS_TO_LOOK_BACK: u32 = 4;
/// Also where the intervals are short.
const SHORTEST_LOOK_BACK: Duration = Duration::from_millis(500);
/// Between two looks, whatever the configured interval.
const LOOKS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Nobody's lease depends on how soon we are answered, so a voter gets at least this long.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(1);

/// What one voter remembers, or why it does not say.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    pub(super) name: String,
    pub(super) survey: Result<Survey, Trouble>,
    /// Read before it was asked.
    pub(super) sent: Moment,
    /// Read after the answer was there.
    pub(super) received: Moment,
}

/// How many candidates listen at a voter, or why that is not known.
pub(super) type Listening = (String, Result<u64, Trouble>);

/// What became of one removal.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) result: Result<Removal, Trouble>,
}

pub(super) struct Crew {
    voters: Vec<(Voter, Scope)>,
    timing: Timing,
}

impl Crew {
    pub(super) fn new(voters: Vec<(Voter, Scope)>, timing: Timing) -> Self {
        Self { voters, timing }
    }

    /// How long to wait between two looks.
    pub(super) fn interval(&self) -> Duration {
        self.timing.observe_interval.clamp(LOOKS.0, LOOKS.1)
    }

    /// How long one question may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timing.voter_timeout.max(SHORTEST_TIMEOUT)
    }

    /// In the order of the configuration.
    pub(super) async fn survey(&self) -> Vec<Sighting> {
        join_all(self.voters.iter().map(async |(voter, scope)| {
            let sent = clock::now().at;
            let survey = voter.survey(scope, self.timeout()).await;
            Sighting { name: voter.name().to_owned(), survey, sent, received: clock::now().at }
        }))
        .await
    }

    pub(super) async fn listeners(&self, at: &[String]) -> Vec<Listening> {
        let asked = self.named(at).map(async |(voter, scope)| {
            (voter.name().to_owned(), voter.listeners(scope, self.timeout()).await)
        });
        join_all(asked).await
    }

    /// Removes what was surveyed at these voters.
    pub(super) async fn remove(&self, at: &[String], surveyed: &[Sighting]) -> Vec<Outcome> {
        let asked = self.named(at).filter_map(|(voter, scope)| {
            let sighting = surveyed.iter().find(|sighting| sighting.name == voter.name())?;
            let stamp = sighting.survey.as_ref().ok()?.stamp();
            Some(async move {
                let result = voter.remove(scope, stamp, self.timeout()).await;
                Outcome { name: voter.name().to_owned(), result }
            })
        });
        join_all(asked).await
    }

    /// Looks for a while whether anybody writes a record again where none should be.
    pub(super) async fn first_to_begin_anew(&self, at: &[&str]) -> Option<String> {
        let begun = clock::now().at;
        let long = (self.timing.observe_interval * INTERVALS_TO_LOOK_BACK).max(SHORTEST_LOOK_BACK);
        loop {
            let mut sightings = self.survey().await.into_iter();
            let anew = sightings.find(|sighting| {
                at.contains(&sighting.name.as_str())
                    && sighting.survey.as_ref().is_ok_and(|survey| !survey.is_clean())
            });
            if anew.is_some() || clock::now().at.observer_elapsed(begun) >= long {
                return anew.map(|sighting| sighting.name);
            }
            tokio::time::sleep(self.interval()).await;
        }
    }

    fn named<'a>(&'a self, names: &'a [String]) -> impl Iterator<Item = &'a (Voter, Scope)> {
        self.voters.iter().filter(move |(voter, _)| names.iter().any(|name| name == voter.name()))
    }
}
