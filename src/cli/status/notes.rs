//! What is worth a sentence about a voter, and what to do about it.

use super::report::{Condition, Sight, ms, same_server};
use crate::core::{Answer, LeaseKey};

/// Each sentence begins with the voter's name.
pub(super) fn notes(sights: &[Sight], conditions: &[Condition]) -> Vec<String> {
    let about = |(sight, condition): (&Sight, &Condition)| {
        let mut notes = Vec::new();
        notes.extend(standing(sight, *condition, sights));
        notes.extend(foreign_key(sight));
        notes.extend(eviction(sight));
        notes.extend(loneliness(sights));
        notes.into_iter().map(|note| format!("{}: {note}", sight.name)).collect::<Vec<_>>()
    };
    sights.iter().zip(conditions).flat_map(about).collect()
}

/// What one voter cannot do, for whoever has forgotten that it was allowed.
fn loneliness(sights: &[Sight]) -> Option<String> {
    let told = "is the only voter: while it is away nobody leads, and whenever it restarts, is flushed or fails over \
                nobody leads for about one ttl; terms still grow unless clocks lie";
    (sights.len() == 1).then(|| told.to_owned())
}

fn standing(sight: &Sight, condition: Condition, sights: &[Sight]) -> Option<String> {
    match condition {
        Condition::Member => None,
        Condition::Joining => {
            Some("forgot, and may not vote until a leader adopts it or a candidate lets it join".to_owned())
        }
        Condition::Amnesia => {
            Some("has no memory of this election; a running candidate lets it join".to_owned())
        }
        Condition::Duplicate => {
            let Answer::Observed(observation) = &sight.answer else { return None };
            let others: Vec<_> =
                same_server(sight, observation, sights).map(|other| other.name.as_str()).collect();
            Some(format!(
                "is the same server as {}, so neither counts; give each voter a server of its own",
                others.join(" and ")
            ))
        }
        Condition::Mismatch | Condition::Replica | Condition::Silent => {
            sight.trouble.clone().or_else(|| Some("did not answer as a voter".to_owned()))
        }
    }
}

fn foreign_key(sight: &Sight) -> Option<String> {
    let Answer::Observed(observation) = &sight.answer else { return None };
    let LeaseKey::Foreign { left } = observation.key else { return None };
    Some(match left {
        Some(left) => format!(
            "the lease key belongs to a client that is not Quorate, for {} ms more; nobody is elected over it",
            ms(left)
        ),
        None => {
            "the lease key belongs to a client that is not Quorate and has no ttl: nobody is elected over it \
                 until somebody deletes it"
                .to_owned()
        }
    })
}

/// An empty policy is unknown: no voter that is asked leaves it out.
fn eviction(sight: &Sight) -> Option<String> {
    let policy = sight.details.as_ref().map(|details| details.eviction_policy.as_str())?;
    let risk = match policy.split('-').next()? {
        "allkeys" => "may throw away the voter's memory",
        "volatile" => "may throw away the lease key",
        _ => return None,
    };
    Some(format!("maxmemory-policy {policy} {risk}; set noeviction"))
}
