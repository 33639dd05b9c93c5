//! What the world sees of candidates: who said yes, when, on `CLOCK_BOOTTIME`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::candidate::{Agent, ask, body, boot};

/// Between two rounds of questions to one candidate.
const PAUSE: Duration = Duration::from_millis(8);

/// The questions that a leader answers with yes; the first two until `soft`, the others until `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Leaderz,
    Readyz,
    Status,
    Metrics,
    /// The first event, or any later one.
    Watch,
}

impl Asked {
    /// Those whose answer has an end.
    pub const ALL: [Self; 4] = [Self::Leaderz, Self::Readyz, Self::Status, Self::Metrics];

    fn path(self) -> &'static str {
        match self {
            Self::Leaderz => "/leaderz",
            Self::Readyz => "/readyz?role=leader",
            Self::Status => "/status",
            Self::Metrics => "/metrics",
            Self::Watch => "/watch",
        }
    }

    fn is_yes(self, code: u16, answer: &str) -> bool {
        match self {
            Self::Leaderz | Self::Readyz => code == 200,
            Self::Status => body(answer)["role"] == "leader",
            Self::Metrics => answer.contains("quorate_is_leader{election=\"orders\"} 1"),
            Self::Watch => answer.contains("event: elected"),
        }
    }

    pub fn term(self, answer: &str) -> Option<u64> {
        match self {
            Self::Leaderz => answer.split_once("quorate-term: ")?.1.split("\r\n").next()?.parse().ok(),
            Self::Status => body(answer)["term"].as_u64(),
            Self::Readyz | Self::Metrics | Self::Watch => None,
        }
    }

    fn validity(self, answer: &str) -> Duration {
        match self {
            Self::Status => Duration::from_millis(body(answer)["validityRemainingMs"].as_u64().unwrap_or(0)),
            Self::Leaderz | Self::Readyz | Self::Metrics | Self::Watch => Duration::ZERO,
        }
    }
}

/// One yes. It was computed between the two instants.
#[derive(Clone, Debug)]
pub struct Yes {
    pub identity: String,
    pub asked: Asked,
    pub term: Option<u64>,
    pub sent: Duration,
    pub received: Duration,
    /// Where it was [`Asked::Status`] or [`Asked::Watch`].
    pub validity: Duration,
}

/// Ask candidates all the time, each in a thread of its own.
pub struct Onlookers {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Yes>>>,
}

impl Onlookers {
    pub fn watch(agents: &[&Agent]) -> Self {
        Self::at(agents.iter().map(|agent| (agent.identity.clone(), agent.address)).collect())
    }

    /// The same for whoever is, or will be, at these addresses.
    pub fn at(candidates: Vec<(String, SocketAddr)>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let thread = |(identity, address): (String, SocketAddr)| {
            let is_over = Arc::clone(&is_over);
            std::thread::spawn(move || {
                let mut seen = Vec::new();
                loop {
                    // Read before the round: what was so when the watch was ended is seen.
                    let is_last = is_over.load(Ordering::SeqCst);
                    for asked in Asked::ALL {
                        let sent = boot();
                        // A candidate that was ended or stopped says nothing, and nothing is no yes.
                        let Ok((code, answer)) = ask(address, asked.path()) else { continue };
                        let received = boot();
                        if asked.is_yes(code, &answer) {
                            let (term, validity) = (asked.term(&answer), asked.validity(&answer));
                            let identity = identity.clone();
                            seen.push(Yes { identity, asked, term, sent, received, validity });
                        }
                    }
                    if is_last {
                        break seen;
                    }
                    std::thread::sleep(PAUSE);
                }
            })
        };
        Self { threads: candidates.into_iter().map(thread).collect(), is_over }
    }

    /// Ends the watch; panics where two led at once.
    pub fn finish(self) -> Vec<Yes> {
        self.is_over.store(true, Ordering::SeqCst);
        let seen: Vec<_> = self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        never_two_leaders(&seen);
        seen
    }
}

/// A term has one leader, and no yes of a term comes after a yes of a later one.
pub fn never_two_leaders(seen: &[Yes]) {
    let mut first: BTreeMap<u64, &Yes> = BTreeMap::new();
    for (yes, term) in seen.iter().filter_map(|yes| Some((yes, yes.term?))) {
        let known = first.entry(term).or_insert(yes);
        assert_eq!(known.identity, yes.identity, "two leaders of term {term}");
        if yes.received < known.received {
            *known = yes;
        }
    }
    for (yes, term) in seen.iter().filter_map(|yes| Some((yes, yes.term?))) {
        for (_, later) in first.range(term + 1..) {
            assert!(yes.sent < later.received, "two leaders at once: {yes:?} after {later:?}");
        }
    }
}

/// The last yes of a candidate to a question, by when it was asked.
pub fn last_yes(seen: &[Yes], identity: &str, asked: Asked) -> Duration {
    let of_it = seen.iter().filter(|yes| yes.identity == identity && yes.asked == asked);
    of_it.map(|yes| yes.sent).max().unwrap_or_else(|| panic!("{identity} never said yes to {asked:?}"))
}
