//! A real Prometheus and a real Alertmanager with the rules as they are rendered, and a webhook that hears the alerts.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::harness::tool;
use crate::common::candidate::eventually;

/// Both are scraped and evaluated so often; the dashboard's rates take four of these.
pub const SCRAPE: &str = "1s";

/// A program of somebody else's; killed with its value.
struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    fn start(name: &str, folder: &Path, arguments: &[&str]) -> Self {
        let log = folder.join(format!("{name}.log"));
        let child = tool(name)
            .args(arguments)
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Waits until it takes questions.
    fn is_ready(&mut self, address: SocketAddr) {
        eventually("it takes questions", || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", fs::read_to_string(&self.log).unwrap());
            ureq::get(format!("http://{address}/-/ready")).call().is_ok()
        });
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub struct Monitoring {
    pub prometheus: SocketAddr,
    heard: Arc<Mutex<Vec<Value>>>,
    _programs: [Program; 2],
    folder: TempDir,
}

impl Monitoring {
    /// With these groups of rules.
    pub fn start(rules: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [prometheus, alertmanager] = [free(), free()];
        let (webhook, heard) = webhook();
        let write = |name: &str, content: Value| {
            // JSON is YAML.
            fs::write(folder.path().join(name), content.to_string()).unwrap();
        };
        write("rules.yaml", rules.clone());
        write("targets.json", json!([]));
        write(
            "prometheus.yaml",
            json!({
                "global": {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE, "evaluation_interval": SCRAPE},
                "rule_files": ["rules.yaml"],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.to_string()]}]}]},
                "scrape_configs": [{"job_name": "quorate", "file_sd_configs": [{"files": ["targets.json"], "refresh_interval": "1s"}]}],
            }),
        );
        write(
            "alertmanager.yaml",
            json!({
                "route": {"receiver": "test", "group_by": ["alertname"], "group_wait": "0s", "group_interval": "1s"},
                "receivers": [{"name": "test", "webhook_configs": [{"url": format!("http://{webhook}/")}]}],
            }),
        );
        let listen = |address: SocketAddr| format!("--web.listen-address={address}");
        let mut programs = [
            Program::start(
                "prometheus",
                folder.path(),
                &["--config.file=prometheus.yaml", "--storage.tsdb.path=series", &listen(prometheus)],
            ),
            Program::start(
                "prometheus-alertmanager",
                folder.path(),
                // No gossip: it is alone.
                &[
                    "--config.file=alertmanager.yaml",
                    "--storage.path=alerts",
                    "--cluster.listen-address=",
                    &listen(alertmanager),
                ],
            ),
        ];
        programs[0].is_ready(prometheus);
        programs[1].is_ready(alertmanager);
        Self { prometheus, heard, _programs: programs, folder }
    }

    /// Scrapes these from now on: name of the Pod, and where it answers.
    pub fn scrape(&self, pods: &[(&str, SocketAddr)]) {
        let target = |(pod, address): &(&str, SocketAddr)| json!({"targets": [address.to_string()], "labels": {"pod": pod, "namespace": "space"}});
        let targets: Vec<_> = pods.iter().map(target).collect();
        // As a whole, because it is watched.
        let fresh = self.folder.path().join("fresh");
        fs::write(&fresh, json!(targets).to_string()).unwrap();
        fs::rename(fresh, self.folder.path().join("targets.json")).unwrap();
    }

    /// What a query gives now: labels, and the value.
    pub fn query(&self, expression: &str) -> Vec<(Value, f64)> {
        let url = format!("http://{}/api/v1/query", self.prometheus);
        let mut answer = ureq::get(url).query("query", expression).call().unwrap();
        let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        let result = answer["data"]["result"].as_array().unwrap().iter();
        result
            .map(|one| (one["metric"].clone(), one["value"][1].as_str().unwrap().parse().unwrap()))
            .collect()
    }

    /// The alerts in this state, by name.
    pub fn alerts(&self, state: &str) -> Vec<String> {
        let rules = self.query(&format!("ALERTS{{alertstate=\"{state}\"}}"));
        rules.iter().map(|(labels, _)| labels["alertname"].as_str().unwrap().to_owned()).collect()
    }

    /// The alerts that were firing at any time.
    pub fn fired(&self) -> Vec<String> {
        let rules = self.query("count by (alertname) (count_over_time(ALERTS{alertstate=\"firing\"}[1h]))");
        rules.iter().map(|(labels, _)| labels["alertname"].as_str().unwrap().to_owned()).collect()
    }

    /// What the webhook was told, an alert each.
    pub fn heard(&self) -> Vec<Value> {
        self.heard.lock().unwrap().clone()
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Takes what Alertmanager posts, until the test's process ends.
fn webhook() -> (SocketAddr, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let posted = posted(stream.unwrap());
            told.lock().unwrap().extend(posted["alerts"].as_array().unwrap().iter().cloned());
        }
    });
    (address, heard)
}

fn posted(stream: TcpStream) -> Value {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(told) = line.strip_prefix("content-length: ") {
            length = told.parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    reader
        .into_inner()
        .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        .unwrap();
    serde_json::from_slice(&body).unwrap()
}
