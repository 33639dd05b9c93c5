//! What the owner of a candidate wants, told to the core, and how far that got, told to the owner.

use std::time::Duration;

use crate::core::{Event, StandBack};
use crate::election::board::Stage;
use crate::election::candidacy::{ForeignRecord, Wish};
use crate::election::driver::{Driver, WorkState};
use crate::election::port::{VoterPort, Work};
use crate::election::report::OperationKind;
use crate::election::resigning::Resignation;

impl<V: VoterPort + ?Sized, W: Work> Driver<V, W> {
    /// The same wish twice changes nothing.
    pub(super) fn wish(&mut self, wish: Wish) {
        if self.ending.is_some() {
            return;
        }
        let Wish { campaign, over } = wish;
        let only_watched = std::mem::replace(&mut self.only_watches, !campaign);
        if campaign && only_watched {
            if self.led.is_none() {
                self.leadership.set_stage(Stage::Observing);
            } else if self.resigning.is_some() {
                self.resigning = Some(StandBack::For(Duration::ZERO));
            }
            self.turn(Event::Campaign);
        }
        let is_over = self.led.is_some_and(|term| term <= over);
        if !campaign || is_over {
            let stand_back = if campaign { StandBack::For(Duration::ZERO) } else { StandBack::ForGood };
            self.resigning = Some(stand_back);
            self.turn(Event::Resign { stand_back });
            self.note_resigned();
        }
    }

    /// At the end of the process the core has been told so for good already.
    pub(super) fn resign(&mut self, resignation: Resignation) {
        if self.ending.is_some() {
            return;
        }
        let stand_back = match resignation {
            Resignation::Asked(stand_back) => stand_back,
            Resignation::RanOut(term) if self.led != Some(term) => return,
            Resignation::RanOut(_) => {
                self.ran_out = true;
                StandBack::For(Duration::ZERO)
            }
        };
        self.resigning = self.resigning.max(Some(stand_back));
        self.turn(Event::Resign { stand_back });
        self.note_resigned();
    }

    /// Tells the owner why campaigning is in vain.
    pub(super) fn found(&self, foreign: ForeignRecord) {
        self.progress.send_modify(|progress| progress.foreign = Some(foreign));
    }

    /// Tells that the last leadership is over and its release was heard, as soon as that is so.
    pub(super) fn settle(&mut self) {
        let is_over = self.led.is_none() && matches!(self.work_state, WorkState::Idle);
        if is_over
            && self.asks.open(OperationKind::Release) == 0
            && let Some(term) = self.unsettled.take()
        {
            self.tell_of_release();
            self.progress.send_modify(|progress| progress.settled = term);
        }
    }
}
