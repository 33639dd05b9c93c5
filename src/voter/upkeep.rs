//! What operators do with a voter beside an election: see what is remembered there, whoever wrote it, and remove it.
//!
//! No candidate does any of this. Nothing here is part of the protocol: a removal is an amnesia like any other.

use std::sync::Arc;
use std::time::Duration;

use super::redis::{Link, Upkeep};
use super::trouble::{Trouble, TroubleKind};
use super::{Scope, Voter};
use crate::core::{Run, Term};

/// What a voter remembers of an election.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The server's life.
    pub run: Run,
    /// The server's `TIME`, in microseconds since 1970.
    pub time_us: u64,
    /// The record, if there is any.
    pub record: Option<SurveyedRecord>,
    /// The lease key beside it.
    pub key: SurveyedKey,
    stamp: Stamp,
}

/// Equal as long as nothing happened to the record, and the server lives on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(String);

/// A record as its fields say; nothing has judged them, and absent ones are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SurveyedRecord {
    /// The format.
    pub format: String,
    /// The generation and the names of the voters that it belongs to.
    pub electorate: String,
    /// The name of this voter.
    pub voter: String,
    /// `member` or `joining`.
    pub standing: String,
    /// The ballot that holds, or held last.
    pub holder: String,
    /// It was given back.
    pub is_released: bool,
    /// The largest term stored, where it is a number.
    pub term: Option<Term>,
    /// The holder's ttl, where it is a number.
    pub ttl: Option<Duration>,
    /// JSON, what the holder wrote about itself.
    pub who: String,
}

/// Whose the lease key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SurveyedKey {
    /// There is none.
    Free,
    /// It carries a ballot of Quorate's.
    Ours,
    /// It is another client's.
    Foreign,
}

/// What became of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Record and lease key are gone.
    Removed,
    /// Something happened since the survey, so nothing was removed.
    Changed,
}

impl Survey {
    /// See [`Stamp`].
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Nothing of Quorate's is there.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.record.is_none() && self.key != SurveyedKey::Ours
    }
}

impl Voter {
    /// What this voter remembers of the scope's election, whoever wrote it; changes nothing.
    ///
    /// # Errors
    ///
    /// Why it does not say; of a replica, [`TroubleKind::Replica`].
    pub async fn survey(&self, scope: &Scope, timeout: Duration) -> Result<Survey, Trouble> {
        let fields = self.keep_up(Upkeep::Survey, scope, &[], timeout).await?;
        surveyed(&fields).ok_or_else(|| Trouble::new(TroubleKind::Malformed))
    }

    /// Removes record and lease key, if they are as they were surveyed. A foreign lease key stays.
    ///
    /// # Errors
    ///
    /// Why there is no answer; unless it is a replica, it may have been removed all the same.
    pub async fn remove(&self, scope: &Scope, stamp: &Stamp, timeout: Duration) -> Result<Removal, Trouble> {
        let fields = self.keep_up(Upkeep::Remove, scope, &[&stamp.0], timeout).await?;
        match fields.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["removed"] => Ok(Removal::Removed),
            ["changed"] => Ok(Removal::Changed),
            _ => Err(Trouble::new(TroubleKind::Malformed)),
        }
    }

    /// How many connections listen to this election's hints here: every candidate has one.
    ///
    /// # Errors
    ///
    /// Why it does not say; usually [`TroubleKind::NoPerm`], because nothing else needs this right.
    pub async fn listeners(&self, scope: &Scope, timeout: Duration) -> Result<u64, Trouble> {
        self.on_link(timeout, async |link| link.listeners(scope.hint_channel()).await).await
    }

    async fn keep_up(
        &self,
        upkeep: Upkeep,
        scope: &Scope,
        arguments: &[&str],
        timeout: Duration,
    ) -> Result<Vec<String>, Trouble> {
        let keys = [scope.record_key(), scope.lease_key()];
        let fields = self.on_link(timeout, async |link| link.keep_up(upkeep, keys, arguments).await).await?;
        match fields.first().map(String::as_str) {
            Some("replica") => Err(Trouble::new(TroubleKind::Replica)),
            _ => Ok(fields),
        }
    }

    /// Does something on the connection, having it included, within a limit.
    pub(super) async fn on_link<T>(
        &self,
        timeout: Duration,
        act: impl AsyncFnOnce(&Link) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut used: Option<Arc<Link>> = None;
        let acting = async {
            let link = used.insert(self.shared.link(timeout).await?);
            act(link).await
        };
        let acted = tokio::time::timeout(timeout, acting).await;
        acted.unwrap_or_else(|_| {
            if let Some(link) = &used {
                link.set_broken();
            }
            Err(Trouble::new(TroubleKind::Timeout))
        })
    }
}

fn surveyed(fields: &[String]) -> Option<Survey> {
    let [
        kind,
        stamp,
        is_there,
        run,
        time_us,
        key,
        format,
        electorate,
        voter,
        _run,
        standing,
        _instance,
        holder,
        _version,
        released,
        term,
        ttl,
        who,
    ] = fields
    else {
        return None;
    };
    let record = SurveyedRecord {
        format: format.clone(),
        electorate: electorate.clone(),
        voter: voter.clone(),
        standing: standing.clone(),
        holder: holder.clone(),
        is_released: released == "1",
        term: term.parse().ok(),
        ttl: ttl.parse().ok().map(Duration::from_millis),
        who: who.clone(),
    };
    (kind == "surveyed").then_some(())?;
    Some(Survey {
        run: run.parse().ok()?,
        time_us: time_us.parse().ok()?,
        record: (is_there == "1").then_some(record),
        key: match key.as_str() {
            "free" => SurveyedKey::Free,
            "ours" => SurveyedKey::Ours,
            "foreign" => SurveyedKey::Foreign,
            _ => return None,
        },
        stamp: Stamp(stamp.clone()),
    })
}
