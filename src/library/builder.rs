//! How a candidate is described and started.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::election::{Election, Inner};
use super::error::Error;
use super::holding::Holding;
use super::voters::Voters;
use crate::core::{LONGEST_TTL, ResetPolicy, SHORTEST_TTL, Timing, ladder};
use crate::election::{self as driver, About, HINTS_WAITING, Margins, ScopedVoter, Surroundings};
use crate::voter::{Hint, Scope, Voter, check_election, check_key_prefix, check_text_for_people};

const DEFAULT_TTL: Duration = Duration::from_secs(10);
const DEFAULT_KEY_PREFIX: &str = "quorate";
/// Shorter timeouts are less than a round trip over any network.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(10);

/// Describes a candidate before it starts.
#[derive(Clone, Debug)]
#[must_use]
pub struct ElectionBuilder {
    election: String,
    identity: Option<String>,
    cluster: Option<String>,
    address: Option<String>,
    key_prefix: String,
    ttl: Duration,
    voter_timeout: Option<Duration>,
    stop_grace: Option<Duration>,
    on_epoch_reset: ResetPolicy,
}

impl ElectionBuilder {
    pub(super) fn new(election: String) -> Self {
        Self {
            election,
            identity: None,
            cluster: None,
            address: None,
            key_prefix: DEFAULT_KEY_PREFIX.to_owned(),
            ttl: DEFAULT_TTL,
            voter_timeout: None,
            stop_grace: None,
            on_epoch_reset: ResetPolicy::Continue,
        }
    }

