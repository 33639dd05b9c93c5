//! The event log: what happened, in words that teach why. Most sentences fit into two lines of a narrow terminal.

use std::time::Duration;

use super::super::facts::{Act, Actor, News, Order};
use super::{Life, Loss, Scene, Tone};
use crate::cli::demo::company::{NAMES, QUORUM, VOTERS};
use crate::cli::demo::times::{named, shown};

impl Scene {
    /// Before the scene itself takes note of it.
    pub(super) fn tell_done(&mut self, at: Duration, order: Order) {
        match order.actor {
            Actor::Candidate(candidate) => self.tell_candidate(at, candidate, order.act),
            Actor::Voter(voter) => self.tell_voter(at, voter, order.act),
        }
    }

    fn tell_candidate(&mut self, at: Duration, candidate: usize, act: Act) {
        let (name, watch) = (NAMES[candidate], named("O", self.times.watch));
        let believes = self.candidates[candidate].until.is_some_and(|until| until > at);
        let text = match act {
            Act::Kill if believes => format!(
                "You killed {name} (SIGKILL). The dead give nothing back: the others wait until its records have stood \
                 still for {watch}."
            ),
            Act::Stop if believes => format!(
                "You stopped {name} (SIGSTOP): it notices nothing. It may believe for {} after a renewal; the others \
                 wait for {watch}.",
                named("D", self.times.validity)
            ),
            Act::End if believes => format!(
                "You asked {name} to end (SIGTERM): it stops its work, gives the lease back and tells the others, who \
                 need not wait."
            ),
            Act::Kill => format!("You killed {name} (SIGKILL). It did not lead: nothing changes."),
            Act::Stop => format!("You stopped {name} (SIGSTOP). It did not lead: nothing changes."),
            Act::End => format!("You asked {name} to end (SIGTERM). It did not lead: nothing changes."),
            Act::Resume => format!(
                "You let {name} go on (SIGCONT). Before it says anything it looks at its clocks: leadership is a \
                 matter of time, never a flag."
            ),
            // The first start of each is no event: everything begins with it.
            Act::Start if !self.book.lives.iter().any(|life| life.candidate == candidate) => return,
            Act::Start | Act::StartEmpty | Act::StartWithData => {
                format!(
                    "You started {name} again: a new process that knows nothing. It watches and stands by."
                )
            }
        };
        let how = match act {
            Act::Kill => Some("was killed"),
            Act::Stop => Some("was stopped"),
            Act::End => Some("was asked to end"),
            Act::Resume | Act::Start | Act::StartEmpty | Act::StartWithData => None,
        };
        if let Some(how) = how.filter(|_| believes) {
            self.loss = Some(Loss { at, how: format!("{name} {how}") });
        }
        self.tell(at, Tone::Yours, text);
    }

    fn tell_voter(&mut self, at: Duration, voter: usize, act: Act) {
        let name = VOTERS[voter];
        let was_up = usize::from(self.voters[voter].life == Life::Up);
        let left = left(self.voters_up() - was_up);
        let text = match act {
            Act::Kill => format!("You killed {name} (SIGKILL). {left}"),
            Act::Stop => format!(
                "You stopped {name} (SIGSTOP): connections stay open, nothing is answered, the worst way to fail. {left}"
            ),
            Act::Resume => format!(
                "You let {name} go on (SIGCONT). It forgot nothing, and it is the same run of the server: it votes at \
                 once."
            ),
            Act::StartEmpty => format!(
                "You restarted {name} empty. To plain Redlock it is a free vote for anybody now. Here it may not vote \
                 until others tell it what it must know."
            ),
            Act::StartWithData => format!(
                "You restarted {name} with its data. It may not vote yet, all the same: its run id is new, and nobody \
                 knows what it promised after its last write to disk."
            ),
            Act::End | Act::Start => return,
        };
        self.tell(at, Tone::Yours, text);
    }

