//! Asks all voters at once what they remember, each within the voter's timeout. Nobody proposes anything, so a voter
//! that forgot is left as it is.

use std::time::Duration;

use tokio::task::JoinSet;

use super::report::Sight;
use crate::clock;
use crate::core::{Answer, Now, Operation, Question};
use crate::voter::{Reply, Scope, Voter};

/// The voters of an election, their connections kept from one look to the next.
pub(in crate::cli) struct Electorate {
    voters: Vec<(Voter, Scope)>,
    timeout: Duration,
    /// Nobody has been asked yet.
    is_fresh: bool,
}

impl Electorate {
    pub(in crate::cli) fn new(voters: Vec<(Voter, Scope)>, timeout: Duration) -> Self {
        Self { voters, timeout, is_fresh: true }
    }

    /// What each voter says, in the order of the configuration, after at most the timeout.
    pub(in crate::cli) async fn look(&mut self) -> Vec<Sight> {
        let mut asks = JoinSet::new();
        for (index, (voter, scope)) in self.voters.iter().cloned().enumerate() {
            let (timeout, is_fresh) = (self.timeout, self.is_fresh);
            asks.spawn(async move { (index, one(&voter, &scope, timeout, is_fresh).await) });
        }
        self.is_fresh = false;
        let mut sights: Vec<_> = asks.join_all().await;
        sights.sort_by_key(|(index, _)| *index);
        sights.into_iter().map(|(_, sight)| sight).collect()
    }
}

/// The first question opens the connection; so, as far as time allows, it is put again for a round trip that is one.
async fn one(voter: &Voter, scope: &Scope, timeout: Duration, is_fresh: bool) -> Sight {
    let begun = clock::now();
    let first = ask(voter, scope, timeout).await;
    let left = timeout.saturating_sub(first.received.leader_elapsed(begun.at));
    if is_fresh && matches!(first.answer, Answer::Observed(_) | Answer::Amnesia) && !left.is_zero() {
        let again = clock::now();
        let second = ask(voter, scope, left).await;
        if second.answer != Answer::Silent {
            return sight(voter, again, second);
        }
    }
    sight(voter, begun, first)
}

async fn ask(voter: &Voter, scope: &Scope, timeout: Duration) -> Reply {
    let question = Question { operation: Operation::Observe { proposal: None }, high_water: None };
    voter.ask(scope, &question, "", timeout).await
}

fn sight(voter: &Voter, sent: Now, reply: Reply) -> Sight {
    let Reply { answer, received, details, trouble } = reply;
    let round_trip = received.leader_elapsed(sent.at);
    let clock_offset_us = match &answer {
        // The server read its clock about half-way.
        Answer::Observed(observation) => {
            let ours_us = i128::from(sent.wall_us) + i128::try_from(round_trip.as_micros() / 2).unwrap_or(0);
            i64::try_from(i128::from(observation.time_us) - ours_us).ok()
        }
        _ => None,
    };
    Sight {
        name: voter.name().to_owned(),
        answer,
        details,
        trouble: trouble.map(|trouble| trouble.to_string()),
        round_trip: (answer != Answer::Silent).then_some(round_trip),
        clock_offset_us,
    }
}
