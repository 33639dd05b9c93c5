//! Shares quorum rounds among those who ask at the same time whether this is still the leader.
//!
//! At most one round is under way. Whoever asks meanwhile waits for the next one: an answer must rest on questions
//! that were sent after it was asked for.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::Command;
use crate::core::{Moment, Term};

/// How many may wait; more are answered *unknown* at once. The HTTP server admits fewer.
const WAITING_LIMIT: usize = 1024;

/// Asks for leadership to be verified.
#[derive(Clone)]
pub struct Verifier {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) patience: Duration,
}

impl Verifier {
    /// The term that q voters confirmed after this call; `None`: not the leader, or it could not be known in time.
    pub async fn verify(&self) -> Option<Term> {
        let (answer, answered) = oneshot::channel();
        let round = async {
            self.commands.send(Command::Verify(answer)).await.ok()?;
            answered.await.ok().flatten()
        };
        tokio::time::timeout(self.patience, round).await.ok().flatten()
    }
}

type Waiting = Vec<oneshot::Sender<Option<Term>>>;

#[derive(Default)]
pub(super) struct Rounds {
    last_request: u64,
    under_way: Option<(u64, Moment, Waiting)>,
    next: Waiting,
}

impl Rounds {
    /// Somebody asks. Answers with the request to put to the core, where a round is to begin.
    pub(super) fn ask(
        &mut self,
        who: oneshot::Sender<Option<Term>>,
        now: Moment,
        longest: Duration,
    ) -> Option<u64> {
        if self.next.len() < WAITING_LIMIT {
            self.next.push(who);
        }
        let is_stuck = |(_, begun, _): &(u64, Moment, Waiting)| now.leader_elapsed(*begun) > longest;
        if self.under_way.as_ref().is_some_and(is_stuck) {
            self.under_way = None;
        }
        self.begin(now)
    }

    /// A round ended. Answers with the next request, where somebody waits for one.
    pub(super) fn answered(&mut self, request: u64, term: Option<Term>, now: Moment) -> Option<u64> {
        let (_, _, waiting) = self.under_way.take_if(|(under_way, ..)| *under_way == request)?;
        for who in waiting {
            // An error says that it gave up waiting.
            let _ = who.send(term);
        }
        self.begin(now)
    }

    fn begin(&mut self, now: Moment) -> Option<u64> {
        self.next.retain(|who| !who.is_closed());
        if self.under_way.is_some() || self.next.is_empty() {
            return None;
        }
        self.last_request += 1;
        self.under_way = Some((self.last_request, now, std::mem::take(&mut self.next)));
        Some(self.last_request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(1);

    #[test]
    fn whoever_asks_during_a_round_shares_the_next_one() {
        let mut rounds = Rounds::default();
        let now = Moment::default();
        let (first, mut first_answer) = oneshot::channel();
        let (second, mut second_answer) = oneshot::channel();
        let (third, mut third_answer) = oneshot::channel();
        assert_eq!(rounds.ask(first, now, LONGEST), Some(1));
        assert_eq!(rounds.ask(second, now, LONGEST), None);
        assert_eq!(rounds.ask(third, now, LONGEST), None);
        assert_eq!(rounds.answered(1, Some(7), now), Some(2));
        assert_eq!(first_answer.try_recv(), Ok(Some(7)));
        assert!(second_answer.try_recv().is_err(), "its round has not ended");
        assert_eq!(rounds.answered(1, Some(7), now), None, "a repeated answer changes nothing");
        assert_eq!(rounds.answered(2, None, now), None);
        assert_eq!((second_answer.try_recv(), third_answer.try_recv()), (Ok(None), Ok(None)));
    }

    #[test]
    fn a_round_that_nobody_answers_does_not_block_the_next_for_ever() {
        let mut rounds = Rounds::default();
        let (first, _first_answer) = oneshot::channel();
        let (second, _second_answer) = oneshot::channel();
        assert_eq!(rounds.ask(first, Moment::default(), LONGEST), Some(1));
        assert_eq!(rounds.ask(second, Moment::default().plus(LONGEST * 2), LONGEST), Some(2));
    }
}
