//! What our objects have in common: whose they are, and with which term they were written.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PatchParams};

use super::Ground;
use super::follow::Wanted;
use super::server::Trouble;
use crate::clock;
use crate::core::Term;
use crate::election::GateTrouble;

/// The election and the term that an object speaks of, and its holder, for people.
const ELECTION: &str = "quorate.dev/election";
pub(super) const TERM: &str = "quorate.dev/term";
const HOLDER: &str = "quorate.dev/holder";

/// How often somebody else's write in between is read and compared before that counts as trouble.
const CONFLICTS_AT_ONCE: usize = 4;

/// Rests this long at least between two looks at what is shown, so that a short ttl asks no more than the default one.
pub(super) const SHORTEST_REST: Duration = Duration::from_secs(10);

/// Makes an object that is not there, saying nothing of anybody yet, so that what it will say is compared by its version
/// like all that comes later. Where somebody has made it meanwhile nothing that it says is overwritten.
pub(super) fn making() -> PatchParams {
    PatchParams::apply("quorate-making")
}

/// Writes, with the version that was read, what an object says. One name for all terms: the server keeps for ever which
/// fields each name has written.
pub(super) fn saying() -> PatchParams {
    PatchParams::apply("quorate").force()
}

/// Makes an object say what it should, and answers with what it says then. `change` tells what there is to write, if
/// anything; `read` and `write` fail where somebody else has written meanwhile, and then all begins again.
///
/// # Errors
///
/// Of the three, whichever fails first; a conflict that comes again and again is one.
pub(super) async fn settle<Seen, Change>(
    mut known: Option<Seen>,
    read: impl AsyncFn() -> Result<Seen, Trouble>,
    change: impl Fn(&Seen) -> Result<Option<Change>, Trouble>,
    write: impl AsyncFn(&Seen, Change) -> Result<Seen, Trouble>,
) -> Result<Seen, Trouble> {
    let mut conflicts = 0;
    loop {
        let once = async {
            let seen = match known.take() {
                Some(seen) => seen,
                None => read().await?,
            };
            match change(&seen)? {
                Some(change) => write(&seen, change).await,
                None => Ok(seen),
            }
        };
        match once.await {
            Err(trouble) if trouble.kind == GateTrouble::Conflict && conflicts < CONFLICTS_AT_ONCE => {
                conflicts += 1;
            }
            settled => return settled,
        }
    }
}

pub(super) fn annotations(ground: &Ground, term: Term) -> BTreeMap<String, String> {
    let (election, holder) = (ground.election.clone(), ground.identity.clone());
    [(ELECTION, election), (TERM, term.to_string()), (HOLDER, holder)]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
}

/// Looks for an object, and makes it where there is something to say and nothing to say it.
pub(super) async fn find_or_make<Seen>(
    wanted: Wanted,
    find: impl AsyncFnOnce() -> Result<Option<Seen>, Trouble>,
    make: impl AsyncFnOnce() -> Result<Seen, Trouble>,
) -> Result<Option<Seen>, Trouble> {
    match (find().await?, wanted) {
        (None, Wanted::Shown(_)) => make().await.map(Some),
        (found, _) => Ok(found),
    }
}

/// What people's clocks say.
pub(super) fn wall_time() -> Timestamp {
    let now = i64::try_from(clock::now().wall_us).ok().and_then(|us| Timestamp::from_microsecond(us).ok());
    now.unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(super) fn term_of(meta: &ObjectMeta, key: &str) -> Option<Term> {
    meta.annotations.as_ref()?.get(key)?.parse().ok()
}

pub(super) fn text<'a>(texts: Option<&'a BTreeMap<String, String>>, key: &str) -> Option<&'a str> {
    texts?.get(key).map(String::as_str)
}

/// `kind` and name of an object, as people say it.
pub(super) fn outdated(what: &str, newer: Term, term: Term) -> Trouble {
    let sentence = format!(
        "{what} was written with term {newer}, and ours is {term}: left alone; if nobody leads with {newer} any more, \
         remove its annotation with the term"
    );
    Trouble::new(GateTrouble::Outdated, sentence)
}

/// An object that is to be written with server-side apply: ours to write, or not.
///
/// # Errors
///
/// It belongs to somebody else, to another election, or to a newer term.
pub(super) fn check_owner(
    meta: &ObjectMeta,
    what: &str,
    election: &str,
    label: (&str, &str),
    names_somebody: bool,
    term: Term,
) -> Result<(), Trouble> {
    if text(meta.labels.as_ref(), label.0) != Some(label.1) {
        let sentence = format!("{what} is not ours (no label {}={}): give another name", label.0, label.1);
        return Err(Trouble::new(GateTrouble::Foreign, sentence));
    }
    match text(meta.annotations.as_ref(), ELECTION) {
        Some(other) if other != election => {
            let sentence = format!("{what} belongs to the election {other}: give each election its own");
            return Err(Trouble::new(GateTrouble::Foreign, sentence));
        }
        // Ours name nobody before they say for which election.
        None if names_somebody => {
            let sentence =
                format!("{what} names somebody, for no election, so that it is not ours: give another name");
            return Err(Trouble::new(GateTrouble::Foreign, sentence));
        }
        Some(_) | None => {}
    }
    match term_of(meta, TERM) {
        Some(newer) if newer > term => Err(outdated(what, newer, term)),
        Some(_) | None => Ok(()),
    }
}
