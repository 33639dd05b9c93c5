//! What the voters are worth together: a quorum or not, told when it changes; and whether they still lack their terms.

use std::collections::VecDeque;

use crate::core::{Answer, Moment, Now, Standing};
use crate::election::asks::Answered;
use crate::election::driver::Driver;
use crate::election::port::{VoterPort, Work};
use crate::election::report::Fact;
use crate::election::roll::SHORTEST_LOG_INTERVAL;
use crate::voter::TroubleKind;

/// So often within [`SHORTEST_LOG_INTERVAL`] a change is told at once: an outage and its end, and once more.
const CHANGES_AT_ONCE: usize = 4;

/// What was said about the quorum.
#[derive(Debug, Default)]
pub(super) struct QuorumNews {
    told: Option<bool>,
    /// When, for as long as it counts.
    lines: VecDeque<Moment>,
}

impl QuorumNews {
    /// Whether that is to be told now. A change that is not told, because there were too many, is told later if it
    /// lasts. Before all voters were `asked` once, none is missed.
    fn is_due(&mut self, now: Moment, is_quorate: bool, asked: bool) -> bool {
        let is_too_early = self.told.is_none() && !is_quorate && !asked;
        if self.told == Some(is_quorate) || is_too_early {
            return false;
        }
        self.lines.retain(|&told| now.leader_elapsed(told) < SHORTEST_LOG_INTERVAL);
        if self.lines.len() >= CHANGES_AT_ONCE {
            return false;
        }
        self.lines.push_back(now);
        self.told = Some(is_quorate);
        true
    }
}

impl<V: VoterPort + ?Sized, W: Work> Driver<V, W> {
    pub(super) fn watch_voter(&mut self, now: Now, answered: &Answered) {
        let voter = answered.sent.voter;
        let state = self.roll.state(voter, &self.core.voter(voter));
        if matches!(answered.reply.answer, Answer::Observed(_)) && state.view.same_server.is_some() {
            self.report.note(Fact::Trouble { voter, kind: TroubleKind::Duplicate });
        }
        let is_quorate = self.leadership.set_voter(voter, state);
        if self.is_halted && !self.lacks_terms() {
            self.is_halted = false;
            self.leadership.set_aside(None);
        }
        if !self.quorum_news.is_due(now.at, is_quorate, self.roll.is_complete()) {
            return;
        }
        let about = &self.settings.about;
        let (election, quorum, voters) = (&about.election, about.quorum(), about.voters.len());
        if is_quorate {
            tracing::info!(%election, quorum, voters, "a quorum of voters answers");
        } else {
            tracing::warn!(%election, quorum, voters, "fewer than a quorum of voters answer");
        }
        self.report.note(Fact::Quorum(is_quorate));
        self.leadership.remember(now, if is_quorate { "quorum" } else { "no-quorum" }, None, "voters");
    }

    /// A voter forgot, as far as it showed last, and nobody has let it vote again.
    fn lacks_terms(&self) -> bool {
        let voters = 0..self.settings.about.voters.len();
        let mut seen = voters.filter_map(|voter| self.core.voter(voter).observation);
        self.led.is_none() && seen.any(|seen| seen.standing == Standing::Joining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_quorum_that_comes_and_goes_does_not_flood_the_log_and_the_last_word_is_true() {
        let mut news = QuorumNews::default();
        let at = |tenths: u32| Moment::default().plus(Duration::from_millis(100) * tenths);
        assert!(!news.is_due(at(0), false, false), "not all were asked");
        // Half a second each, for six seconds.
        let told = (0..12).filter(|&turn| news.is_due(at(5 * turn), turn % 2 == 0, true)).count();
        assert_eq!((told, news.told), (CHANGES_AT_ONCE, Some(false)));
        assert!(!news.is_due(at(60), true, true));
        assert!(news.is_due(at(120), true, true), "it lasted");
    }
}
