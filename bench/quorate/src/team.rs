//! Candidates of one election: several processes, and what they tell.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::agent::{Agent, Spec, Told, Work};

/// What anything may take before the run is given up: several times the longest wait of the protocol at its defaults.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

pub struct Team {
    election: String,
    ttl: Option<&'static str>,
    /// The voters' addresses as each member sees them.
    urls: Vec<Vec<String>>,
    work: Option<Work>,
    agents: Vec<Agent>,
    starts: usize,
    tell: Sender<Told>,
    told: Receiver<Told>,
}

impl Team {
    /// One process for each list of addresses.
    pub fn start(election: &str, ttl: Option<&'static str>, urls: Vec<Vec<String>>) -> Result<Self> {
        Self::start_working(election, ttl, urls, None)
    }

    /// The same, each with this work.
    pub fn start_working(
        election: &str,
        ttl: Option<&'static str>,
        urls: Vec<Vec<String>>,
        work: Option<Work>,
    ) -> Result<Self> {
        let (tell, told) = channel();
        let election = election.to_owned();
        let mut team = Self { election, ttl, urls, work, agents: Vec::new(), starts: 0, tell, told };
        for member in 0..team.urls.len() {
            let agent = team.fresh(member)?;
            team.agents.push(agent);
        }
        Ok(team)
    }

    fn fresh(&mut self, member: usize) -> Result<Agent> {
        self.starts += 1;
        let identity = format!("{member}-{}", self.starts);
        let (urls, work) = (&self.urls[member], self.work.as_ref());
        let spec = Spec { election: &self.election, identity, ttl: self.ttl, urls, work };
        let agent = Agent::start(&spec)?;
        agent.watch(member, self.tell.clone())?;
        Ok(agent)
    }

    pub fn member(&self, member: usize) -> &Agent {
        &self.agents[member]
    }

    /// Puts a new process in the place of one that has ended or is about to.
    pub fn replace(&mut self, member: usize) -> Result<()> {
        let fresh = self.fresh(member)?;
        std::mem::replace(&mut self.agents[member], fresh).reap()
    }

    /// Waits until one leads, holding every voter, and all others know it; answers with it.
    pub fn settled(&self) -> Result<usize> {
        let began = Instant::now();
        loop {
            if let Some(leader) = self.leader_known_to_all()? {
                return Ok(leader);
            }
            if began.elapsed() > PATIENCE {
                let seen: Result<Vec<_>> = self.agents.iter().map(Agent::status).collect();
                bail!("{}: no settled leader after {PATIENCE:?}: {:?}", self.election, seen?);
            }
            thread::sleep(LOOK);
        }
    }

    fn leader_known_to_all(&self) -> Result<Option<usize>> {
        let mut leader = None;
        let mut terms = Vec::new();
        for (member, agent) in self.agents.iter().enumerate() {
            let status = agent.status()?;
            let Some(term) = status["leader"]["term"].as_u64() else { return Ok(None) };
            terms.push(term);
            if status["phase"] == "leading" && status["votersHeld"] == status["voters"] {
                leader = Some(member);
            }
        }
        Ok(leader.filter(|_| terms.windows(2).all(|pair| pair[0] == pair[1])))
    }

    /// Waits for the first member that tells after `since` that it was elected.
    pub fn elected(&self, since: Instant) -> Result<(usize, Instant)> {
        loop {
            let told = self.told.recv_timeout(PATIENCE).context("nobody is elected")?;
            if told.event == "elected" && told.at > since {
                return Ok((told.by, told.at));
            }
        }
    }

    /// The first election of another than `former` that has been told after `since`, if any.
    pub fn successor(&self, former: usize, since: Instant) -> Option<Instant> {
        let told =
            self.told.try_iter().find(|told| told.event == "elected" && told.by != former && told.at > since);
        told.map(|told| told.at)
    }
}
