//! An election that a program takes part in.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::builder::ElectionBuilder;
use super::error::Error;
use super::holding::{Holding, State};
use super::leadership::Leadership;
use crate::clock;
use crate::election::{self as driver, Candidacy, ForeignRecord, Leader, Snapshot, Verifier};

/// One candidate in one election.
///
/// It watches the voters from its start on, and takes part when [`campaign`](Self::campaign) is called. Dropping it
/// ends that, as soon as no [`Leadership`] of it is held.
pub struct Election {
    inner: Arc<Inner>,
}

/// What the election and its leaderships share; the task ends when it is gone.
pub(super) struct Inner {
    pub(super) claims: driver::Leadership,
    pub(super) verifier: Verifier,
    pub(super) candidacy: Candidacy,
    pub(super) holding: Holding,
    /// Why the task ended, once it has.
    pub(super) ended: Arc<OnceLock<String>>,
    pub(super) shutdown: CancellationToken,
}

impl Election {
    pub(super) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Describes a candidate. `election` is the name of what is led: a DNS-1123 label, the same at all candidates.
    pub fn builder(election: impl Into<String>) -> ElectionBuilder {
        ElectionBuilder::new(election.into())
    }

    /// Takes part until this candidate is elected. With a healthy majority of voters and nobody leading that takes a
    /// few round trips; behind another leader it takes as long as that one leads.
    ///
    /// Dropping the future stands back: an attempt under way is given up. Bound it with `tokio::time::timeout` where
    /// the program has something else to do. While too few voters can be reached it waits; [`status`](Self::status)
    /// says which, and why.
    ///
    /// # Errors
    ///
    /// [`Error::StillHeld`], [`Error::OtherVoters`], [`Error::OtherFormat`], [`Error::Ended`].
    pub async fn campaign(&mut self) -> Result<Leadership, Error> {
        let inner = &self.inner;
        if let State::Held { term, .. } = inner.holding.state() {
            return Err(Error::StillHeld { term });
        }
        let (mut changes, mut progress) = (inner.holding.watch(), inner.candidacy.progress());
        let campaign = Campaign::begin(&inner.candidacy);
        loop {
            if let Some(term) = inner.holding.take() {
                campaign.won();
                return Ok(Leadership::new(term, Arc::clone(inner)));
            }
            if let Some(foreign) = &progress.borrow_and_update().foreign {
                return Err(self.in_vain(foreign));
            }
            tokio::select! {
                // Its sender is ours.
                _ = changes.changed() => {}
                further = progress.changed() => further.map_err(|_| self.ended())?,
            }
        }
    }

    /// Who leads, as far as this candidate has seen.
    #[must_use]
    pub fn leader(&self) -> Option<Leader> {
        self.inner.claims.leader(clock::now().at)
    }

    /// Everything that this candidate knows, for people and for JSON.
    #[must_use]
    pub fn status(&self) -> Snapshot {
        self.inner.claims.snapshot(clock::now())
    }

    fn in_vain(&self, foreign: &ForeignRecord) -> Error {
        match foreign {
            ForeignRecord::Voters(theirs) => {
                let mut ours = self.inner.claims.about().voters.clone();
                ours.sort_unstable();
                // A record names a generation first.
                let theirs = theirs.split_once(' ').map_or(theirs.as_str(), |(_, names)| names);
                Error::OtherVoters { theirs: theirs.to_owned(), ours: ours.join(",") }
            }
            ForeignRecord::Format(theirs) => Error::OtherFormat { theirs: theirs.clone() },
        }
    }

    fn ended(&self) -> Error {
        let unasked = || "because it broke or its runtime is shutting down".to_owned();
        Error::Ended { cause: self.inner.ended.get().cloned().unwrap_or_else(unasked) }
    }
}

impl fmt::Debug for Election {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = self.inner.claims.about();
        f.debug_struct("Election")
            .field("election", &about.election)
            .field("identity", &about.identity)
            .field("state", &self.inner.holding.state())
            .finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Campaigning, until somebody no longer waits for it.
struct Campaign<'a> {
    candidacy: &'a Candidacy,
    is_won: bool,
}

impl<'a> Campaign<'a> {
    fn begin(candidacy: &'a Candidacy) -> Self {
        candidacy.campaign();
        Self { candidacy, is_won: false }
    }

    fn won(mut self) {
        self.is_won = true;
    }
}

impl Drop for Campaign<'_> {
    fn drop(&mut self) {
        if !self.is_won {
            self.candidacy.stand_back();
        }
    }
}
