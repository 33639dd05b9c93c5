//! What our objects have in common: whose they are, and with which term they were written.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use kube::api::ObjectMeta;

use super::server::Trouble;
use crate::clock;
use crate::core::Term;
use crate::election::GateTrouble;

/// The election and the term that an object speaks of, and its holder, for people.
pub(super) const ELECTION: &str = "quorate.dev/election";
pub(super) const TERM: &str = "quorate.dev/term";
pub(super) const HOLDER: &str = "quorate.dev/holder";

/// How often somebody else's write in between is read and compared before that counts as trouble.
const CONFLICTS_AT_ONCE: usize = 4;

/// Rests this long at least between two looks at what is shown, so that a short ttl asks no more than the default one.
pub(super) const SHORTEST_REST: std::time::Duration = std::time::Duration::from_secs(10);

/// The name under which a term's fields are written: another term's never pass for ours.
pub(super) fn manager(term: Term) -> String {
    format!("quorate-{term}")
}

/// Makes an object say what it should, and answers with what it says then. `change` tells what there is to write, if
/// anything; `write` fails where anybody has written since `read`, and then all begins again.
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
        let seen = match known.take() {
            Some(seen) => seen,
            None => read().await?,
        };
        let Some(change) = change(&seen)? else { return Ok(seen) };
        match write(&seen, change).await {
            Err(trouble) if trouble.kind == GateTrouble::Conflict && conflicts < CONFLICTS_AT_ONCE => {
                conflicts += 1;
            }
            written => return written,
        }
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
         remove its annotations"
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
        Some(_) | None => {}
    }
    match term_of(meta, TERM) {
        Some(newer) if newer > term => Err(outdated(what, newer, term)),
        Some(_) | None => Ok(()),
    }
}