    pub(super) fn tell_ended(&mut self, at: Duration, candidate: usize, how: &str) {
        let name = NAMES[candidate];
        if self.candidates[candidate].life == Life::Ending {
            self.tell(at, Tone::Plain, format!("{name} ended ({how}). n starts it again."));
        } else {
            self.tell(at, Tone::Bad, format!("{name} ended by itself ({how}). n starts it again."));
        }
    }

    pub(super) fn tell_news(&mut self, at: Duration, candidate: usize, news: &News) {
        let name = NAMES[candidate];
        match news.event.as_str() {
            "elected" => self.tell_elected(at, name, news),
            "jeopardy" => {
                let text = format!(
                    "{name} says \"I lead\" no more: the validity that is left is what its work may need to stop."
                );
                self.tell(at, Tone::Bad, text);
            }
            "safe" => {
                self.tell(at, Tone::Good, format!("{name} may say \"I lead\" again: renewals come through."));
            }
            "lost" => {
                let why = match news.data.reason.as_deref().unwrap_or_default() {
                    "lapsed" => "its validity has ended. Its own clocks told it so",
                    "lost" => "a majority of the voters has forgotten its lease",
                    "clock_diverged" => "its clocks disagree: it was suspended, or the time was set",
                    "clock_stood" => "its clock stood still while those of the voters went on",
                    other => other,
                };
                self.tell(at, Tone::Bad, format!("{name} leads no more: {why}."));
                let is_led = self.leader().is_some_and(|reign| reign.candidate != candidate);
                if self.loss.is_none() && !is_led {
                    self.loss = Some(Loss { at, how: format!("{name} ceased to") });
                }
            }
            "released" => {
                self.tell(at, Tone::Plain, format!("{name} gave the lease back and told the others."));
            }
            // Whom everybody sees lead is on the screen.
            _ => {}
        }
    }

    fn tell_elected(&mut self, at: Duration, name: &str, news: &News) {
        let (term, watch) = (news.data.term.unwrap_or_default(), named("O", self.times.watch));
        let Some(Loss { at: lost, how }) = self.loss.take() else {
            let text = format!(
                "{name} leads term {term}. The voters were new and might have forgotten a leader, so all waited for \
                 {watch} first."
            );
            self.tell(at, Tone::Good, text);
            let text = "Now it is your turn: k kills the leader, n starts it again. Then 1 and e: the voter v1 forgets.";
            return self.tell(at, Tone::Yours, text);
        };
        let took = shown(at.saturating_sub(lost));
        let why = match news.data.reason.as_deref() {
            Some("released") => ". Nothing had to run out.".to_owned(),
            Some("expired") => format!(": {watch} after the last renewal that it saw."),
            _ => ".".to_owned(),
        };
        self.tell(at, Tone::Good, format!("{name} leads {took} after {how}, term {term}{why}"));
    }

    /// A voter that was restarted votes again.
    pub(super) fn tell_back(&mut self, at: Duration, voter: usize, since: Duration) {
        let (name, took) = (VOTERS[voter], shown(at.saturating_sub(since)));
        let why = match self.leader() {
            Some(reign) => {
                let leader = NAMES[reign.candidate];
                format!("{leader} proved that a majority is still its own, and took {name} back")
            }
            None => "no leader that it may have forgotten can still believe that it leads".to_owned(),
        };
        self.tell(at, Tone::Good, format!("{name} votes again, {took} after it was up: {why}."));
    }
}

/// What the number of voters that are left means.
fn left(count: usize) -> String {
    let all = VOTERS.len();
    match count {
        QUORUM => format!("{count} of {all} are left, exactly a majority."),
        count if count > QUORUM => {
            format!(
                "{count} of {all} are left, and a renewal counts as soon as {QUORUM} have acknowledged it."
            )
        }
        _ => format!(
            "{count} of {all} are left, no majority: whoever leads has to stop before its bar is empty."
        ),
    }
}
