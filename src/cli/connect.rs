//! The voters of a configuration, as whoever asks them wants them.

use crate::config::Config;
use crate::voter::{Scope, Voter};

/// Each voter with the election's scope there, in the order of the configuration. Connects to none of them.
pub(super) fn voters(config: &Config) -> Vec<(Voter, Scope)> {
    let names = || config.voters.iter().map(|voter| voter.name.as_str());
    let voters = config.voters.iter().map(|voter| {
        let scope = Scope::new(&config.key_prefix, &config.election, names(), &voter.name);
        (Voter::new(voter.clone()), scope)
    });
    voters.collect()
}
