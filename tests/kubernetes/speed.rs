//! How soon those who watch the cluster see who leads: measured and told, because a bound would test the machine.

use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::jiff::Timestamp;
use kube::api::{WatchEvent, WatchParams};

use crate::common::candidate::{Agent, Voters, boot, eventually, lines, since};
use crate::space::{ALL, Space, TTL, label, named};

const ROUNDS: usize = 60;
/// Elected → shown, asked for in all but one in a hundred; of so few rounds that is every one.
const ASKED_FOR: Duration = Duration::from_millis(60);

type Sight = (SystemTime, String);

/// By the clock of the log.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(quorate::clock::now().wall_us)
}

/// Everybody who wears the label, and everybody whom the slice names, as a watcher sees them.
fn watch(space: &Space) -> (mpsc::Receiver<Sight>, mpsc::Receiver<Sight>) {
    let (labels, labelled) = mpsc::channel();
    let (slices, routed) = mpsc::channel();
    let (pods, endpoints) = (space.api::<Pod>(), space.api::<EndpointSlice>());
    let (pod, slice) = (space.pod_now("a"), space.slice().unwrap());
    space.spawn(async move {
        let version = pod.metadata.resource_version.unwrap();
        let mut events = pods.watch(&WatchParams::default(), &version).await.unwrap().boxed();
        while let Some(Ok(event)) = events.next().await {
            // Once a minute there is a bookmark between them.
            let WatchEvent::Modified(pod) = event else { continue };
            if label(&pod).is_some() && labels.send((now(), pod.metadata.name.unwrap())).is_err() {
                return;
            }
        }
    });
    space.spawn(async move {
        let version = slice.metadata.resource_version.unwrap();
        let mut events = endpoints.watch(&WatchParams::default(), &version).await.unwrap().boxed();
        while let Some(Ok(event)) = events.next().await {
            let WatchEvent::Modified(slice) = event else { continue };
            if let Some(name) = named(&slice)
                && slices.send((now(), name)).is_err()
            {
                return;
            }
        }
    });
    (labelled, routed)
}

fn elected(agent: &Agent) -> (usize, SystemTime) {
    let all = lines(&agent.log(), "elected");
    let at: Timestamp = all.last().unwrap()["timestamp"].as_str().unwrap().parse().unwrap();
    (all.len(), at.into())
}

fn seen(what: &mpsc::Receiver<Sight>, who: &str) -> SystemTime {
    loop {
        let (at, name) = what.recv_timeout(Duration::from_secs(10)).unwrap();
        if name == who {
            return at;
        }
    }
}

#[test]
fn a_watcher_sees_label_and_slice_after_every_hand_over() {
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("speed"));
    let full = space.account("full");
    let pods = ["a", "b"].map(|name| space.pod(name));
    space.service("orders-leader");
    let agents = pods.map(|pod| space.launch(&voters, &pod, &full, &ALL).start());
    eventually("somebody is shown", || space.routed().is_some());
    let (labelled, routed) = watch(&space);
    let (mut labels, mut slices) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        eventually("one leads and the other is ready", || {
            agents.iter().any(Agent::leads) && agents.iter().all(|agent| agent.code("/readyz") == 200)
        });
        let (old, new) = if agents[0].leads() { (&agents[0], &agents[1]) } else { (&agents[1], &agents[0]) };
        let before = lines(&new.log(), "elected").len();
        let begun = boot();
        let resigned = std::process::Command::new(env!("CARGO_BIN_EXE_quorate"))
            .args(["resign", "--for", "1s", "--address", &old.address.to_string()])
            .output()
            .unwrap();
        assert!(resigned.status.success());
        eventually("the other leads", || lines(&new.log(), "elected").len() > before);
        let (_, at) = elected(new);
        let took = |seen: SystemTime| seen.duration_since(at).unwrap_or_default();
        labels.push(took(seen(&labelled, &new.identity)));
        slices.push(took(seen(&routed, &new.identity)));
        // So that whoever resigned is a candidate again.
        std::thread::sleep(Duration::from_millis(1100).saturating_sub(since(begun)));
    }
    for (what, mut took) in [("label", labels), ("slice", slices)] {
        took.sort();
        let (median, worst) = (took[took.len() / 2], took[took.len() * 99 / 100]);
        let verdict = if worst <= ASKED_FOR { "pass" } else { "MISS" };
        println!(
            "measured: elected until a watcher sees the {what}: median {median:.1?}, p99 {worst:.1?} of {ROUNDS}, \
             asked for {ASKED_FOR:?}: {verdict}"
        );
    }
}
