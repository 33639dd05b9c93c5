//! Who leads, asked of every candidate all the time, through the API server.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use serde_json::Value;

use super::kubernetes::{Space, kubectl, name};
use crate::common::candidate::boot;

pub const CANDIDATES: &str = "app.kubernetes.io/component=candidate";
/// Between two questions to the same candidate.
const PACE: Duration = Duration::from_millis(20);
/// A pod that is gone does not answer; whoever asks goes on.
const ANSWERED_WITHIN: Duration = Duration::from_millis(500);

/// `kubectl proxy`: a plain way to the API server, and through it to pods.
struct Proxy {
    child: Child,
    port: u16,
}

impl Proxy {
    fn start() -> Self {
        let mut child = kubectl()
            .args(["proxy", "--port=0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        Self { child, port: port.unwrap_or_else(|| panic!("kubectl proxy: {line:?}")) }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(port: u16, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(ANSWERED_WITHIN)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

/// An answer of a candidate that says it leads; true at some time between the question and the answer.
#[derive(Debug)]
struct Yes {
    asked: Duration,
    answered: Duration,
    pod: String,
    term: u64,
    reason: String,
}

/// Asks until it is ended.
pub struct Watch {
    ended: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Yes>>>,
    asking: Option<JoinHandle<()>>,
}

impl Watch {
    pub fn over(space: &Space) -> Self {
        let (ended, seen) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let asker = Asker { space: space.name.clone(), ended: Arc::clone(&ended), seen: Arc::clone(&seen) };
        Self { ended, seen, asking: Some(spawn(move || asker.ask_all())) }
    }

    /// Who leads by the newest answer.
    pub fn leader(&self) -> Option<String> {
        self.seen.lock().unwrap().iter().max_by_key(|yes| yes.answered).map(|yes| yes.pod.clone())
    }

    pub fn end(mut self) -> Watched {
        self.stop();
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.sort_by_key(|yes| yes.asked);
        Watched { seen }
    }

    fn stop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(asking) = self.asking.take() {
            let _ = asking.join();
        }
    }
}

/// Also where a test failed: what it asks through is a process.
impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Asker {
    space: String,
    ended: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Yes>>>,
}

impl Asker {
    /// One thread for each candidate, so that none waits for the silence of another one.
    fn ask_all(&self) {
        let proxy = Proxy::start();
        let listed = format!("/api/v1/namespaces/{}/pods?labelSelector={CANDIDATES}", self.space);
        let mut known = HashSet::new();
        std::thread::scope(|scope| {
            while !self.ended.load(Ordering::Relaxed) {
                let pods = get(proxy.port, &listed).map(|list| list["items"].clone());
                for pod in pods.iter().filter_map(Value::as_array).flatten().map(name) {
                    if known.insert(pod.clone()) {
                        let port = proxy.port;
                        scope.spawn(move || self.ask(port, &pod));
                    }
                }
                sleep(PACE * 10);
            }
        });
    }

    fn ask(&self, port: u16, pod: &str) {
        let path = format!("/api/v1/namespaces/{}/pods/{pod}:9797/proxy/status", self.space);
        while !self.ended.load(Ordering::Relaxed) {
            let asked = boot();
            if let Some(status) = get(port, &path)
                && status["role"] == "leader"
            {
                let (answered, term) = (boot(), status["term"].as_u64().unwrap());
                let reason = elected_for(&status, term);
                self.seen.lock().unwrap().push(Yes { asked, answered, pod: pod.to_owned(), term, reason });
            }
            sleep(PACE);
        }
    }
}

/// Why its term began.
fn elected_for(status: &Value, term: u64) -> String {
    let is_it = |told: &&Value| told["event"] == "elected" && told["term"] == term;
    let told = status["lastTransitions"].as_array().and_then(|all| all.iter().rev().find(is_it));
    told.map_or_else(|| "not told".to_owned(), |told| told["reason"].as_str().unwrap_or("none").to_owned())
}

/// All that was answered, by time.
pub struct Watched {
    seen: Vec<Yes>,
}

impl Watched {
    /// Pods and why they were elected, in order; nobody said to lead after somebody with a newer term had.
    pub fn leaders(&self) -> Vec<(String, String)> {
        let mut terms: BTreeMap<u64, Vec<&Yes>> = BTreeMap::new();
        for yes in &self.seen {
            terms.entry(yes.term).or_default().push(yes);
        }
        let terms: Vec<_> = terms.into_values().collect();
        for pair in terms.windows(2) {
            let last_of_former = pair[0].iter().max_by_key(|yes| yes.asked).unwrap();
            let first_of_next = pair[1].iter().min_by_key(|yes| yes.answered).unwrap();
            assert!(
                last_of_former.asked < first_of_next.answered,
                "{last_of_former:?} after {first_of_next:?}"
            );
        }
        terms.iter().map(|all| (all[0].pod.clone(), all[0].reason.clone())).collect()
    }

    /// The longest time for which nobody may have led; the truth is up to two questions shorter.
    pub fn longest_without(&self) -> Duration {
        let gaps = self.seen.windows(2).map(|pair| pair[1].answered.saturating_sub(pair[0].asked));
        gaps.max().unwrap_or_else(|| panic!("nobody was seen to lead"))
    }

    /// One leadership, or several of which each was handed on.
    pub fn was_only_handed_over(&self, times: std::ops::RangeInclusive<usize>) {
        let leaders = self.leaders();
        let handed_on = leaders.iter().skip(1).all(|(_, reason)| reason == "released");
        assert!(handed_on && times.contains(&(leaders.len() - 1)), "{leaders:?}");
    }
}
