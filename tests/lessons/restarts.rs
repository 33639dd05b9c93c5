//! Voters and candidates that are restarted.

use std::time::Duration;

use quorate::core::leader_validity;
use quorate::local::Memory;

use super::{TTL, candidate};
use crate::common::candidate::{LETTERS, Launch, Voters, boot, count, eventually, has_lease, lines, since};
use crate::common::onlookers::Onlookers;

/// Every Redlock library tried: the quorum silently gone at the third restart, told 2 to 46 s later or never.
#[test]
fn five_voters_restarted_empty_one_after_another_cost_neither_leader_nor_term() {
    const TTL: Duration = Duration::from_millis(1_500);
    let mut voters = Voters::experienced(5, TTL);
    let leader = Launch::new("leader", voters.urls(), TTL).start();
    eventually("all five held", || leader.holds(5));
    let standby = Launch::new("standby", voters.urls(), TTL).start();
    eventually("the standby sees it", || standby.sees("leader"));
    let term = leader.term();
    let onlookers = Onlookers::watch(&[&leader, &standby]);
    for server in &mut voters.servers {
        let begun = boot();
        server.restart(Memory::Empty).unwrap();
        // Five times renewInterval, which is a fifth of the ttl.
        std::thread::sleep((begun + TTL).saturating_sub(boot()));
        assert_eq!((leader.leads(), leader.term()), (true, term));
    }
    eventually("all five held again", || leader.holds(5));
    assert!(voters.servers.iter().all(has_lease));
    let seen = onlookers.finish();
    assert!(seen.iter().all(|yes| yes.identity == "leader" && (yes.term.is_none() || yes.term == term)));
    assert_eq!(leader.term(), term);
    assert!(leader.metric("quorate_voter_amnesia_total{voter=\"c\"}") >= 1.0);
    assert_eq!((count(&leader.log(), "lost"), count(&standby.log(), "elected")), (0, 0));
}

/// Lost keys are never healed: redsync#147 and #149, rslock.
#[test]
fn spaced_restarts_with_and_without_memory_are_healed_each_time() {
    let mut voters = Voters::experienced(3, TTL);
    let leader = candidate("leader", &voters.urls());
    eventually("all three held", || leader.holds(3));
    let term = leader.term();
    for (times, memory) in [(1.0, Memory::Saved), (2.0, Memory::Empty)] {
        for (server, name) in voters.servers.iter_mut().zip(LETTERS) {
            server.restart(memory).unwrap();
            let forgot = format!("quorate_voter_amnesia_total{{voter=\"{name}\"}}");
            eventually("the restart is noticed", || leader.metric(&forgot) >= times);
            eventually("the voter holds the lease again", || has_lease(server) && leader.holds(3));
            assert_eq!((leader.leads(), leader.term()), (true, term), "{memory:?}: {}", leader.log());
        }
    }
    assert_eq!(count(&leader.log(), "lost"), 0);
}

/// A cached identity is no leadership: client-go's `IsLeader()` compares identities only.
#[test]
fn a_candidate_restarted_after_a_crash_under_the_same_name_does_not_inherit_the_lease() {
    let voters = Voters::experienced(3, TTL);
    let first = candidate("same", &voters.urls());
    eventually("a leader", || first.leads());
    let term = first.term().unwrap();
    let crashed = boot();
    first.crash();
    let second = candidate("same", &voters.urls());
    eventually("it sees whom it succeeds", || second.sees("same"));
    assert_eq!((second.code("/leaderz"), second.status()["role"].as_str()), (503, Some("standby")));
    assert_eq!(second.code(&format!("/verify?term={term}")), 503);
    eventually("it leads", || second.leads());
    assert!(since(crashed) > leader_validity(TTL) * 3 / 4, "before the old lease had ended");
    assert!(second.term().unwrap() > term);
}

/// Automatic fail-back doubles the outage and flaps: kubeblocks#3213, metallb#800.
#[test]
fn a_leader_that_returns_does_not_take_leadership_back() {
    const TTL: Duration = Duration::from_secs(1);
    let voters = Voters::experienced(3, TTL);
    let start = |identity| Launch::new(identity, voters.urls(), TTL).start();
    let first = start("first");
    eventually("a leader", || first.leads());
    let second = start("second");
    eventually("the standby sees it", || second.sees("first"));
    assert_eq!(first.end().0, Some(0));
    eventually("the next leader", || second.leads());
    let term = second.term();
    let first = start("first");
    eventually("the first sees the second", || first.sees("second"));
    std::thread::sleep(TTL * 2);
    assert_eq!((second.leads(), second.term(), first.leads()), (true, term, false));
    assert_eq!(count(&first.log(), "elected"), 0);
}

/// The policy is for a world that was forgotten: it must neither prevent a first start nor be passed over later.
#[test]
fn with_halt_nobody_leads_after_all_voters_forgot_until_an_operator_decides() {
    const TTL: Duration = Duration::from_secs(1);
    let mut voters = Voters::new(3);
    let start = |identity| {
        let launch = Launch::new(identity, voters.urls(), TTL);
        launch.environment("QUORATE_ON_EPOCH_RESET", "halt").start()
    };
    let (one, two) = (start("one"), start("two"));
    eventually("a first start is no reset", || one.leads() || two.leads());
    let onlookers = Onlookers::watch(&[&one, &two]);
    voters.servers.iter_mut().for_each(|server| server.restart(Memory::Empty).unwrap());
    let agents = [&one, &two];
    eventually("both say that they halt", || agents.iter().all(|agent| count(&agent.log(), "halted") == 1));
    let halted = boot();
    std::thread::sleep(TTL * 2);
    let seen = onlookers.finish();
    assert!(seen.iter().all(|yes| yes.sent < halted), "halted, and leads");
    for agent in agents {
        let log = agent.log();
        assert_eq!((count(&log, "halted"), count(&log, "epoch reset")), (1, 0), "{log}");
        assert_eq!(lines(&log, "halted")[0]["kind"], "forgotten");
        assert!(!agent.leads());
    }
}
