//! The list of keys: what a file may say, under which name the environment says it, and which have a flag.
//!
//! docs/configuration.md has a row for each of them; a test compares.

use std::cmp::Ordering;

/// One key of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its path in the file, joined by dots.
    pub path: &'static str,
    /// Its flag, where it has one.
    pub flag: Option<&'static str>,
}

const fn key(path: &'static str) -> Key {
    Key { path, flag: None }
}

const fn flagged(path: &'static str, flag: &'static str) -> Key {
    Key { path, flag: Some(flag) }
}

/// The key of the list of voters, the only one whose value is a list.
pub const VOTERS: &str = "voters";

/// Every key, in the order of the documentation.
pub const KEYS: &[Key] = &[
    flagged("election", "--election"),
    flagged("keyPrefix", "--key-prefix"),
    flagged("identity", "--identity"),
    flagged("cluster", "--cluster"),
    flagged("advertise", "--advertise"),
    flagged(VOTERS, "--voter"),
    flagged("allowSingleVoter", "--allow-single-voter"),
    flagged("auth.username", "--username"),
    flagged("auth.passwordFile", "--password-file"),
    flagged("auth.passwordEnv", "--password-env"),
    key("auth.previousPasswordFile"),
    flagged("tls.caFile", "--ca-file"),
    flagged("tls.certFile", "--cert-file"),
    flagged("tls.keyFile", "--key-file"),
    key("tls.serverName"),
    flagged("timing.preset", "--preset"),
    flagged("timing.ttl", "--ttl"),
    key("timing.renewInterval"),
    key("timing.observeInterval"),
    key("timing.voterTimeout"),
    key("timing.stopGrace"),
    key("timing.fenceMargin"),
    key("timing.drainTimeout"),
    flagged("readiness", "--readiness"),
    flagged("hardFence", "--hard-fence"),
    key("onEpochReset"),
    flagged("statusFile", "--status-file"),
    flagged("http.listen", "--listen"),
    key("http.resignTokenFile"),
    key("gates.podLabel.enabled"),
    key("gates.podLabel.key"),
    key("gates.endpointSlice.enabled"),
    key("gates.endpointSlice.service"),
    key("gates.podDeletionCost.enabled"),
    key("gates.events.enabled"),
    key("gates.leaseMirror.enabled"),
    key("gates.leaseMirror.name"),
    flagged("log.format", "--log-format"),
    flagged("log.level", "--log-level"),
];

/// The keys of one voter; all but the first two override the common ones.
pub const VOTER_KEYS: &[&str] = &[
    "name",
    "url",
    "auth.username",
    "auth.passwordFile",
    "auth.passwordEnv",
    "auth.previousPasswordFile",
    "tls.caFile",
    "tls.certFile",
    "tls.keyFile",
    "tls.serverName",
];

/// What names the file itself, and is therefore no key of it.
pub const CONFIG_ENVIRONMENT: &str = "QUORATE_CONFIG";

/// The name of a key in the environment: words split at capitals, nesting joined by `_`.
#[must_use]
pub fn environment_name(path: &str) -> String {
    let mut name = String::from("QUORATE_");
    for character in path.chars() {
        match character {
            '.' => name.push('_'),
            upper if upper.is_ascii_uppercase() => {
                name.push('_');
                name.push(upper);
            }
            other => name.push(other.to_ascii_uppercase()),
        }
    }
    name
}

/// The key of [`KEYS`] with this path.
#[must_use]
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Comparing takes time and memory in proportion to the length, in characters; no key is half as long.
const COMPARED_LIMIT: usize = 100;

/// What looks less alike than this was not meant.
const LEAST_LIKENESS: f64 = 0.5;

/// The candidate that looks most like `text`, if any is near: case and `_` and `-` count for nothing, and the last word of a path
/// may stand for the whole.
pub(crate) fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], "");
    let last = |text: &str| text.rsplit('.').next().unwrap_or_default().to_owned();
    let wanted = plain(&text.chars().take(COMPARED_LIMIT).collect::<String>());
    let likeness = |candidate: &str| {
        let candidate = plain(candidate);
        let whole = strsim::normalized_damerau_levenshtein(&wanted, &candidate);
        // A little less than the same words at the same place.
        let word = strsim::normalized_damerau_levenshtein(&last(&wanted), &last(&candidate)) * 0.95;
        whole.max(word)
    };
    let near = candidates.into_iter().map(|candidate| (candidate, likeness(candidate)));
    let near = near.filter(|(_, likeness)| *likeness >= LEAST_LIKENESS);
    near.max_by(|(_, a), (_, b)| a.partial_cmp(b).unwrap_or(Ordering::Equal)).map(|(candidate, _)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_names_split_words_at_capitals_and_join_nesting() {
        assert_eq!(environment_name("timing.renewInterval"), "QUORATE_TIMING_RENEW_INTERVAL");
        assert_eq!(environment_name("gates.podLabel.enabled"), "QUORATE_GATES_POD_LABEL_ENABLED");
        assert_eq!(environment_name("voters"), "QUORATE_VOTERS");
    }

    #[test]
    fn no_two_keys_share_a_name_or_a_flag() {
        for (index, key) in KEYS.iter().enumerate() {
            for other in &KEYS[index + 1..] {
                assert_ne!(environment_name(key.path), environment_name(other.path));
                assert!(key.flag.is_none() || key.flag != other.flag, "{key:?} {other:?}");
            }
        }
    }

    #[test]
    fn the_nearest_key_is_the_one_that_was_meant() {
        for (wrong, meant) in [
            ("timing.renew_interval", "timing.renewInterval"),
            ("ttl", "timing.ttl"),
            ("voter", "voters"),
            ("timing.tll", "timing.ttl"),
            ("electon", "election"),
            ("auth.password", "auth.passwordEnv"),
            ("http.lisen", "http.listen"),
            ("log_level", "log.level"),
        ] {
            assert_eq!(nearest(wrong, KEYS.iter().map(|key| key.path)), Some(meant), "{wrong}");
        }
        for stranger in ["daemon", "PATH", "x", "_apt"] {
            assert_eq!(nearest(stranger, KEYS.iter().map(|key| key.path)), None, "{stranger}");
        }
    }
}
