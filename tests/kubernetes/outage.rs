//! The API server goes away and comes back.

use std::process::Command;

use crate::common::candidate::{Voters, count, eventually};
use crate::space::{Space, TTL};

/// Starts it again, however the test ends.
struct Outage(String);

impl Outage {
    fn begin(cluster: &str) -> Self {
        script(cluster, "stop");
        Self(cluster.to_owned())
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        script(&self.0, "start");
    }
}

fn script(cluster: &str, verb: &str) {
    let path = format!("{}/scripts/cluster.sh", env!("CARGO_MANIFEST_DIR"));
    let status = Command::new(path).env("CLUSTER", cluster).args([verb, "apiserver"]).status().unwrap();
    assert!(status.success(), "{verb}");
}

#[test]
fn leading_goes_on_without_an_api_server_and_is_shown_once_it_is_back() {
    let Ok(cluster) = std::env::var("CLUSTER") else {
        eprintln!("NOT TESTED HERE: an outage of the API server: only on a cluster of make cluster-up");
        return;
    };
    let (voters, space) = (Voters::experienced(3, TTL), Space::new("outage"));
    let (first, second) = space.pair(&voters);
    let (term, lapses) = (first.term(), first.metric("quorate_overruns_total"));

    let outage = Outage::begin(&cluster);
    std::thread::sleep(TTL * 3);
    assert!(first.leads() && first.term() == term, "longer than a ttl");
    assert_eq!(first.metric("quorate_overruns_total"), lapses);
    assert_eq!(first.metric(r#"quorate_renewals_total{result="failed"}"#), 0.0);
    let failing = r#"quorate_gate_failing{gate="lease_mirror"}"#;
    eventually("it is counted", || first.metric(failing) == 1.0);
    // A hand-over without an API server: the lease is given back, and the label is left.
    let (code, log) = first.end();
    assert_eq!((code, count(&log, "released")), (Some(0), 1), "{log}");
    eventually("the second leads", || second.leads());
    drop(outage);

    std::thread::sleep(TTL * 3);
    eventually("the second is shown", || space.is_shown("b"));
    assert!(!space.has_label("a"), "what the first could not take away is repaired");
    eventually("all is well", || second.metric(failing) == 0.0);
}
