//! From end to end: three real candidates over real voters, a real Prometheus with the rendered rules, a real Alertmanager.
//! Nothing fires at a first install, in a quiet run or in a clean rolling restart; churn reaches a webhook.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::alerts::spec;
use super::harness::{chart, package};
use super::monitoring::{Monitoring, SCRAPE};
use crate::common::candidate::{Agent, Launch, Voters, boot, eventually, since};

/// Long enough for a machine that is busy with other tests.
const TTL: Duration = Duration::from_secs(4);
/// How long nothing happens: so many scrapes show what is quiet.
const QUIET: Duration = Duration::from_secs(5);

/// The candidates of a Deployment: a Pod is replaced by one with another name.
struct Deployment {
    voters: Voters,
    pods: Vec<Agent>,
    made: usize,
}

impl Deployment {
    fn new() -> Self {
        // Voters that never heard of the election: a first install.
        let mut deployment = Self { voters: Voters::new(3), pods: Vec::new(), made: 0 };
        (0..3).for_each(|_| deployment.add());
        deployment
    }

    fn add(&mut self) {
        self.made += 1;
        let name = format!("orders-{}", self.made);
        self.pods.push(Launch::new(&name, self.voters.urls(), TTL).start());
    }

    fn leader(&self) -> Option<usize> {
        self.pods.iter().position(Agent::leads)
    }

    fn scraped_by(&self, monitoring: &Monitoring) {
        let pods: Vec<_> = self.pods.iter().map(|pod| (pod.identity.as_str(), pod.address)).collect();
        monitoring.scrape(&pods);
    }

    /// The standbys first and the leader last, each after another one is ready.
    fn restarted(&mut self, monitoring: &Monitoring) {
        for olds in (1..=3).rev() {
            self.add();
            self.scraped_by(monitoring);
            let fresh = self.pods.last().unwrap();
            let series = format!("quorate_is_leader{{pod=\"{}\"}}", fresh.identity);
            eventually("the new one is ready, and scraped", || {
                fresh.code("/readyz") == 200 && !monitoring.query(&series).is_empty()
            });
            let standby = self.pods[..olds].iter().position(|pod| !pod.leads());
            let gone = self.pods.remove(standby.unwrap_or(0));
            self.scraped_by(monitoring);
            assert_eq!(gone.end().0, Some(0));
            eventually("somebody leads", || self.leader().is_some());
        }
    }

    fn resign(&self) {
        let leader = self.leader().unwrap();
        let address = self.pods[leader].address.to_string();
        let output = Command::new(env!("CARGO_BIN_EXE_quorate"))
            .args(["resign", "--address", &address, "--for", "1s"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        eventually("somebody else leads", || self.leader().is_some_and(|now| now != leader));
    }
}

#[test]
fn churn_reaches_a_webhook_and_nothing_else_does() {
    let begun = boot();
    let monitoring = Monitoring::start(&spec(&["--set", "election=orders", "--set", "timing.ttl=4s"]));
    let mut deployment = Deployment::new();
    deployment.scraped_by(&monitoring);
    eventually("the first one leads", || deployment.leader().is_some());
    eventually("Prometheus has seen it", || !monitoring.query("quorate_is_leader == 1").is_empty());
    std::thread::sleep(QUIET);
    eventually("nothing is about to fire", || monitoring.alerts("pending").is_empty());
    assert_eq!(monitoring.fired(), [""; 0], "a first install, and quiet");

    deployment.restarted(&monitoring);
    eventually("the new ones are scraped", || monitoring.query("quorate_is_leader").len() == 3);
    std::thread::sleep(QUIET);
    assert_eq!(monitoring.fired(), [""; 0], "a clean rolling restart");
    assert!(monitoring.heard().is_empty());

    (0..3).for_each(|_| deployment.resign());
    eventually("the alert arrives", || !monitoring.heard().is_empty());
    let heard = monitoring.heard();
    assert_eq!(heard[0]["labels"]["alertname"], "QuorateLeaseChurn", "{heard:?}");
    assert_eq!(heard[0]["status"], "firing");
    assert_eq!(
        (&heard[0]["labels"]["namespace"], &heard[0]["labels"]["election"], &heard[0]["labels"]["severity"]),
        (&"space".into(), &"orders".into(), &"warning".into())
    );
    assert!(heard[0]["annotations"]["summary"].is_string(), "{heard:?}");
    assert_eq!(monitoring.fired(), ["QuorateLeaseChurn"]);
    if let Some(picture) = std::env::var_os("QUORATE_DASHBOARD_PICTURE") {
        draw(&monitoring, &mut deployment, begun, picture.as_ref());
    }
}

/// Lets more happen, so that every row has something to show, and draws the dashboard.
fn draw(monitoring: &Monitoring, deployment: &mut Deployment, begun: Duration, picture: &Path) {
    deployment.voters.stop(2..3);
    std::thread::sleep(QUIET);
    deployment.voters.resume(2..3);
    deployment.voters.servers[1].restart(quorate::local::Memory::Empty).unwrap();
    std::thread::sleep(QUIET * 2);
    let output = Command::new(package().join(".tools/picture/python"))
        .env("PYTHONPATH", package().join(".tools/picture"))
        .arg(package().join("scripts/draw-dashboard.py"))
        .arg(chart().join("files/dashboard.json"))
        .arg(format!("http://{}", monitoring.prometheus))
        .args([SCRAPE, &since(begun).as_secs().to_string()])
        .arg(picture)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
