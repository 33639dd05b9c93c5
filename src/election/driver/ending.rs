//! The end of the process: stop leading, release, and leave when that has been heard.

use crate::clock;
use crate::core::{Event, Moment, StandBack};
use crate::election::driver::{Driver, WorkState};
use crate::election::port::{VoterPort, Work};
use crate::election::report::OperationKind;

/// A shutdown under way.
pub(super) struct Ending {
    /// However it goes, nobody can be leading after this instant: the work was killed at the end of its drain, and
    /// what was not released by then has lapsed.
    last: Moment,
    /// When leadership had ended and the releases were on their way: how long their answers are waited for.
    released: Option<Moment>,
    /// A release is owed to the voters.
    owes_release: bool,
}

impl Ending {
    /// When to look again whether it is over.
    pub(super) fn patience_ends(&self) -> Moment {
        self.released.unwrap_or(self.last)
    }
}

impl<V: VoterPort + ?Sized, W: Work> Driver<V, W> {
    pub(super) fn shut_down(&mut self) {
        let now = clock::now().at;
        let timing = self.settings.timing;
        let longest = self.settings.drain_timeout + timing.ttl + timing.voter_timeout;
        self.ending =
            Some(Ending { last: now.plus(longest), released: None, owes_release: self.led.is_some() });
        self.leadership.drain();
        self.resigning = Some(StandBack::ForGood);
        self.turn(Event::Resign { stand_back: StandBack::ForGood });
        self.note_resigned();
    }

    /// Nothing is left to be done or waited for.
    pub(super) fn is_over(&mut self, now: Moment) -> bool {
        let is_leading = self.led.is_some() || !matches!(self.work_state, WorkState::Idle);
        let releasing = self.asks.open(OperationKind::Release);
        let Some(ending) = &mut self.ending else { return false };
        if !now.is_before(ending.last) {
            tracing::warn!(election = %self.settings.about.election, "gave up waiting for a clean end");
            return true;
        }
        if is_leading {
            return false;
        }
        if releasing > 0 {
            ending.owes_release = false;
        } else if !ending.owes_release {
            return true;
        }
        let patience = self.settings.timing.voter_timeout;
        let end = *ending.released.get_or_insert_with(|| now.plus(patience));
        let is_late = !now.is_before(end);
        if is_late {
            self.tell_of_release();
        }
        is_late
    }
}
