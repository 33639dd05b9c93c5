//! The manifests of `deploy/examples`: valid, restricted, their configurations taken by the real program, and the
//! consumer's script run against a real candidate and a real queue.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::configuration::{assert_mounted, assert_taken};
use super::harness::{assert_restricted, containers, object, objects, package, pods, tool, validate};
use crate::common::Version;
use crate::common::candidate::{Launch, Voters, boot, eventually, since};

const TTL: Duration = Duration::from_secs(2);

fn manifests() -> Vec<PathBuf> {
    let folder = package().join("deploy/examples");
    let files = [
        "nightly.yaml",
        "queue-consumer.yaml",
        "two-clusters/candidate.yaml",
        "two-clusters/voter.yaml",
        "prometheus.yaml",
    ];
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
            let looks_for_pods = file.ends_with("prometheus.yaml");
            assert_eq!(pod["automountServiceAccountToken"], looks_for_pods, "{name}");
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
            assert!(name.ends_with("voter.yaml") || name.ends_with("prometheus.yaml"), "{name}");
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

/// promtool takes its configuration, and the rules as docs/install.md makes them of what Helm renders.
#[test]
fn the_example_prometheus_takes_its_configuration_and_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let all = example("prometheus.yaml");
    let text = object(&all, "ConfigMap", "")["data"]["prometheus.yaml"].as_str().unwrap();
    let text = text.replace("/etc/quorate-rules", folder.path().to_str().unwrap());
    // Debian's knows no Kubernetes.
    let found = "kubernetes_sd_configs:\n      - {role: pod, namespaces: {own_namespace: true}}";
    assert!(text.contains(found), "{text}");
    let text = text.replace(found, "static_configs: []");
    fs::write(folder.path().join("configuration"), text).unwrap();

    let manual = fs::read_to_string(package().join("docs/install.md")).unwrap();
    let begin = manual.find("helm template leader").unwrap();
    let line = &manual[begin..begin + manual[begin..].find(" >rules.yaml").unwrap()];
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    std::os::unix::fs::symlink(package().join(".tools/chart/bin/helm-4"), folder.path().join("helm"))
        .unwrap();
    let rules =
        Command::new("bash").args(["-euc", line]).env("PATH", path).current_dir(package()).output().unwrap();
    assert!(rules.status.success(), "{}", String::from_utf8_lossy(&rules.stderr));
    fs::write(folder.path().join("rules.yaml"), &rules.stdout).unwrap();
    for check in [["check", "rules", "rules.yaml"], ["check", "config", "configuration"]] {
        let output = tool("promtool").args(check).current_dir(folder.path()).output().unwrap();
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success() && told.contains(" rules found"), "{told}");
    }
}

/// Both clusters name the same election and voters, so that there is one leader for both.
#[test]
fn the_second_cluster_differs_in_its_name_alone() {
    let text = fs::read_to_string(package().join("deploy/examples/two-clusters/candidate.yaml")).unwrap();
    assert_eq!(text.matches("    cluster: east\n").count(), 1, "the line that the second cluster changes");
}

/// What a container would run; ended with its value.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It ends at TERM, as a container's does; the second is for one that does not.
        let _ = kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), Signal::SIGTERM);
        let begun = boot();
        while matches!(self.0.try_wait(), Ok(None)) && since(begun) < TTL {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The server's own arguments and users, with our certificate and port: `quorate check` finds nothing wrong with it.
#[test]
fn the_voter_s_arguments_and_users_are_what_a_candidate_wants() {
    let text = fs::read_to_string(package().join("deploy/examples/two-clusters/voter.yaml")).unwrap();
    let users =
        text.lines().filter_map(|line| line.strip_prefix("#   user ")).map(|line| format!("user {line}\n"));
    let hash_of_sesame = "d0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272";
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(path("users.acl"), users.collect::<String>().replace("HASH", hash_of_sesame)).unwrap();
    fs::write(path("tls.crt"), certified.cert.pem()).unwrap();
    fs::write(path("tls.key"), certified.signing_key.serialize_pem()).unwrap();
    fs::write(path("password"), "sesame").unwrap();

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let all = objects(&text);
    let arguments =
        object(&all, "StatefulSet", "")["spec"]["template"]["spec"]["containers"][0]["args"].clone();
    let arguments = arguments.as_array().unwrap().iter().map(|argument| {
        let own = argument.as_str().unwrap().replace("/etc/voter", folder.path().to_str().unwrap());
        if own == "6380" { port.clone() } else { own }
    });
    // The one of the tests' servers that knows TLS.
    let server =
        Command::new(Version::Redis70.binary()).args(arguments).stdout(Stdio::null()).spawn().unwrap();
    let _server = Running(server);

    let mut told = String::new();
    eventually("nothing is wrong with it", || {
        let output = Command::new(env!("CARGO_BIN_EXE_quorate"))
            .args(["check", "--election", "ledger", "--allow-single-voter", "--username", "quorate"])
            .args(["--voter", &format!("a=rediss://localhost:{port}")])
            .arg("--password-file")
            .arg(path("password"))
            .arg("--ca-file")
            .arg(path("tls.crt"))
            .output()
            .unwrap();
        told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        output.status.success()
    });
    assert!(told.contains("primary") && told.contains("noeviction"), "{told}");
}

/// The consumer's script, as its container runs it.
struct Consumer {
    _script: Running,
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
        Self { _script: Running(script), told }
    }

    fn told(&self) -> String {
        fs::read_to_string(&self.told).unwrap()
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
