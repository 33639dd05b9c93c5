//! Who leads, asked on the nodes themselves: whatever becomes of the API server and of the network between nodes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};

use super::kubernetes::{Space, name};
use super::ours::Ours;

/// A yes, true at some time between both instants (`CLOCK_BOOTTIME`, nanoseconds).
#[derive(Debug, Clone)]
pub struct Yes {
    pub asked: u64,
    pub answered: u64,
    pub pod: String,
    pub term: u64,
}

/// The time for which somebody was seen to lead, at the least.
#[derive(Debug)]
pub struct Leadership {
    pub pod: String,
    pub first_answered: u64,
    pub last_asked: u64,
}

impl Leadership {
    fn of(yes: &Yes) -> Self {
        Self { pod: yes.pod.clone(), first_answered: yes.answered, last_asked: yes.asked }
    }
}

/// One asker for each node, of the candidates there are now.
pub struct Onlookers {
    askers: Vec<(Child, JoinHandle<()>)>,
    seen: Arc<Mutex<Vec<Yes>>>,
}

impl Onlookers {
    pub fn of(ours: &Ours, space: &Space, selector: &str) -> Self {
        Self::over(&[(ours, space)], selector)
    }

    /// In several clusters.
    pub fn over(places: &[(&Ours, &Space)], selector: &str) -> Self {
        let seen = Arc::default();
        let nodes = places.iter().flat_map(|place| ["1", "2"].map(|node| (place, node)));
        let askers = nodes.map(|((ours, space), node)| {
            let mut here = space.pods(selector);
            here.retain(|pod| pod["spec"]["nodeName"] == format!("node-{node}").as_str());
            let pair = |pod| format!("{}={}", name(pod), pod["status"]["podIP"].as_str().unwrap());
            let mut words =
                ["on", node, "python3", "-c", include_str!("onlooker.py")].map(str::to_owned).to_vec();
            words.extend(here.iter().map(pair));
            asker(ours.script(&words.iter().map(String::as_str).collect::<Vec<_>>()), Arc::clone(&seen))
        });
        Self { askers: askers.collect(), seen }
    }

    /// The newest of those who were seen to lead.
    pub fn newest(&self) -> Option<Yes> {
        self.seen.lock().unwrap().iter().max_by_key(|yes| yes.term).cloned()
    }

    /// Who was seen to lead, by term. Nobody did in an older term after somebody had in a newer one.
    pub fn end(mut self) -> Vec<Leadership> {
        self.stop();
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        let mut terms: BTreeMap<u64, Leadership> = BTreeMap::new();
        for yes in &seen {
            let entry = terms.entry(yes.term).or_insert_with(|| Leadership::of(yes));
            entry.first_answered = entry.first_answered.min(yes.answered);
            entry.last_asked = entry.last_asked.max(yes.asked);
        }
        let leaders: Vec<_> = terms.into_values().collect();
        for pair in leaders.windows(2) {
            assert!(pair[0].last_asked < pair[1].first_answered, "two leaders: {leaders:?}");
        }
        leaders
    }

    fn stop(&mut self) {
        for (mut child, reader) in self.askers.drain(..) {
            drop(child.stdin.take());
            let _ = child.wait();
            let _ = reader.join();
        }
    }
}

impl Drop for Onlookers {
    fn drop(&mut self) {
        self.stop();
    }
}

fn asker(mut command: Command, seen: Arc<Mutex<Vec<Yes>>>) -> (Child, JoinHandle<()>) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reader = spawn(move || {
        for line in lines.map_while(Result::ok) {
            seen.lock().unwrap().extend(parsed(&line));
        }
    });
    (child, reader)
}

fn parsed(line: &str) -> Option<Yes> {
    let words: Vec<_> = line.split(' ').collect();
    let [asked, answered, pod, term] = words[..] else { return None };
    let number = |text: &str| text.parse().ok();
    Some(Yes { asked: number(asked)?, answered: number(answered)?, pod: pod.to_owned(), term: number(term)? })
}
