//! What a candidate exports.

use std::collections::BTreeSet;

use super::{TTL, candidate};
use crate::common::candidate::{Agent, Voters, eventually};

fn series(agent: &Agent) -> BTreeSet<String> {
    let text = agent.ask("/metrics").1;
    let samples = text.lines().filter(|line| line.starts_with("quorate_"));
    samples.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

/// Standbys export no metrics: escalator#129, vault-db-injector#88.
#[test]
fn standbys_export_every_series_that_the_leader_exports() {
    let voters = Voters::experienced(3, TTL);
    let leader = candidate("leader", &voters.urls());
    eventually("all three held", || leader.holds(3));
    let standby = candidate("standby", &voters.urls());
    eventually("the standby sees it", || standby.sees("leader"));
    let (of_leader, of_standby) = (series(&leader), series(&standby));
    assert!(of_leader.len() > 100, "{of_leader:?}");
    assert_eq!(of_leader, of_standby);
    for (agent, leads) in [(&leader, 1.0), (&standby, 0.0)] {
        assert!((agent.metric("quorate_is_leader") - leads).abs() < f64::EPSILON);
        assert!((agent.metric("quorate_observed_leader") - 1.0).abs() < f64::EPSILON);
    }
}
