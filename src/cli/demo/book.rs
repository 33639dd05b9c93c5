//! What was seen at the candidates' `/leaderz`, and what follows from it.
//!
//! An answer was given at some instant between sending the request and receiving it. So of two answers of one
//! leadership it is *certain* that it lasted from receiving the first to sending the last, and all judgements here
//! rest on such certain spans: what is called a violation is one, however busy the machine is.

use std::time::Duration;

use super::ask::Answer;
use super::company::NAMES;
use super::times::SAMPLE_INTERVAL;
use crate::core::Term;

/// One answer of one candidate; instants on `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) sent: Duration,
    pub(super) received: Duration,
    pub(super) answer: Answer,
}

/// One leadership, as far as it was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reign {
    pub(super) candidate: usize,
    pub(super) term: Term,
    /// When the first request that was answered with validity was sent.
    asked: Duration,
    /// When that answer was received: it had begun by then.
    pub(super) begun: Duration,
    /// When the last request that was answered with validity was sent: it had not ended then.
    claimed: Duration,
    /// The last request that was answered "I lead" (200): sent, and received.
    pub(super) last_yes: (Duration, Duration),
    /// Its validity ends then or later: the latest instant of sending plus the validity in the answer.
    pub(super) until: Duration,
    /// How many answers said "I lead".
    pub(super) yes: u64,
}

/// One process of a candidate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub(super) candidate: usize,
    pub(super) from: Duration,
    pub(super) to: Duration,
}

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    pub(super) reigns: Vec<Reign>,
    pub(super) lives: Vec<Life>,
    pub(super) answers: [u64; NAMES.len()],
    latest: [Option<Sample>; NAMES.len()],
}

impl Book {
    /// A candidate's process is being watched from now on.
    pub(super) fn open(&mut self, candidate: usize, now: Duration) {
        self.lives.push(Life { candidate, from: now, to: now });
    }

    /// It answers no more.
    pub(super) fn close(&mut self, candidate: usize) {
        self.latest[candidate] = None;
    }

    pub(super) fn note(&mut self, candidate: usize, sample: Sample) {
        let Sample { sent, received, answer } = sample;
        self.answers[candidate] += 1;
        self.latest[candidate] = Some(sample);
        if let Some(life) = self.lives.iter_mut().rev().find(|life| life.candidate == candidate) {
            life.to = received;
        }
        // With validity the term is the candidate's own, without it somebody else's.
        let Some(term) = answer.term.filter(|_| answer.validity > Duration::ZERO) else { return };
        let is_it = |reign: &&mut Reign| reign.candidate == candidate && reign.term == term;
        let known = self.reigns.iter_mut().find(is_it);
        let until = sent + answer.validity;
        let (yes, last_yes) =
            if answer.code == 200 { (1, (sent, received)) } else { (0, (Duration::ZERO, Duration::ZERO)) };
        if let Some(reign) = known {
            reign.claimed = sent;
            reign.yes += yes;
            reign.last_yes = reign.last_yes.max(last_yes);
            reign.until = reign.until.max(until);
        } else {
            self.reigns.push(Reign {
                candidate,
                term,
                asked: sent,
                begun: received,
                claimed: sent,
                last_yes,
                until,
                yes,
            });
        }
    }

    /// Who said "I lead" when asked last.
    pub(super) fn leader(&self) -> Option<Reign> {
        let is_leading = |reign: &&Reign| {
            let latest = self.latest[reign.candidate].map(|sample| sample.answer);
            latest.is_some_and(|answer| answer.code == 200 && answer.term == Some(reign.term))
        };
        self.reigns.iter().find(is_leading).copied()
    }

    /// The leadership as it is now known, and whether its candidate still claimed it when asked last.
    pub(super) fn again(&self, reign: Reign) -> (Reign, bool) {
        let is_it = |known: &&Reign| known.candidate == reign.candidate && known.term == reign.term;
        let known = self.reigns.iter().find(is_it).copied().unwrap_or(reign);
        let latest = self.latest[reign.candidate].map(|sample| sample.answer);
        let claims = |answer: Answer| answer.validity > Duration::ZERO && answer.term == Some(reign.term);
        (known, latest.is_some_and(claims))
    }

    /// What two promises were broken, if one was: at most one leader at any instant, and terms that grow.
    pub(super) fn violation(&self) -> Option<String> {
        let mut reigns: Vec<&Reign> = self.reigns.iter().collect();
        reigns.sort_by_key(|reign| reign.begun);
        let pairs =
            reigns.iter().enumerate().flat_map(|(n, first)| reigns[n + 1..].iter().map(move |b| (first, b)));
        for (first, second) in pairs {
            let (a, b) = (NAMES[first.candidate], NAMES[second.candidate]);
            let (term, later) = (first.term, second.term);
            let is_in_order = first.begun <= second.asked;
            let is_span = second.begun <= second.claimed;
            if second.begun < first.claimed && (is_in_order || is_span) {
                return Some(format!("two leaders at one instant: {a} (term {term}) and {b} (term {later})"));
            }
            if is_in_order && later <= term {
                return Some(format!("terms must grow: {a} led term {term}, and then {b} term {later}"));
            }
        }
        None
    }

    /// How many answers there are.
    pub(super) fn total(&self) -> u64 {
        self.answers.iter().sum()
    }
}

const _: () =
    assert!(SAMPLE_INTERVAL.as_millis() < 10, "a hand-over of 10 ms must not pass between two samples");

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
    use super::*;

    fn lead(book: &mut Book, candidate: usize, at_ms: u64, term: Term, code: u16) {
        let sent = Duration::from_millis(at_ms);
        let answer = Answer { code, term: Some(term), validity: Duration::from_secs(1) };
        book.note(candidate, Sample { sent, received: sent + Duration::from_millis(2), answer });
    }

    #[test]
    fn two_who_claim_at_one_instant_are_found() {
        let mut book = Book::default();
        lead(&mut book, 0, 10, 5, 200);
        lead(&mut book, 1, 20, 6, 200);
        assert_eq!(book.violation(), None);
        lead(&mut book, 0, 30, 5, 503);
        assert!(book.violation().unwrap().contains("two leaders"));
    }

    #[test]
    fn answers_that_may_have_been_given_one_after_the_other_are_no_violation() {
        let mut book = Book::default();
        lead(&mut book, 0, 0, 5, 200);
        lead(&mut book, 0, 20, 5, 200);
        lead(&mut book, 1, 19, 6, 200);
        assert_eq!(book.violation(), None);
    }

    #[test]
    fn a_term_that_does_not_grow_is_found() {
        let mut book = Book::default();
        lead(&mut book, 0, 10, 5, 200);
        lead(&mut book, 1, 20, 5, 200);
        assert!(book.violation().unwrap().contains("terms must grow"));
    }

    #[test]
    fn the_leader_is_who_said_so_last_and_one_that_gives_up_still_claims() {
        let mut book = Book::default();
        assert!(book.leader().is_none());
        lead(&mut book, 2, 10, 5, 200);
        let reign = book.leader().unwrap();
        assert_eq!((reign.candidate, reign.until.as_millis()), (2, 1_010));
        lead(&mut book, 2, 20, 5, 503);
        assert!(book.leader().is_none());
        let (reign, claims) = book.again(reign);
        assert!(claims);
        assert_eq!((reign.yes, reign.last_yes.0.as_millis(), reign.until.as_millis()), (1, 10, 1_020));
    }
}
