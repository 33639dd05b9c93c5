//! The manifests of `deploy/examples`: valid, restricted, their configurations taken by the real program, and the
//! consumer's script run against a real candidate and a real queue.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::configuration::{assert_mounted, assert_taken};
use super::harness::{assert_restricted, containers, object, objects, package, pods, validate};
use crate::common::Version;
use crate::common::candidate::{Launch, Voters, boot, eventually, since};

const TTL: Duration = Duration::from_secs(2);

fn manifests() -> Vec<PathBuf> {
    let folder = package().join("deploy/examples");
    let files =
        ["nightly.yaml", "queue-consumer.yaml", "two-clusters/candidate.yaml", "two-clusters/voter.yaml"];
    files.iter().map(|file| folder.join(file)).collect()
}

fn example(name: &str) -> Vec<Value> {
    objects(&fs::read_to_string(package().join("deploy/examples").join(name)).unwrap())
}

#[test]
fn they_are_valid_and_restricted() {
    for file in manifests() {
        let text = fs::read_to_string(&file).unwrap();
        let output = validate(&text, &[]);
        assert!(output.status.success(), "{}:\n{}", file.display(), String::from_utf8_lossy(&output.stderr));
        let all = objects(&text);
        let pods = pods(&all);
        assert_eq!(pods.len(), 1, "{}", file.display());
        for (name, pod) in pods {
            assert_restricted(&name, pod, &[]);
        }
    }
}

#[test]
fn the_program_takes_their_configurations_and_finds_its_files() {
    for file in manifests() {
        let name = file.display().to_string();
        let all = objects(&fs::read_to_string(&file).unwrap());
        let Some(text) = all.iter().find_map(|one| one["data"]["quorate.yaml"].as_str()) else {
            assert!(name.ends_with("voter.yaml"), "{name}");
            continue;
        };
        assert_taken(&name, text);
        let (_, pod) = pods(&all)[0];
        let is_candidate = |one: &&Value| {
            one["args"][0] == "run"
                || one["command"][0].as_str().is_some_and(|program| program.ends_with("/quorate"))
        };
        let candidate = containers(pod).find(is_candidate).unwrap();
        assert_mounted(text, candidate, pod);
        // A shorter one would cut off the drain: see the chart's template quorate.leastGrace.
        let least = match name.rsplit('/').next().unwrap() {
            "nightly.yaml" => 600 + 3 + 2,
            "candidate.yaml" => 30 + 9 + 2,
            _ => continue,
        };
        assert_eq!(pod["terminationGracePeriodSeconds"], least, "{name}");
    }
}

/// Both clusters name the same election and voters, so that there is one leader for both.
#[test]
fn the_second_cluster_differs_in_its_name_alone() {
    let text = fs::read_to_string(package().join("deploy/examples/two-clusters/candidate.yaml")).unwrap();
    assert_eq!(text.matches("    cluster: east\n").count(), 1, "the line that the second cluster changes");
}

/// The consumer's script, as its container runs it.
struct Consumer {
    script: Child,
    told: PathBuf,
}

impl Consumer {
    fn start(folder: &std::path::Path, queue: &str) -> Self {
        let all = example("queue-consumer.yaml");
        let text = object(&all, "ConfigMap", "")["data"]["consume.sh"].as_str().unwrap().to_owned();
        let (file, told) = (folder.join("consume.sh"), folder.join("told"));
        fs::write(&file, text).unwrap();
        let script = Command::new("bash")
            .arg(file)
            .env("QUORATE_STATUS_FILE", folder.join("status"))
            .env("QUEUE", queue)
            .stdout(fs::File::create(&told).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { script, told }
    }

    fn told(&self) -> String {
        fs::read_to_string(&self.told).unwrap()
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // It ends at TERM, as a container's does; the second is for one that does not.
        let _ = kill(Pid::from_raw(i32::try_from(self.script.id()).unwrap()), Signal::SIGTERM);
        let begun = boot();
        while matches!(self.script.try_wait(), Ok(None)) && since(begun) < TTL {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

#[test]
fn the_consumer_takes_orders_while_its_candidate_leads_and_never_after_a_newer_one() {
    let (voters, queue) = (Voters::experienced(3, TTL), Version::Redis70.start());
    let folder = tempfile::tempdir().unwrap();
    let status = folder.path().join("status");
    let agent =
        Launch::new("candidate", voters.urls(), TTL).flag("--status-file", status.to_str().unwrap()).start();
    eventually("it leads", || agent.leads());
    let order = |name: &str| queue.command(&["RPUSH", "{orders}:waiting", name]).unwrap();
    let consumer = Consumer::start(folder.path(), &queue.url());
    order("first");
    eventually("the first is taken", || consumer.told().contains(": first\n"));

    agent.signal(Signal::SIGSTOP);
    let deadline = || {
        let document: Value = serde_json::from_str(&fs::read_to_string(&status).unwrap()).unwrap();
        assert_eq!(document["role"], "leader", "a stopped process cannot take its word back");
        Duration::from_nanos(document["bootDeadlineNs"].as_u64().unwrap())
    };
    eventually("its word is over", || boot() > deadline());
    order("second");
    let begun = boot();
    while since(begun) < TTL {
        assert!(!consumer.told().contains("second"), "taken after the deadline");
        std::thread::sleep(Duration::from_millis(50));
    }
    agent.signal(Signal::SIGCONT);
    eventually("the second is taken by the next term", || consumer.told().contains(": second\n"));

    queue.command(&["SET", "{orders}:term", "9007199254740991"]).unwrap();
    order("third");
    let begun = boot();
    while since(begun) < TTL {
        assert!(!consumer.told().contains("third"), "taken after a newer leader");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(queue.command(&["LLEN", "{orders}:waiting"]).unwrap(), "1");
}
