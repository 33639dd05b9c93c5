//! Being elected, handing over, and what an election may cost.

use std::time::Duration;

use nix::sys::signal::Signal;
use quorate::local::LocalServer;

use super::{TTL, candidate};
use crate::common::candidate::{Agent, Launch, Voters, boot, count, eventually, field, has_lease, since};
use crate::common::onlookers::Onlookers;

/// A split vote waits out the ttl: with node-redlock 12 of 120 rounds took over 1 s at ttl 3 s.
#[test]
fn of_twenty_hand_overs_among_three_standbys_none_waits_for_the_ttl() {
    const HAND_OVERS: usize = 20;
    let voters = Voters::experienced(5, TTL);
    let mut agents: Vec<_> = (0..4).map(|n| candidate(&format!("candidate-{n}"), &voters.urls())).collect();
    let mut took = Vec::new();
    let mut term = 0;
    for round in 0..HAND_OVERS {
        eventually("a leader", || agents.iter().any(Agent::leads));
        let leader = agents.iter().position(Agent::leads).unwrap();
        let name = agents[leader].identity.clone();
        let later = agents[leader].term().unwrap();
        assert!(later > term, "terms grow");
        term = later;
        eventually("all standbys see it", || agents.iter().all(|agent| agent.sees(&name)));
        let leaving = agents.remove(leader);
        let asked = boot();
        leaving.signal(Signal::SIGTERM);
        eventually("the next leader", || agents.iter().any(Agent::leads));
        took.push(since(asked));
        assert_eq!(leaving.ended().0, Some(0));
        agents.push(candidate(&format!("candidate-{}", round + 4), &voters.urls()));
    }
    took.sort();
    assert!(took[HAND_OVERS - 1] < TTL / 2, "{took:?}");
}

/// An unconditional write lets two win: kube-leader-election (Rust). Whoever is started at once races here.
#[test]
fn of_candidates_that_start_at_once_exactly_one_is_elected() {
    let voters = Voters::experienced(5, TTL);
    let urls = voters.urls();
    let agents: Vec<_> = std::thread::scope(|scope| {
        let start = |n: usize| {
            let urls = &urls;
            scope.spawn(move || candidate(&format!("candidate-{n}"), urls))
        };
        let starting: Vec<_> = (0..4).map(start).collect();
        starting.into_iter().map(|agent| agent.join().unwrap()).collect()
    });
    let onlookers = Onlookers::watch(&agents.iter().collect::<Vec<_>>());
    eventually("a leader", || agents.iter().any(Agent::leads));
    std::thread::sleep(TTL);
    let seen = onlookers.finish();
    let leader = seen.last().map(|yes| yes.identity.clone()).unwrap();
    assert!(seen.iter().all(|yes| yes.identity == leader));
    assert_eq!(agents.iter().map(|agent| count(&agent.log(), "elected")).sum::<usize>(), 1);
}

/// One voter down makes acquisition fail and orphans the keys on the others: redlock-rs, redlock-py.
#[test]
fn with_one_voter_down_from_the_start_a_leader_is_elected_and_leaves_no_key_behind() {
    let mut voters = Voters::experienced(5, TTL);
    voters.servers[0].kill();
    let only = candidate("only", &voters.urls());
    eventually("the four others held", || only.holds(4));
    assert!(only.leads());
    assert!(only.metric("quorate_voter_errors_total{voter=\"a\",kind=\"refused\"}") >= 1.0);
    let (code, log) = only.end();
    assert_eq!((code, count(&log, "released")), (Some(0), 1), "{log}");
    for server in &voters.servers[1..] {
        assert!(!has_lease(server), "an orphan");
        assert_eq!(field(server, "released"), "1");
    }
}

/// How often a server ran one of our scripts.
fn scripts_run(server: &LocalServer) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).unwrap();
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or_default()
}

/// Renewal busy-loops: 17,705 scripts per server in 3 s at ttl 1.2 s with redlock-universal.
#[test]
fn renewals_and_observations_cost_what_the_timing_says() {
    const TTL: Duration = Duration::from_millis(1_200);
    const WATCHED: Duration = Duration::from_secs(3);
    let voters = Voters::experienced(5, TTL);
    let leader = Launch::new("leader", voters.urls(), TTL).start();
    eventually("all five held", || leader.holds(5));
    let standby = Launch::new("standby", voters.urls(), TTL).start();
    eventually("the standby sees it", || standby.sees("leader"));
    let before: Vec<_> = voters.servers.iter().map(scripts_run).collect();
    let begun = boot();
    std::thread::sleep(WATCHED);
    let watched = (since(begun)).as_secs_f64();
    // Two candidates observe every ttl/20, one renews every ttl/5.
    let expected = watched / TTL.as_secs_f64() * (20.0 + 20.0 + 5.0);
    for (server, before) in voters.servers.iter().zip(before) {
        let ran = f64::from(u32::try_from(scripts_run(server) - before).unwrap());
        assert!(ran < expected * 1.5, "{ran} scripts where the timing says {expected}");
        assert!(ran > expected / 4.0, "{ran} scripts where the timing says {expected}");
    }
    assert!(leader.leads());
}
