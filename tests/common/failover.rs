//! Voters that are primaries, each with a replica behind the same address, which takes over without the last writes.

use std::time::Duration;

use quorate::local::LocalServer;

use super::Version;
use super::candidate::{LETTERS, Launch, Voters, eventually, field};
use super::forwarder::Forwarder;

/// Voters of which the first `pairs` have a replica.
pub struct World {
    pub voters: Voters,
    pub replicas: Vec<LocalServer>,
    pub addresses: Vec<Forwarder>,
    ttl: Duration,
}

impl World {
    pub fn new(count: usize, pairs: usize, ttl: Duration) -> Self {
        let voters = Voters::new(count);
        let replicas: Vec<_> = (0..pairs).map(|_| Version::Redis70.start()).collect();
        for (primary, replica) in voters.servers.iter().zip(&replicas) {
            follow(replica, primary);
        }
        // Only now: a first replica gives its primary a new history, which is an amnesia.
        voters.educate(ttl);
        eventually("the replicas know the election", || {
            replicas.iter().all(|replica| field(replica, "standing") == "member")
        });
        let addresses = voters.servers.iter().map(|server| Forwarder::to(server.port())).collect();
        Self { voters, replicas, addresses, ttl }
    }

    /// A candidate that knows the addresses and not what is behind them.
    pub fn launch(&self, identity: &str) -> Launch {
        Launch::new(identity, LETTERS.into_iter().zip(self.addresses.iter().map(Forwarder::url)), self.ttl)
    }

    /// The replica is promoted, and what the primary is told from here on is lost …
    pub fn split(&self, pair: usize) {
        self.replicas[pair].replicate(None).unwrap();
    }

    /// … when the address moves to the replica.
    pub fn fail_over(&self, pair: usize) {
        self.addresses[pair].redirect(self.replicas[pair].port());
    }

    /// The way back: the old primary follows, is promoted, and misses what comes after.
    pub fn split_back(&self, pair: usize) {
        follow(&self.voters.servers[pair], &self.replicas[pair]);
        self.voters.servers[pair].replicate(None).unwrap();
    }

    pub fn fail_back(&self, pair: usize) {
        self.addresses[pair].redirect(self.voters.servers[pair].port());
    }
}

/// The replica copies everything, and what comes after.
pub fn follow(replica: &LocalServer, primary: &LocalServer) {
    replica.replicate(Some(primary)).unwrap();
    eventually("the replica has copied everything", || {
        replica.command(&["INFO", "replication"]).unwrap().contains("master_link_status:up")
    });
}

/// The version of a server's record, which every renewal raises.
pub fn version(server: &LocalServer) -> u64 {
    field(server, "version").parse().unwrap()
}
