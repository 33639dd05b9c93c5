//! Whose ballot the members carry, and what is left of its lease keys.

use std::time::Duration;

use super::report::{Condition, Leader, Sight};
use crate::core::{Answer, Ballot, LeaseKey, Term};
use crate::election::Who;

/// What one ballot has.
pub(super) struct Holding {
    pub(super) ballot: Ballot,
    pub(super) term: Term,
    pub(super) ttl: Option<Duration>,
    /// What is left of the lease keys that carry it.
    pub(super) left: Vec<Duration>,
    /// Voters that it holds whose lease key is somebody else's, so that nobody can see whether it still does.
    pub(super) hidden: usize,
    pub(super) is_released: bool,
    who: Who,
}

impl Holding {
    /// The q-th largest ttl left.
    pub(super) fn validity(&self, quorum: usize) -> Option<Duration> {
        let mut left = self.left.clone();
        left.sort_unstable();
        left.into_iter().rev().nth(quorum.checked_sub(1)?)
    }

    pub(super) fn leader(&self) -> Leader {
        let Who { identity, cluster, namespace, node, address, since } = self.who.clone();
        Leader { identity, cluster, namespace, node, address, since, term: self.term }
    }
}

/// What each ballot has of the members.
pub(super) fn holdings(sights: &[Sight], conditions: &[Condition]) -> Vec<Holding> {
    let mut holdings: Vec<Holding> = Vec::new();
    for (sight, condition) in sights.iter().zip(conditions) {
        let (Answer::Observed(observation), Condition::Member) = (&sight.answer, condition) else { continue };
        let Some(ballot) = observation.seen.holder else { continue };
        let index = holdings.iter().position(|holding| holding.ballot == ballot).unwrap_or_else(|| {
            let who = Who::default();
            holdings.push(Holding {
                ballot,
                term: Term::MAX,
                ttl: None,
                left: vec![],
                hidden: 0,
                is_released: false,
                who,
            });
            holdings.len() - 1
        });
        let Some(holding) = holdings.get_mut(index) else { continue };
        // A voter that was adopted may store a later term of an attempt that failed; those that elected store the leader's.
        holding.term = holding.term.min(observation.term);
        holding.ttl = holding.ttl.max(observation.ttl);
        holding.is_released |= observation.seen.released;
        match observation.key {
            _ if observation.seen.released => {}
            LeaseKey::Holders { left } => holding.left.push(left),
            LeaseKey::Foreign { .. } => holding.hidden += 1,
            LeaseKey::Free => {}
        }
        if let (Some(details), None) = (&sight.details, &holding.who.identity) {
            holding.who = Who::parse(&details.who);
        }
    }
    holdings
}
