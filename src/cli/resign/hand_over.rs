//! Asks, waits for whoever leads next, and tells.

use std::pin::pin;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{sleep, timeout};

use super::ResignOutput;
use super::agent::{Agent, Answer, Outcome};
use crate::cli::{Exit, output};
use crate::clock;
use crate::election::printable;

/// Between two looks at the agent.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How long the next leader is waited for. The hand-over takes a few round trips; the agent sees it when it next
/// observes the voters.
const NEXT_LEADER_LIMIT: Duration = Duration::from_secs(2);
/// Two observations of an agent whose `timing.observeInterval` is derived, as a part of its ttl.
const OBSERVATIONS: u32 = 10;
/// How long nothing is told to whoever waits.
const SILENCE: Duration = Duration::from_secs(2);
/// The longest `timing.drainTimeout`, and a ttl.
const STOP_LIMIT: Duration = Duration::from_mins(70);

/// What is told to programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    agent: String,
    /// The term that was handed over; null: the agent did not lead.
    released: Option<u64>,
    stand_back_ms: u64,
    /// Null: nobody leads yet, as far as the agent sees.
    leader: Option<Next>,
    /// From asking until that leader was seen.
    took_ms: Option<u64>,
}

#[derive(Serialize)]
struct Next {
    identity: Option<String>,
    term: u64,
}

pub(super) async fn resign(agent: &Agent, stand_back: Duration, shape: ResignOutput) -> anyhow::Result<Exit> {
    // An agent answers this at once. Whatever else may be there must not be waited for as long as work may take to stop.
    if let Err(sentence) = agent.status().await {
        return Ok(failed(&sentence));
    }
    let asked = clock::now().at;
    let answer = {
        let mut answer = pin!(agent.resign(stand_back));
        if let Ok(answer) = timeout(SILENCE, &mut answer).await {
            answer
        } else {
            output::complain(
                "no answer yet: it comes when the work has stopped and the lease is released; waiting for it",
            );
            answer.await
        }
    };
    let Answer { outcome, said, term } = match answer {
        Ok(answer) => answer,
        Err(sentence) => return Ok(failed(&sentence)),
    };
    match outcome {
        Outcome::Refused => return Ok(failed(&format!("{} refuses: {said}", agent.address))),
        Outcome::Done if shape == ResignOutput::Text => output::print(&(said + "\n"))?,
        Outcome::Done => {}
        Outcome::Stopping => {
            output::complain(&said);
            if timeout(STOP_LIMIT, stopped(agent)).await.is_err() {
                return Ok(failed("its work has still not stopped; look at it there"));
            }
        }
    }
    let leader = next_leader(agent, term).await;
    let took = leader.as_ref().filter(|_| term.is_some()).map(|_| clock::now().at.observer_elapsed(asked));
    match shape {
        ResignOutput::Text if term.is_some() => output::print(&sentence(leader.as_ref(), took))?,
        ResignOutput::Text => {}
        ResignOutput::Json => {
            let report = Report {
                agent: agent.address.clone(),
                released: term,
                stand_back_ms: milliseconds(stand_back),
                leader,
                took_ms: took.map(milliseconds),
            };
            output::print(&(serde_json::to_string_pretty(&report)? + "\n"))?;
        }
    }
    Ok(Exit::Well)
}

fn failed(sentence: &str) -> Exit {
    output::complain(sentence);
    Exit::Failed
}

fn sentence(leader: Option<&Next>, took: Option<Duration>) -> String {
    match leader {
        Some(Next { identity, term }) => {
            let name = identity.as_deref().map_or_else(|| "somebody".to_owned(), printable);
            format!("{name} leads term {term}, seen after {} ms\n", took.map_or(0, milliseconds))
        }
        None => "nobody leads yet; is there another candidate?\n".to_owned(),
    }
}

/// Ends when the agent does not lead any more, or does not answer any more.
async fn stopped(agent: &Agent) {
    while agent.status().await.is_ok_and(|status| status["role"] == "leader") {
        sleep(LOOK_INTERVAL).await;
    }
}

/// Who leads a later term than the one given up, as the agent sees it; of a standby, whom it sees now.
async fn next_leader(agent: &Agent, given_up: Option<u64>) -> Option<Next> {
    let first = agent.status().await.ok()?;
    let Some(given_up) = given_up else { return leader_of(&first) };
    let ttl = Duration::from_millis(first["ttlMs"].as_u64().unwrap_or_default());
    let looking = async {
        loop {
            let seen = agent.status().await.ok().as_ref().and_then(leader_of);
            if let Some(next) = seen.filter(|next| next.term > given_up) {
                return next;
            }
            sleep(LOOK_INTERVAL).await;
        }
    };
    timeout(NEXT_LEADER_LIMIT + ttl / OBSERVATIONS, looking).await.ok()
}

fn leader_of(status: &serde_json::Value) -> Option<Next> {
    let term = status["leader"]["term"].as_u64()?;
    Some(Next { identity: status["leader"]["identity"].as_str().map(str::to_owned), term })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
