//! Input that means harm: configurations, what a voter answers, and what comes over HTTP. Nothing panics, nothing grows
//! without bound, nobody waits for ever, and leadership is unharmed.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not what it must be")]

#[path = "../common/mod.rs"]
mod common;

mod configuration;
mod http;
mod voters;

use common::candidate::Agent;

/// More than a candidate ever needs: it takes 6 to 12 MB.
const MOST_MEMORY_KB: u64 = 64 * 1024;

/// What a process has in memory at the most.
fn peak_memory_kb(agent: &Agent) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

fn is_unharmed(agent: &Agent, term: Option<u64>) {
    assert_eq!(agent.term(), term, "it does not lead as before:\n{}", agent.log());
    assert!(!agent.log().contains("panicked"), "{}", agent.log());
    let peak = peak_memory_kb(agent);
    assert!(peak < MOST_MEMORY_KB, "{peak} kB");
}