    /// How long a lease lasts without renewal: 1 s to 10 min in whole milliseconds, 10 s unless given. After a crash
    /// of the leader the next one takes over about so much later; all other durations derive from it. Candidates of
    /// one election may differ by a factor of two at the most.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Who this candidate is, for people; decides nothing. The host name unless given.
    pub fn identity(mut self, identity: impl Into<String>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// Where this candidate runs, for people.
    pub fn cluster(mut self, cluster: impl Into<String>) -> Self {
        self.cluster = Some(cluster.into());
        self
    }

    /// Where this program can be asked, for people.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// What every key on the voters begins with: `quorate` unless given, the same at all candidates.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// How long one question to a voter may take, connecting included: 10 ms to a quarter of the ttl; a twentieth of
    /// it, but at least 50 ms, unless given.
    pub fn voter_timeout(mut self, timeout: Duration) -> Self {
        self.voter_timeout = Some(timeout);
        self
    }

    /// How long the work may take to stop: [`Leadership::wait`](crate::Leadership::wait) returns so much, and a margin of a twentieth of the
    /// ttl, before the validity ends. Three tenths of the ttl unless given.
    pub fn stop_grace(mut self, grace: Duration) -> Self {
        self.stop_grace = Some(grace);
        self
    }

    /// Where a majority of voters has forgotten the terms: begin a new epoch above the largest number known (unless
    /// told otherwise), or wait for a person.
    pub fn on_epoch_reset(mut self, policy: ResetPolicy) -> Self {
        self.on_epoch_reset = policy;
        self
    }

    /// Begins to watch the voters, in a task of its own on the present tokio runtime. Several elections may share
    /// the voters and their connections.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] about the first thing that is wrong, [`Error::NoRuntime`].
    pub fn start(self, voters: &Voters) -> Result<Election, Error> {
        let settings = self.settings(voters)?;
        let runtime = Handle::try_current().map_err(|_| Error::NoRuntime)?;
        let election = driver::Election::new(settings);
        let (claims, verifier, candidacy) =
            (election.leadership.clone(), election.verifier.clone(), election.candidacy.clone());
        candidacy.stand_back();
        let (hint, hints) = mpsc::channel(HINTS_WAITING);
        let scoped = self.listen(voters, &hint);
        let (holding, shutdown) = (Holding::new(), CancellationToken::new());
        let surroundings = Surroundings {
            voters: scoped
                .iter()
                .cloned()
                .map(|(voter, scope)| Arc::new(ScopedVoter::new(voter, scope)))
                .collect(),
            hints,
            work: holding.clone(),
            report: Arc::new(()),
            shutdown: shutdown.clone(),
        };
        let ended = Arc::new(OnceLock::new());
        let cause = Arc::clone(&ended);
        runtime.spawn(async move {
            if let Err(failure) = election.run(surroundings).await {
                // Nobody else sets it.
                let _ = cause.set(failure.to_string());
            }
            for (voter, scope) in &scoped {
                voter.stop_listening(scope, &hint);
            }
        });
        Ok(Election::new(Inner { claims, verifier, candidacy, holding, ended, shutdown }))
    }

    /// Each voter with this election's keys there, telling of releases from now on.
    fn listen(&self, voters: &Voters, hint: &mpsc::Sender<Hint>) -> Vec<(Voter, Scope)> {
        let scoped = voters.all().iter().map(|voter| {
            let scope = Scope::new(&self.key_prefix, &self.election, voters.names(), voter.name());
            voter.listen(&scope, hint.clone());
            (voter.clone(), scope)
        });
        scoped.collect()
    }

    fn settings(&self, voters: &Voters) -> Result<driver::Settings, Error> {
        check_election(&self.election).map_err(|unfit| Error::unfit("election", &self.election, unfit))?;
        check_key_prefix(&self.key_prefix)
            .map_err(|unfit| Error::unfit("key_prefix", &self.key_prefix, unfit))?;
        for (setting, text) in
            [("identity", &self.identity), ("cluster", &self.cluster), ("address", &self.address)]
        {
            let text = text.as_deref().unwrap_or_default();
            check_text_for_people(text).map_err(|unfit| Error::unfit(setting, text, unfit))?;
        }
        let (timing, margins) = self.timing()?;
        let about = About {
            election: self.election.clone(),
            identity: self.identity.clone().map_or_else(host_name, Ok)?,
            cluster: self.cluster.clone(),
            namespace: None,
            node: None,
            address: self.address.clone(),
            voters: voters.names().map(str::to_owned).collect(),
            ttl: self.ttl,
            margins,
        };
        // Where the program is gone nothing drains any more.
        let drain_timeout = Duration::ZERO;
        Ok(driver::Settings { about, timing, on_epoch_reset: self.on_epoch_reset, drain_timeout })
    }

    fn timing(&self) -> Result<(Timing, Margins), Error> {
        let ttl = self.ttl;
        let refuse = |setting, value, rule: String, remedy| {
            Err(Error::setting(setting, rule, remedy).with_value(&format!("{value:?}")))
        };
        if !(SHORTEST_TTL..=LONGEST_TTL).contains(&ttl) || !ttl.subsec_nanos().is_multiple_of(1_000_000) {
            let rule = format!("must be whole milliseconds from {SHORTEST_TTL:?} to {LONGEST_TTL:?}");
            return refuse("ttl", ttl, rule, "10 s is right for most");
        }
        let derived = Timing::of_ttl(ttl);
        let timing = Timing { voter_timeout: self.voter_timeout.unwrap_or(derived.voter_timeout), ..derived };
        if !(SHORTEST_TIMEOUT..=ttl / 4).contains(&timing.voter_timeout) {
            let rule = format!("must be {SHORTEST_TIMEOUT:?} to {:?}, a quarter of the ttl", ttl / 4);
            return refuse(
                "voter_timeout",
                timing.voter_timeout,
                rule,
                "leave it out: it derives from the ttl",
            );
        }
        let margins = Margins { stop_grace: self.stop_grace.unwrap_or(ttl * 3 / 10), fence_margin: ttl / 20 };
        let fixed = ladder(&timing, Duration::ZERO, margins.fence_margin);
        if ladder(&timing, margins.stop_grace, margins.fence_margin) >= ttl {
            let longest = ttl.saturating_sub(fixed);
            let rule = format!(
                "must be less than {longest:?}, so that one missed renewal does not end a leadership"
            );
            return refuse("stop_grace", margins.stop_grace, rule, "lower it, or raise the ttl");
        }
        Ok((timing, margins))
    }
}

fn host_name() -> Result<String, Error> {
    let unknown = || Error::setting("identity", "must be given where there is no host name", "call identity");
    nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).ok_or_else(unknown)
}
