//! Voters and candidates on hosts of their own, and what may befall them.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use quorate::local::{LocalServer, Memory, ServerOptions};

use crate::common::Version;
use crate::common::candidate::{Agent, LETTERS, Launch, eventually, field};
use crate::common::failover::follow;
use crate::common::forwarder::Forwarder;
use crate::common::wall_clock::WallClock;
use crate::network::Host;

pub const VOTERS: usize = 5;
pub const CANDIDATES: usize = 3;
/// Long enough for a busy machine to renew in.
pub const TTL: Duration = Duration::from_secs(2);
/// Of every candidate: each has a host for itself.
const PORT: u16 = 8080;
const VERSIONS: [Version; 3] = [Version::Redis70, Version::Valkey81, Version::Redis62];

/// A voter on its host: a primary with a replica, behind one address.
pub struct Voter {
    pub server: LocalServer,
    pub replica: LocalServer,
    /// Where candidates find it.
    pub address: Forwarder,
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
        let server = crate::common::start(options.clone());
        let replica = crate::common::start(options);
        replica.replicate(Some(&server)).unwrap();
        let address = host.on_thread(|| Forwarder::at(host.address().parse().unwrap(), server.port()));
        Self { server, replica, address, wall_clock, host, _directory: directory }
    }

    /// The address moves to the replica, which knows nothing of what the primary was told last.
    pub fn fail_over(&self) {
        self.replica.replicate(None).unwrap();
        std::thread::sleep(TTL / 10);
        self.address.redirect(self.replica.port());
    }

    /// And back.
    pub fn fail_back(&self) {
        follow(&self.server, &self.replica);
        self.server.replicate(None).unwrap();
        self.address.redirect(self.server.port());
        self.replica.replicate(Some(&self.server)).unwrap();
    }

    /// It may vote, and nothing is left that would make it forget: a replica that comes back gives its primary a new history.
    fn remembers(&self) -> bool {
        let info = |section, name: &str| {
            let page = self.server.command(&["INFO", section]).unwrap();
            let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.unwrap_or_default().to_owned()
        };
        let run = format!("{} {}", info("server", "run_id"), info("replication", "master_replid"));
        info("replication", "connected_slaves") == "1"
            && field(&self.server, "standing") == "member"
            && field(&self.server, "run") == run
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
    /// `quorate reset`, while it runs.
    reset: Option<Child>,
}

impl World {
    /// Voters that never heard of the election, and candidates that have just started.
    pub fn new() -> Self {
        let voters = (0..VOTERS).map(Voter::new).collect();
        let candidates = (0..CANDIDATES).map(Candidate::new).collect();
        let mut world = Self { candidates, voters, reset: None };
        (0..CANDIDATES).for_each(|candidate| world.start(candidate));
        world
    }

    /// Where candidates answer, whether or not they run.
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        let address = |host: &Host| SocketAddr::new(host.watched_address().parse().unwrap(), PORT);
        self.candidates.iter().map(|it| (it.identity.clone(), address(&it.host))).collect()
    }

    pub fn start(&mut self, candidate: usize) {
        let urls = self.urls();
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
        self.each_way(candidate, voter, there, back, Host::cut);
    }

    pub fn mend(&self, candidate: usize, voter: usize, there: bool, back: bool) {
        self.each_way(candidate, voter, there, back, Host::mend);
    }

    fn each_way(&self, candidate: usize, voter: usize, there: bool, back: bool, act: fn(&Host, &Host)) {
        let (candidate, voter) = (&self.candidates[candidate].host, &self.voters[voter].host);
        if there {
            act(candidate, voter);
        }
        if back {
            act(voter, candidate);
        }
    }

    /// `quorate reset`, on the host of a candidate: it refuses where it sees one.
    pub fn begin_reset(&mut self, candidate: usize) {
        let host = &self.candidates[candidate].host;
        let (enter, [namespace, end]) = host.entrance();
        let mut command = Command::new(enter);
        command.args([
            &namespace,
            &end,
            env!("CARGO_BIN_EXE_quorate"),
            "reset",
            "--yes",
            "--election=orders",
        ]);
        command.arg(format!("--ttl={}ms", TTL.as_millis())).stdin(Stdio::null());
        command.args(self.urls().iter().map(|(name, url)| format!("--voter={name}={url}")));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.end_reset();
        self.reset = Some(child);
    }

    /// Whatever it has come to. Whether it removed what was remembered.
    pub fn end_reset(&mut self) -> bool {
        let Some(mut child) = self.reset.take() else { return false };
        child.wait().unwrap().success()
    }

    fn urls(&self) -> Vec<(&'static str, String)> {
        LETTERS.into_iter().zip(self.voters.iter().map(|voter| voter.address.url())).collect()
    }

    pub fn restart(&mut self, voter: usize, memory: Memory) {
        self.voters[voter].server.restart(memory).unwrap();
    }

    /// Until then a further amnesia might be one of a majority.
    pub fn wait_until_all_remember(&self) {
        for voter in &self.voters {
            eventually("every voter is a member again", || voter.remembers());
        }
    }

    pub fn leader(&self) -> Option<&Agent> {
        self.candidates.iter().filter_map(|candidate| candidate.agent.as_ref()).find(|agent| agent.leads())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut reset) = self.reset.take() {
            // It may have ended already.
            let _ = reset.kill();
            let _ = reset.wait();
        }
    }
}
