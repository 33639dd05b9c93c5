//! Voters and candidates on hosts of their own, and what may befall them.

use std::net::SocketAddr;
use std::time::Duration;

use nix::sys::signal::Signal;
use quorate::local::{LocalServer, Memory, ServerOptions};

use crate::common::Version;
use crate::common::candidate::{Agent, LETTERS, Launch, eventually, field};
use crate::common::wall_clock::WallClock;
use crate::network::Host;

pub const VOTERS: usize = 5;
pub const CANDIDATES: usize = 3;
/// Long enough for a busy machine to renew in.
pub const TTL: Duration = Duration::from_secs(2);
/// Of every candidate: each has a host for itself.
const PORT: u16 = 8080;
const VERSIONS: [Version; 3] = [Version::Redis70, Version::Valkey81, Version::Redis62];

/// A voter on its host.
pub struct Voter {
    pub server: LocalServer,
    pub wall_clock: WallClock,
    pub host: Host,
    _directory: tempfile::TempDir,
}

impl Voter {
    fn new(index: usize) -> Self {
        let (host, wall_clock, directory) =
            (Host::new(index + 1), WallClock::new(), tempfile::tempdir().unwrap());
        let binary = wall_clock.program(&VERSIONS[index % VERSIONS.len()].binary());
        let options = ServerOptions::new(host.program(directory.path(), &binary));
        let server = options.line("bind 0.0.0.0").line("protected-mode no");
        Self { server: crate::common::start(server), wall_clock, host, _directory: directory }
    }

    fn url(&self) -> String {
        format!("redis://{}:{}", self.host.address(), self.server.port())
    }
}

/// A candidate on its host; none while it is down.
pub struct Candidate {
    pub agent: Option<Agent>,
    pub wall_clock: WallClock,
    pub host: Host,
    identity: String,
}

impl Candidate {
    fn new(index: usize) -> Self {
        let (host, wall_clock) = (Host::new(VOTERS + index + 1), WallClock::new());
        Self { agent: None, wall_clock, host, identity: format!("candidate-{index}") }
    }
}

/// Everything.
pub struct World {
    pub candidates: Vec<Candidate>,
    pub voters: Vec<Voter>,
}

impl World {
    /// Voters that never heard of the election, and candidates that have just started.
    pub fn new() -> Self {
        let voters = (0..VOTERS).map(Voter::new).collect();
        let candidates = (0..CANDIDATES).map(Candidate::new).collect();
        let mut world = Self { candidates, voters };
        (0..CANDIDATES).for_each(|candidate| world.start(candidate));
        world
    }

    /// Where candidates answer, whether or not they run.
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        let address = |host: &Host| SocketAddr::new(host.watched_address().parse().unwrap(), PORT);
        self.candidates.iter().map(|it| (it.identity.clone(), address(&it.host))).collect()
    }

    pub fn start(&mut self, candidate: usize) {
        let urls: Vec<_> = LETTERS.into_iter().zip(self.voters.iter().map(Voter::url)).collect();
        let started = &mut self.candidates[candidate];
        let (enter, [namespace, end]) = started.host.entrance();
        let clock = started.wall_clock.program("env".as_ref());
        let launch = Launch::new(&started.identity, urls, TTL)
            .listen(&format!("{}:{PORT}", started.host.watched_address()))
            .under(clock.to_str().unwrap(), &[])
            .under(enter, &[&namespace, &end]);
        started.agent = Some(launch.start());
    }

    pub fn signal(&self, candidate: usize, signal: Signal) {
        if let Some(agent) = &self.candidates[candidate].agent {
            agent.signal(signal);
        }
    }

    /// It is gone at once, or hands over first.
    pub fn end(&mut self, candidate: usize, hands_over: bool) {
        match self.candidates[candidate].agent.take() {
            Some(agent) if hands_over => drop(agent.end()),
            Some(agent) => agent.crash(),
            None => {}
        }
    }

    /// What either of them sends to the other is lost, or both.
    pub fn cut(&self, candidate: usize, voter: usize, there: bool, back: bool) {
        let (candidate, voter) = (&self.candidates[candidate].host, &self.voters[voter].host);
        if there {
            candidate.cut(voter);
        }
        if back {
            voter.cut(candidate);
        }
    }

    pub fn mend(&self, candidate: usize, voter: usize, there: bool, back: bool) {
        let (candidate, voter) = (&self.candidates[candidate].host, &self.voters[voter].host);
        if there {
            candidate.mend(voter);
        }
        if back {
            voter.mend(candidate);
        }
    }

    pub fn restart(&mut self, voter: usize, memory: Memory) {
        self.voters[voter].server.restart(memory).unwrap();
    }

    /// Until then a further amnesia might be one of a majority.
    pub fn wait_until_all_remember(&self) {
        for voter in &self.voters {
            eventually("every voter is a member again", || field(&voter.server, "standing") == "member");
        }
    }

    pub fn leader(&self) -> Option<&Agent> {
        self.candidates.iter().filter_map(|candidate| candidate.agent.as_ref()).find(|agent| agent.leads())
    }
}
