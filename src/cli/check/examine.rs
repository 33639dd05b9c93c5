//! Looks into every voter at once: at the server, and at the election there. Nothing is proposed and nothing written.

use std::time::Duration;

use futures_util::future::join_all;

use crate::cli::status::look::Electorate;
use crate::cli::status::report::Sight;
use crate::core::Timing;
use crate::voter::{Address, Inspection, Scope, Trouble, Voter};

/// How many round trips are measured at each voter; the middle one counts.
const LOOKS: usize = 5;
/// A voter that is slower than its timeout is worth knowing about. An inspection takes about fifteen round trips, so
/// that one of a third of a second each is still seen through.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a look may take that only measures; more than a candidate would wait.
const SHORTEST_LOOK: Duration = Duration::from_millis(500);

/// One voter, looked into.
pub(super) struct Examined {
    pub(super) name: String,
    /// Where its server runs, as configured; none of a Unix socket.
    pub(super) host: Option<String>,
    pub(super) inspection: Result<Inspection, Trouble>,
    /// What it says of the election.
    pub(super) sight: Sight,
    /// The middle one of a few.
    pub(super) round_trip: Option<Duration>,
}

impl Examined {
    /// What the server tells about itself.
    pub(super) fn fact(&self, name: &str) -> Option<&str> {
        self.inspection.as_ref().ok()?.facts.get(name).map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.fact(name)?.parse().ok()
    }
}

/// In the order of the configuration.
pub(super) async fn examine(voters: Vec<(Voter, Scope)>, timing: &Timing) -> Vec<Examined> {
    let patience = PATIENCE.max(timing.voter_timeout);
    let mut electorate = Electorate::new(voters.clone(), patience);
    let inspecting = voters.iter().map(|(voter, scope)| voter.inspect(scope, patience));
    // At once, so that a voter that never answers is waited for once.
    let (inspections, first) = futures_util::future::join(join_all(inspecting), electorate.look()).await;
    let hosts: Vec<_> = voters.iter().map(|(voter, _)| host(voter.address())).collect();
    // Whoever was silent for that long would only be waited for again.
    let answering = voters.into_iter().zip(&first).filter(|(_, sight)| sight.round_trip.is_some());
    let answering = answering.map(|(voter, _)| voter).collect();
    let mut electorate = Electorate::new(answering, timing.voter_timeout.max(SHORTEST_LOOK));
    let mut looks = Vec::with_capacity(LOOKS);
    for _ in 0..LOOKS {
        looks.extend(electorate.look().await);
    }
    let examined = first.into_iter().zip(inspections).zip(hosts);
    examined
        .map(|((sight, inspection), host)| {
            let of_it = looks.iter().filter(|look| look.name == sight.name);
            let round_trip = middle(of_it.filter_map(|look| look.round_trip).collect());
            Examined { name: sight.name.clone(), host, inspection, sight, round_trip }
        })
        .collect()
}

fn host(address: &Address) -> Option<String> {
    match address {
        Address::Tcp { host, .. } | Address::Tls { host, .. } => Some(host.to_ascii_lowercase()),
        Address::Unix { .. } => None,
    }
}

fn middle(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}
