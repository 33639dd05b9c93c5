//! Many elections in one process over one set of connections.

use std::collections::BTreeMap;
use std::time::Duration;

use quorate::local::{LocalServer, Memory};
use quorate::{Election, ElectionBuilder, Leadership, Voters};

use crate::common::candidate::{Voters as Servers, boot, eventually};
use crate::{TTL, VOTER_TIMEOUT, block_on, candidate, connect, elected, soon};

const ELECTIONS: usize = 12;

fn numbered(identity: &str, number: usize) -> ElectionBuilder {
    Election::builder(format!("orders-{number}")).ttl(TTL).voter_timeout(VOTER_TIMEOUT).identity(identity)
}

/// One candidate in each election.
fn start(identity: &str, voters: &Voters) -> Vec<Election> {
    (0..ELECTIONS).map(|number| numbered(identity, number).start(voters).unwrap()).collect()
}

type Campaign = tokio::task::JoinHandle<(Election, Leadership)>;

fn campaign(elections: Vec<Election>) -> Vec<Campaign> {
    let one = |mut election: Election| {
        tokio::spawn(async move {
            let leadership = election.campaign().await.unwrap();
            (election, leadership)
        })
    };
    elections.into_iter().map(one).collect()
}

async fn all(campaigns: Vec<Campaign>) -> Vec<(Election, Leadership)> {
    let mut won = Vec::new();
    for campaign in campaigns {
        won.push(soon(campaign).await.unwrap());
    }
    won
}

/// Connections over TCP; the test itself asks over the Unix socket.
fn connections(server: &LocalServer) -> usize {
    let clients = server.command(&["CLIENT", "LIST"]).unwrap();
    clients.lines().filter(|line| line.contains("addr=127.0.0.1:")).count()
}

fn standing(server: &LocalServer, number: usize) -> String {
    server.command(&["HGET", &format!("quorate:{{orders-{number}}}:record"), "standing"]).unwrap()
}

#[test]
fn twelve_elections_share_one_connection_to_each_voter_and_nothing_else() {
    let mut servers = Servers::new(3);
    block_on(async {
        let voters = connect(&servers);
        let led = all(campaign(start("first", &voters))).await;
        assert!(servers.servers.iter().all(|server| connections(server) == 1));

        let rivals = connect(&servers);
        let waiting = campaign(start("second", &rivals));
        let (given_up, kept): (Vec<_>, Vec<_>) =
            led.into_iter().enumerate().partition(|(number, _)| number % 2 == 0);
        let terms: Vec<_> = given_up.iter().map(|(_, (_, leadership))| leadership.term()).collect();
        let mut idle = Vec::new();
        for (_, (election, leadership)) in given_up {
            soon(leadership.resign()).await;
            idle.push(election);
        }
        let (taken, still): (Vec<_>, Vec<_>) =
            waiting.into_iter().enumerate().partition(|(number, _)| number % 2 == 0);
        let taken = all(taken.into_iter().map(|(_, campaign)| campaign).collect()).await;
        assert!(taken.iter().zip(&terms).all(|((_, next), former)| next.term() > *former));
        assert!(kept.iter().all(|(_, (_, leadership))| leadership.holds()), "the others are not disturbed");
        assert!(still.iter().all(|(_, campaign)| !campaign.is_finished()));

        // A voter that forgot all of them is healed by each, over the one new connection.
        servers.servers[0].restart(Memory::Empty).unwrap();
        eventually("all elections have their member back", || {
            (0..ELECTIONS).all(|number| standing(&servers.servers[0], number) == "member")
        });
        assert_eq!(connections(&servers.servers[0]), 2, "one of each program");
        let leading =
            kept.iter().map(|(_, (_, leadership))| leadership).chain(taken.iter().map(|(_, it)| it));
        assert!(leading.clone().all(Leadership::holds));
        assert_eq!(leading.count(), ELECTIONS);
    });
}

/// When a candidate was asked whether it leads, and said yes in this term by the second instant.
type Yes = (u64, Duration, Duration);

#[test]
fn candidates_of_one_election_in_one_process_take_turns_and_never_lead_together() {
    let servers = Servers::experienced(3, TTL);
    block_on(async {
        let voters = connect(&servers);
        let one = |identity| {
            let mut election = candidate(identity).start(&voters).unwrap();
            tokio::spawn(async move {
                let mut said: Vec<Yes> = Vec::new();
                for _ in 0..6 {
                    let leadership = elected(&mut election).await;
                    for _ in 0..20 {
                        let asked = boot();
                        assert!(leadership.holds());
                        said.push((leadership.term(), asked, boot()));
                        tokio::task::yield_now().await;
                    }
                    leadership.resign().await;
                }
                said
            })
        };
        let candidates: Vec<_> = ["w", "x", "y", "z"].map(one).into_iter().collect();
        let mut spans: BTreeMap<u64, (Duration, Duration)> = BTreeMap::new();
        for candidate in candidates {
            for (term, asked, answered) in soon(candidate).await.unwrap() {
                let (first, last) = spans.entry(term).or_insert((answered, asked));
                (*first, *last) = (answered.min(*first), asked.max(*last));
            }
        }
        assert_eq!(spans.len(), 24, "every leadership has a term of its own");
        for (earlier, later) in spans.values().zip(spans.values().skip(1)) {
            assert!(earlier.1 < later.0, "a smaller term led after a larger one had begun");
        }
    });
}
