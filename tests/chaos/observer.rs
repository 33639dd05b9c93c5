//! Everything that anybody outside can see of who leads: what candidates answer, what they tell by `/watch`, and what a
//! resource was asked to take that compares terms.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::common::candidate::{ask, boot, send, since};
use crate::common::onlookers::{Asked, Onlookers, Yes, never_two_leaders};
use crate::resource::{Act, Resource};
use crate::world::TTL;

/// A watch is begun anew after so long: its first event is computed between question and answer.
const WATCH: Duration = Duration::from_millis(500);
/// How long a watch waits for a line before it looks whether it is over.
const LOOK: Duration = Duration::from_millis(100);
/// Between two acts of one worker, and between two tries to watch.
const PAUSE: Duration = Duration::from_millis(10);
/// Of so many acts one is late …
const LATE_ONE_OF: usize = 16;
/// … by so much.
const LATE: Duration = TTL.saturating_mul(2);

/// Looks at all candidates from all sides.
pub struct Observer {
    onlookers: Onlookers,
    watchers: Vec<JoinHandle<Vec<Yes>>>,
    workers: Vec<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

impl Observer {
    /// Of whoever is, or will be, at these addresses.
    pub fn at(candidates: &[(String, SocketAddr)], resource: &Arc<Resource>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let watcher = |(identity, address): &(String, SocketAddr)| {
            let (identity, address, is_over) = (identity.clone(), *address, Arc::clone(&is_over));
            std::thread::spawn(move || watch(&identity, address, &is_over))
        };
        let worker = |(identity, address): &(String, SocketAddr)| {
            let (identity, address, is_over) = (identity.clone(), *address, Arc::clone(&is_over));
            let resource = Arc::clone(resource);
            std::thread::spawn(move || work(&identity, address, &resource, &is_over))
        };
        Self {
            watchers: candidates.iter().map(watcher).collect(),
            workers: candidates.iter().map(worker).collect(),
            onlookers: Onlookers::at(candidates.to_vec()),
            is_over,
        }
    }

    /// How often who was told to lead, by answers and by `/watch`. Panics where two led at once, terms fell or came
    /// twice, or the resource had to refuse who leads.
    pub fn finish(self) -> [usize; 2] {
        self.is_over.store(true, Ordering::SeqCst);
        self.workers.into_iter().for_each(|worker| worker.join().unwrap());
        let told: Vec<_> = self.watchers.into_iter().flat_map(|watcher| watcher.join().unwrap()).collect();
        let answered = self.onlookers.finish();
        let counts = [answered.len(), told.len()];
        never_two_leaders(&[answered, told].concat());
        counts
    }
}

fn watch(identity: &str, address: SocketAddr, is_over: &AtomicBool) -> Vec<Yes> {
    let mut told = Vec::new();
    while !is_over.load(Ordering::SeqCst) {
        let begun = boot();
        if let Ok(stream) = send(address, "/watch") {
            stream.set_read_timeout(Some(LOOK)).unwrap();
            let mut lines = BufReader::new(stream);
            let mut line = Vec::new();
            while !is_over.load(Ordering::SeqCst) && since(begun) < WATCH {
                match lines.read_until(b'\n', &mut line) {
                    // What has been read of a line stays.
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                    Ok(1..) => told.extend(leads(&line, identity, begun)),
                    Ok(0) | Err(_) => break,
                }
                line.clear();
            }
        }
        std::thread::sleep(PAUSE);
    }
    told
}

/// An event that tells that this candidate leads. It was told after the watch had begun.
fn leads(line: &[u8], identity: &str, begun: Duration) -> Option<Yes> {
    let data: serde_json::Value = serde_json::from_slice(line.strip_prefix(b"data: ")?).ok()?;
    let validity = Duration::from_millis(data["validityRemainingMs"].as_u64()?);
    let term = data["term"].as_u64().filter(|_| !validity.is_zero())?;
    let identity = identity.to_owned();
    Some(Yes { identity, asked: Asked::Watch, term: Some(term), sent: begun, received: boot(), validity })
}

/// Acts as long as it is told that it may; some of it arrives late.
fn work(identity: &str, address: SocketAddr, resource: &Resource, is_over: &AtomicBool) {
    let mut late: Vec<Act> = Vec::new();
    for nth in 0_usize.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let asked = boot();
        if let Ok((200, answer)) = ask(address, "/leaderz")
            && let Some(term) = Asked::Leaderz.term(&answer)
        {
            let act = Act { identity: identity.to_owned(), term, asked };
            if nth % LATE_ONE_OF == 0 {
                late.push(act);
            } else {
                resource.take(&act);
            }
        }
        late.extract_if(.., |act| since(act.asked) > LATE).for_each(|act| resource.take(&act));
        std::thread::sleep(PAUSE);
    }
    for act in &late {
        resource.take(act);
    }
}
