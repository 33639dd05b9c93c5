//! A voter that is a primary with a replica behind one address, failed over to a replica that lost the last writes.

use super::TTL;
use crate::common::candidate::{count, eventually, field, has_lease};
use crate::common::failover::{World, version};
use crate::common::onlookers::Onlookers;

/// A replica that lost the last writes forgot the lease, and would give it to somebody else in plain Redlock.
#[test]
fn a_fail_over_to_a_stale_replica_and_back_costs_neither_leader_nor_term() {
    let world = World::new(3, 1, TTL);
    let leader = world.launch("leader").start();
    eventually("all three held", || leader.holds(3));
    let standby = world.launch("standby").start();
    eventually("the standby sees it", || standby.sees("leader"));
    let term = leader.term();
    let onlookers = Onlookers::watch(&[&leader, &standby]);
    let (primary, replica) = (&world.voters.servers[0], &world.replicas[0]);

    world.split(0);
    let then = version(replica);
    eventually("the replica misses two renewals", || version(primary) >= then + 2);
    world.fail_over(0);
    eventually("the replica rejoined and is held", || has_lease(replica) && leader.holds(3));
    assert_eq!((field(replica, "standing"), leader.term()), ("member".to_owned(), term));

    world.split_back(0);
    let then = version(primary);
    eventually("the old primary misses two renewals", || version(replica) >= then + 2);
    world.fail_back(0);
    eventually("the old primary is renewed", || version(primary) >= 2 && has_lease(primary));
    eventually("it forgot, although it is the same process", || {
        leader.metric("quorate_voter_amnesia_total{voter=\"a\"}") >= 2.0
    });
    eventually("all three held", || leader.holds(3));

    let seen = onlookers.finish();
    assert!(seen.iter().all(|yes| yes.identity == "leader" && (yes.term.is_none() || yes.term == term)));
    assert_eq!((leader.leads(), leader.term(), count(&leader.log(), "lost")), (true, term, 0));
}

/// The same process again, with what it knew earlier: its `run_id` alone does not tell, and nobody saw the replica.
#[test]
fn a_fail_over_there_and_back_that_nobody_saw_is_an_amnesia_of_that_voter_only() {
    let world = World::new(3, 1, TTL);
    let leader = world.launch("leader").start();
    eventually("all three held", || leader.holds(3));
    let term = leader.term();
    let (primary, replica) = (&world.voters.servers[0], &world.replicas[0]);
    world.split(0);
    let then = version(replica);
    eventually("the replica misses two renewals", || version(primary) >= then + 2);
    world.addresses[0].cut();
    world.split_back(0);
    world.addresses[0].heal();
    eventually("it is told apart", || leader.metric("quorate_voter_amnesia_total{voter=\"a\"}") >= 1.0);
    eventually("all three held again", || leader.holds(3) && has_lease(primary));
    assert_eq!((leader.leads(), leader.term(), count(&leader.log(), "lost")), (true, term, 0));
}

/// The same with a majority at once: now leadership may be lost, but nobody shares it and terms grow.
#[test]
fn a_fail_over_of_a_majority_to_stale_replicas_makes_no_two_leaders_and_no_smaller_term() {
    let world = World::new(3, 2, TTL);
    let before = field(&world.replicas[0], "term");
    assert_eq!(before, crate::common::candidate::FORMER_TERM.to_string());
    // Before anybody leads: the replicas will know nothing of this leadership at all.
    world.split(0);
    world.split(1);
    let leader = world.launch("leader").start();
    eventually("all three held", || leader.holds(3));
    let standby = world.launch("standby").start();
    eventually("the standby sees it", || standby.sees("leader"));
    let term = leader.term().unwrap();
    let onlookers = Onlookers::watch(&[&leader, &standby]);
    world.fail_over(0);
    world.fail_over(1);
    eventually("the replicas are asked", || {
        world.replicas.iter().all(|replica| field(replica, "standing") == "joining" || has_lease(replica))
    });
    let agents = [&leader, &standby];
    let knows = |replica, term| field(replica, "term").parse::<u64>().unwrap() >= term;
    // The agent's own count may be older than the fail-over; the replicas are not.
    eventually("a leader of all three, whose term the replicas know", || {
        let leading = agents.iter().find(|agent| agent.leads() && agent.holds(3));
        let term = leading.and_then(|agent| agent.term());
        term.is_some_and(|term| world.replicas.iter().all(|replica| knows(replica, term)))
    });
    let seen = onlookers.finish();
    let last = agents.iter().find_map(|agent| agent.term()).unwrap();
    assert!(last >= term, "{last} after {term}");
    assert!(seen.iter().filter_map(|yes| yes.term).all(|seen| seen >= term));
    if last == term {
        assert!(leader.leads(), "a term has one leader");
    }
}
