//! One election over two clusters, with voters outside of both.

use std::time::Duration;

use super::gates::routed;
use super::kubernetes::{PATIENT, Space, eventually};
use super::onlookers::Onlookers;
use super::ours::{Beside, Ours, Reached};
use super::release::{HELMS, Release};
use super::watch::CANDIDATES;
use crate::common::candidate::{LETTERS, Voters, boot, since};

/// Of the preset `fast`.
const TTL: Duration = Duration::from_secs(5);

/// A cluster whose nodes nobody reaches, until the end of the test at the latest.
struct CutOff<'a>(&'a Ours);

impl<'a> CutOff<'a> {
    fn new(ours: &'a Ours) -> Self {
        let cut_off = Self(ours);
        for node in ["1", "2"] {
            ours.run(&["cut", node]);
        }
        cut_off
    }
}

impl Drop for CutOff<'_> {
    fn drop(&mut self) {
        for node in ["1", "2"] {
            let _ = self.0.script(&["mend", node]).output();
        }
    }
}

/// Candidates over voters outside, with a Service that leads to whoever leads.
fn install<'a>(space: &'a Space, voters: &[Reached]) -> Release<'a> {
    let mut values = vec![
        "--set=election=orders,timing.preset=fast,replicas=2".to_owned(),
        "--set=gates.endpointSlice.enabled=true".to_owned(),
    ];
    for (number, (name, Reached { address, .. })) in LETTERS.into_iter().zip(voters).enumerate() {
        values.push(format!("--set=voters[{number}].name={name},voters[{number}].url=redis://{address}"));
    }
    Release::over(space, HELMS[1], &values.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn the_passive_cluster_takes_over_when_the_active_one_is_cut_off_and_its_service_follows() {
    let Some(beside) = Beside::or_not_tested("one election over two clusters") else { return };
    let active = Ours::or_not_tested("one election over two clusters").unwrap();
    let passive = &beside.0;
    passive.run(&["up"]);
    let voters = Voters::experienced(3, TTL);
    let spaces = [&active, passive].map(|cluster| Space::of(cluster.kubeconfig(), "two"));
    let ways = [&active, passive]
        .map(|cluster| voters.servers.iter().map(|server| cluster.reach(server.port())).collect::<Vec<_>>());
    let first = install(&spaces[0], &ways[0]);
    let former = first.leader().unwrap();
    eventually("its Service leads to it", PATIENT, || routed_pods(&spaces[0]) == [former.clone()]);
    let second = install(&spaces[1], &ways[1]);
    assert_eq!(second.leader(), Some(former.clone()), "a second cluster takes nothing from the first");
    assert!(routed_pods(&spaces[1]).is_empty());

    let onlookers = Onlookers::over(&[(&active, &spaces[0]), (passive, &spaces[1])], CANDIDATES);
    eventually("they see who leads", PATIENT, || onlookers.newest().is_some());
    let term = onlookers.newest().unwrap().term;
    let begun = boot();
    let cut_off = CutOff::new(&active);
    eventually("somebody leads in the other cluster", 4 * TTL, || onlookers.newest().unwrap().term > term);
    let next = onlookers.newest().unwrap().pod;
    println!("measured: active cluster cut off: the passive one led after {:.1?}", since(begun));
    eventually("its Service leads there", PATIENT, || routed_pods(&spaces[1]) == [next.clone()]);
    drop(cut_off);
    eventually("the one that was cut off leads nowhere", PATIENT, || routed_pods(&spaces[0]).is_empty());
    assert_eq!(second.leader(), Some(next.clone()), "a cluster that comes back takes nothing");
    let pods: Vec<_> = onlookers.end().into_iter().map(|leadership| leadership.pod).collect();
    assert_eq!(pods, [former, next]);
}

fn routed_pods(space: &Space) -> Vec<String> {
    routed(space).into_iter().map(|(pod, _)| pod).collect()
}
