//! What a server is like and what it lets us do: everything an election needs of it, tried without disturbing one.
//!
//! Nothing is written. Rights are tried by commands that fail, or do nothing, after the server has looked at the
//! rights (probe.lua): the documented user may not ask `ACL DRYRUN`, and Redis 6.2 has none.

use std::collections::BTreeMap;
use std::time::Duration;

use super::redis::{Link, Upkeep};
use super::trouble::{Trouble, TroubleKind};
use super::{Scope, Voter};
use crate::clock;
use crate::core::{Moment, Now};

/// A server, looked into.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// From nothing to being ready for questions: dialling, TLS, logging in, loading the scripts.
    pub connect: Duration,
    /// What the server tells about itself (`INFO`); empty where that is not allowed.
    pub facts: BTreeMap<String, String>,
    /// The server's wall clock minus ours, in microseconds; it read its clock about half-way.
    pub clock_offset_us: Option<i64>,
    /// The rights that its user lacks, as an ACL writes them.
    pub lacking: Vec<String>,
    /// Commands that are allowed and fail all the same, and why.
    pub failing: Vec<(String, Trouble)>,
    /// Why hints will not be heard.
    pub deaf: Option<Trouble>,
    /// How many connections listen to the election's hints; `None` where the right to ask is missing.
    pub listeners: Option<u64>,
}

impl Voter {
    /// Looks into the server, for at most about `patience`. The first call on a voter tells how long it takes to
    /// connect.
    ///
    /// # Errors
    ///
    /// Why it cannot be asked at all.
    pub async fn inspect(&self, scope: &Scope, patience: Duration) -> Result<Inspection, Trouble> {
        let begun = clock::now().at;
        self.on_link(patience, async |link| {
            let connect = clock::now().at.leader_elapsed(begun);
            let mut lacking = Vec::new();
            let asked = clock::now();
            let facts = facts(link, &mut lacking).await?;
            let clock_offset_us = offset_us(&facts, asked, clock::now().at);
            let failing = rights(link, scope, &mut lacking).await?;
            let listeners = link.listeners(scope.hint_channel()).await.ok();
            let channels = [scope.hint_channel().to_owned()];
            let deaf = link.subscribe(&channels).await.err();
            if deaf.is_none() {
                link.unsubscribe(scope.hint_channel()).await?;
            }
            Ok(Inspection { connect, facts, clock_offset_us, lacking, failing, deaf, listeners })
        })
        .await
    }
}

async fn facts(link: &Link, lacking: &mut Vec<String>) -> Result<BTreeMap<String, String>, Trouble> {
    let text = match link.info().await {
        Ok(text) => text,
        Err(trouble) if trouble.kind == TroubleKind::NoPerm => {
            lacking.push("+info".to_owned());
            String::new()
        }
        Err(trouble) => return Err(trouble),
    };
    let pairs = text.lines().filter_map(|line| line.trim_end().split_once(':'));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn offset_us(facts: &BTreeMap<String, String>, asked: Now, answered: Moment) -> Option<i64> {
    let theirs_us: i64 = facts.get("server_time_usec")?.parse().ok()?;
    let half_us = i64::try_from(answered.leader_elapsed(asked.at).as_micros() / 2).ok()?;
    theirs_us.checked_sub(i64::try_from(asked.wall_us).ok()?.checked_add(half_us)?)
}

/// Notes what is lacking; answers with what fails for other reasons.
async fn rights(
    link: &Link,
    scope: &Scope,
    lacking: &mut Vec<String>,
) -> Result<Vec<(String, Trouble)>, Trouble> {
    let keys = [scope.record_key(), scope.lease_key()];
    let refused = match link.keep_up(Upkeep::Probe, keys, &[scope.hint_channel()]).await {
        Ok(refused) => refused,
        Err(trouble) => return Ok(vec![("EVALSHA".to_owned(), trouble)]),
    };
    let mut failing = Vec::new();
    for refusal in refused.chunks_exact(3) {
        let [command, place, error] = refusal else { continue };
        match Denial::of(error) {
            Some(Denial::Command) => lacking.push(format!("+{}", command.to_ascii_lowercase())),
            // The key and the channel beside ours need not be allowed.
            Some(Denial::Place) if place == "beside" => {}
            Some(Denial::Place) => lacking.push(format!("~{}", keys.join(" ~"))),
            None => {
                let (code, message) = error.split_once(' ').unwrap_or((error, ""));
                failing.push((command.clone(), Trouble::of_server(code, message)));
            }
        }
    }
    lacking.sort();
    lacking.dedup();
    Ok(failing)
}

/// What an ACL says no to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Denial {
    Command,
    /// A key or a channel.
    Place,
}

impl Denial {
    /// From the words of Redis 6.2, Redis 7.0 and Valkey 8.1, which are the only sign inside a script.
    fn of(error: &str) -> Option<Self> {
        let has = |words: &str| error.contains(words);
        if has("can't run this command") || has("no permissions to run") {
            Some(Self::Command)
        } else if has("can't access at least one of the keys")
            || has("No permissions to access a key")
            || has("can't publish to the channel")
            || has("No permissions to access a channel")
        {
            Some(Self::Place)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The commands that a script names.
    fn commands(script: &'static str, before: &[&str]) -> BTreeSet<&'static str> {
        let after = |call: &&str| -> Vec<&'static str> {
            let parts = script.split(call as &str).skip(1);
            parts.filter_map(|rest| rest.split('\'').next()).collect()
        };
        before.iter().flat_map(after).collect()
    }

    #[test]
    fn every_command_of_the_operations_is_tried_and_no_other() {
        let operations = concat!(
            include_str!("prelude.lua"),
            include_str!("observe.lua"),
            include_str!("grant.lua"),
            include_str!("confirm.lua"),
            include_str!("release.lua"),
            include_str!("join.lua"),
        );
        let called = commands(operations, &["redis.call('", "redis.pcall('"]);
        let tried = commands(include_str!("probe.lua"), &["'ours', '", "'beside', '"]);
        assert_eq!(called, tried);
    }
}
