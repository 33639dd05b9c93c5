//! How a voter is reached, let in to, and told apart when it does not answer.
#![expect(clippy::unwrap_used, reason = "a test ends where a value is not what it must be")]
#![expect(clippy::disallowed_methods, reason = "tests measure how long they waited")]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod reach;
mod servers;
mod tls;

use std::time::Duration;

use common::{PATIENT, WHO};
use quorate::core::{Answer, Operation, Question};
use quorate::voter::{Reply, Trouble, TroubleKind, Voter};

const SHORT: Duration = Duration::from_millis(200);

async fn look(voter: &Voter, timeout: Duration) -> Reply {
    let question = Question { operation: Operation::Observe { proposal: Some(1) }, high_water: None };
    voter.ask(&common::scope(), &question, WHO, timeout).await
}

async fn trouble(voter: &Voter) -> Trouble {
    let reply = look(voter, PATIENT).await;
    assert_eq!(reply.answer, Answer::Silent);
    reply.trouble.unwrap()
}

async fn kind(voter: &Voter) -> TroubleKind {
    trouble(voter).await.kind
}

fn answered(reply: &Reply) -> bool {
    matches!(reply.answer, Answer::Observed(_))
}
