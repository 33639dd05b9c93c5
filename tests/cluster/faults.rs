//! What befalls nodes and control plane, and how little of it concerns leadership. Only on clusters of ours.

use std::time::Duration;

use serde_json::Value;

use super::kubernetes::{PATIENT, Space, eventually, kubectl, name, said};
use super::onlookers::{Leadership, Onlookers};
use super::ours::Ours;
use super::release::{HELMS, Release};
use super::watch::CANDIDATES;

/// Of the preset that releases are installed with.
const TTL: Duration = Duration::from_secs(5);

/// Undoes a fault, however the test ends.
struct Undo<'a>(&'a Ours, [&'a str; 2]);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        let _ = self.0.script(&self.1).output();
    }
}

/// One leadership, never interrupted for as long as a renewal may take.
fn never_noticed(leaders: &[Leadership]) {
    assert_eq!(leaders.len(), 1, "{leaders:?}");
}

fn number_of(node: &str) -> &'static str {
    if node == "node-1" { "1" } else { "2" }
}

#[test]
fn an_api_server_that_is_stopped_is_not_noticed() {
    let Some(ours) = Ours::or_not_tested("the API server stopped") else { return };
    let space = Space::new("api");
    let gates = "--set=gates.podLabel.enabled=true,gates.leaseMirror.enabled=true,gates.events.enabled=true";
    let release = Release::install(&space, HELMS[1], &[gates]);
    let leader = release.leader().unwrap();
    let is_shown = || {
        let leases = space.get(&["leases"]);
        let events = space.get(&["events"]);
        let told = |event: &Value| {
            event["reason"] == "LeaderElected" && event["involvedObject"]["name"] == leader.as_str()
        };
        space.pods("quorate.dev/role=leader").iter().map(name).eq([leader.clone()])
            && leases["items"][0]["spec"]["holderIdentity"] == leader.as_str()
            && events["items"].as_array().unwrap().iter().any(told)
    };
    eventually("label, mirror and Event show it", PATIENT, is_shown);
    let onlookers = Onlookers::of(&ours, &space, CANDIDATES);
    eventually("they see who leads", PATIENT, || onlookers.newest().is_some());
    let undo = Undo(&ours, ["start", "apiserver"]);
    ours.run(&["stop", "apiserver"]);
    std::thread::sleep(3 * TTL);
    drop(undo);
    eventually("an API server again", PATIENT, || {
        kubectl().args(["get", "--raw", "/readyz"]).output().unwrap().status.success()
    });
    never_noticed(&onlookers.end());
    eventually("it is shown as before", PATIENT, is_shown);
}

#[test]
fn a_kubelet_that_is_stopped_is_not_noticed() {
    let Some(ours) = Ours::or_not_tested("a kubelet stopped") else { return };
    let space = Space::new("kubelet");
    let release = Release::install(&space, HELMS[1], &[]);
    let node = release.node_of(&release.leader().unwrap());
    let onlookers = Onlookers::of(&ours, &space, CANDIDATES);
    eventually("they see who leads", PATIENT, || onlookers.newest().is_some());
    let part = format!("kubelet-{}", number_of(&node));
    let undo = Undo(&ours, ["start", &part]);
    ours.run(&["stop", &part]);
    said(kubectl().args(["wait", "--for=condition=Ready=Unknown", "node", &node, "--timeout=60s"]));
    drop(undo);
    said(kubectl().args(["wait", "--for=condition=Ready", "node", &node, "--timeout=60s"]));
    never_noticed(&onlookers.end());
}

/// All voters are on the other side of the cut.
#[test]
fn the_leader_of_a_node_that_is_cut_off_stops_before_the_next_one_leads() {
    let Some(ours) = Ours::or_not_tested("a node cut off") else { return };
    let space = Space::new("cut");
    let on_the_first = r"--set=bundledVoters.nodeSelector.kubernetes\.io/hostname=node-1";
    let release = Release::install(&space, HELMS[1], &[on_the_first]);
    eventually("it leads on the second node", PATIENT, || {
        let Some(leader) = release.leader() else { return false };
        let is_there = release.node_of(&leader) == "node-2";
        if !is_there {
            let _ = space.kubectl(&["exec", &leader, "--", "/quorate", "resign", "--for", "1s"]).output();
        }
        is_there
    });
    let onlookers = Onlookers::of(&ours, &space, CANDIDATES);
    eventually("they see who leads", PATIENT, || onlookers.newest().is_some());
    let former = onlookers.newest().unwrap();
    let undo = Undo(&ours, ["mend", "2"]);
    ours.run(&["cut", "2"]);
    eventually("somebody leads on the other side", 4 * TTL, || {
        onlookers.newest().unwrap().term > former.term
    });
    std::thread::sleep(TTL);
    drop(undo);
    said(kubectl().args(["wait", "--for=condition=Ready", "node/node-2", "--timeout=60s"]));
    let leaders = onlookers.end();
    let [before, after, ..] = &leaders[..] else { panic!("{leaders:?}") };
    println!(
        "measured: node cut off: {:.1?} from the old one's last yes to the new one's first",
        Duration::from_nanos(after.first_answered - before.last_asked)
    );
    assert_eq!(release.node_of(&after.pod), "node-1");
}
