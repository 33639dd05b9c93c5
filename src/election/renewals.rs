//! Which renewals landed, reckoned from the questions sent and the end of validity. For metrics only.

use std::time::Duration;

use crate::core::{Moment, leader_validity};

/// The renewal round that is under way.
#[derive(Debug)]
pub(super) struct Renewals {
    ttl: Duration,
    open: Option<Moment>,
}

impl Renewals {
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, open: None }
    }

    /// A leader sent confirms to at least a quorum. Answers whether the round before is thereby known to have
    /// failed.
    pub(super) fn sent(&mut self, at: Moment) -> bool {
        self.open.replace(at).is_some()
    }

    /// Leadership ended. Answers whether a round was under way in vain.
    pub(super) fn ended(&mut self) -> bool {
        self.open.take().is_some()
    }

    /// Validity was extended. Where that ends the round under way: how long the renewal took, and how much of the
    /// validity before was left when it landed, as a share of the ttl. Later answers of the round may extend validity
    /// by a little more; it counts once. (`until` is D after the question that decided was sent.)
    pub(super) fn landed(&mut self, now: Moment, before: Moment, until: Moment) -> Option<(Duration, f64)> {
        let sent = until.minus(leader_validity(self.ttl));
        self.open.take_if(|open| open.is_at_or_before(sent))?;
        let left = before.observer_elapsed(now);
        Some((now.leader_elapsed(sent), left.as_secs_f64() / self.ttl.as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

    use super::*;

    #[test]
    fn a_round_fails_when_the_next_is_sent_before_it_has_moved_the_end() {
        let ttl = Duration::from_secs(10);
        let at = |seconds| Moment::default().plus(Duration::from_secs(seconds));
        let until = |sent| at(sent).plus(leader_validity(ttl));
        let mut renewals = Renewals::new(ttl);
        assert!(!renewals.sent(at(2)));
        let (took, headroom) = renewals.landed(at(3), until(0), until(2)).unwrap();
        assert_eq!(took, Duration::from_secs(1));
        assert!((headroom - 0.6898).abs() < 1e-9);
        assert_eq!(renewals.landed(at(3), until(2), until(2)), None, "a round counts once");
        assert!(!renewals.sent(at(4)));
        assert!(renewals.sent(at(6)), "the one of second 4 has not landed");
        assert!(renewals.ended());
    }
}
