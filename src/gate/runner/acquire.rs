//! How long to wait to be elected.

use std::time::Duration;

use super::Outcome;
use crate::clock;
use crate::election::{Leadership, Phase};

/// Between two looks of the single attempt, which takes milliseconds.
const LOOK: Duration = Duration::from_millis(5);

/// How long to wait to be elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquire {
    /// As long as it takes.
    Forever,
    /// So long.
    Within(Duration),
    /// One attempt on what can be taken after every voter was heard, or would have been.
    Once,
}

/// Answers when waiting is over; never where this candidate leads by then.
pub(super) async fn given_up(acquire: Acquire, leadership: Leadership) -> Outcome {
    match acquire {
        Acquire::Forever => std::future::pending().await,
        Acquire::Within(limit) => loop {
            tokio::time::sleep(limit).await;
            if !leadership.holds(clock::now().at) {
                break;
            }
        },
        Acquire::Once => {
            // A voter that says nothing is silent after its timeout, which is at most a quarter of the ttl.
            let silence = leadership.about().ttl / 2;
            let begun = clock::now().at;
            loop {
                tokio::time::sleep(LOOK).await;
                let now = clock::now();
                let snapshot = leadership.snapshot(now);
                let all_heard = snapshot.voter.iter().all(|voter| voter.reachable || voter.error.is_some());
                let is_heard = all_heard || now.at.observer_elapsed(begun) > silence;
                if is_heard && matches!(snapshot.phase, Phase::Observing | Phase::Resigned) {
                    break;
                }
            }
        }
    }
    let snapshot = leadership.snapshot(clock::now());
    let answering = snapshot.voter.iter().filter(|voter| voter.reachable).count();
    Outcome::NotElected { had_quorum: answering >= snapshot.quorum }
}
