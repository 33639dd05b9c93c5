//! What the sources said, before anybody judges it: a text for each key, and where it came from.
//!
//! Sources are laid over each other in the order file, environment, flags; a later one replaces key by key, and the
//! list of voters as a whole.

use std::collections::BTreeMap;

use super::problem::Origin;

/// What somebody wrote.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

/// The texts of one mapping, by path.
pub(crate) type Entries = BTreeMap<&'static str, Entry>;

/// One voter as it was written.
#[derive(Clone, Debug)]
pub(crate) struct WrittenVoter {
    /// Where the whole entry stands.
    pub(crate) origin: Origin,
    pub(crate) entries: Entries,
}

/// The list of voters as it was written.
#[derive(Clone, Debug)]
pub(crate) struct WrittenVoters {
    pub(crate) origin: Origin,
    pub(crate) voters: Vec<WrittenVoter>,
}

/// Everything that was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    pub(crate) entries: Entries,
    pub(crate) voters: Option<WrittenVoters>,
}

impl Values {
    /// Adds or replaces the text of a key.
    pub(crate) fn set(&mut self, path: &'static str, value: impl Into<String>, origin: Origin) {
        self.entries.insert(path, Entry { value: value.into(), origin });
    }

    /// The text of a key, if anybody gave one.
    pub(crate) fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Replaces the list of voters by one of `name=url` pairs. What has no `=` becomes a voter without a name, which
    /// is refused with all that is wrong with the list.
    pub(crate) fn set_voters<'a>(&mut self, pairs: impl IntoIterator<Item = &'a str>, origin: &Origin) {
        let voters = pairs.into_iter().map(|pair| WrittenVoter::from_pair(pair, origin)).collect();
        self.voters = Some(WrittenVoters { origin: origin.clone(), voters });
    }
}

impl WrittenVoter {
    fn from_pair(pair: &str, origin: &Origin) -> Self {
        let entry = |value: &str| Entry { value: value.trim().to_owned(), origin: origin.clone() };
        // A name has no "://", so `redis://host?a=b` is a URL without a name, not a name with one.
        let entries = match pair.split_once('=') {
            Some((name, url)) if !name.contains("://") => {
                Entries::from([("name", entry(name)), ("url", entry(url))])
            }
            _ => Entries::from([("url", entry(pair))]),
        };
        Self { origin: origin.clone(), entries }
    }
}
