//! Asks the election to hand over while the process goes on.

use tokio::sync::mpsc;

use crate::core::{StandBack, Term};

/// A request that finds its queue full is as good as granted: the one that waits there hands over as well.
pub(super) const REQUESTS_WAITING: usize = 4;

/// Why a leadership is to be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resignation {
    /// Somebody wants so; afterwards this candidate stands back.
    Asked(StandBack),
    /// `soft` of this term has passed and the work is being stopped, which cannot be taken back.
    RanOut(Term),
}

/// Asks the election to hand over: the work stops first, then the lease is released.
#[derive(Clone)]
pub struct Resigner {
    pub(super) requests: mpsc::Sender<Resignation>,
}

impl Resigner {
    /// Hands over where this candidate leads, and does not campaign for a while in any case.
    pub fn resign(&self, stand_back: StandBack) {
        // Full is as good as granted, closed says that the election is over.
        let _ = self.requests.try_send(Resignation::Asked(stand_back));
    }

    /// The work of this term is being stopped because `soft` has passed: no renewal may bring it back.
    pub fn ran_out(&self, term: Term) {
        let _ = self.requests.try_send(Resignation::RanOut(term));
    }
}
