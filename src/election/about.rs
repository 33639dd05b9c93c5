//! What does not change about a candidate.

use std::time::Duration;

use super::claim::Margins;
use super::news::Leader;
use crate::core::Term;

/// What does not change about a candidate.
#[derive(Clone, Debug)]
pub struct About {
    /// The name of what is led.
    pub election: String,
    /// The candidate's name, for people.
    pub identity: String,
    /// Its cluster, for people.
    pub cluster: Option<String>,
    /// Its namespace in that cluster, for people.
    pub namespace: Option<String>,
    /// The node that it is on, for people.
    pub node: Option<String>,
    /// Where its agent can be asked, for people.
    pub address: Option<String>,
    /// The names of the voters, in the order of the core's indices.
    pub voters: Vec<String>,
    /// L.
    pub ttl: Duration,
    /// How early leadership is given up.
    pub margins: Margins,
}

impl About {
    /// q = ⌊N/2⌋ + 1.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.voters.len() / 2 + 1
    }

    /// This candidate as a leader.
    #[must_use]
    pub fn leading(&self, term: Term) -> Leader {
        Leader {
            identity: Some(self.identity.clone()),
            cluster: self.cluster.clone(),
            namespace: self.namespace.clone(),
            node: self.node.clone(),
            address: self.address.clone(),
            term,
        }
    }
}
