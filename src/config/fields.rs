//! The keys that are judged by themselves.

use std::net::SocketAddr;

use super::judge::Judge;
use super::keys::KEYS;
use super::log::{Log, LogFormat, LogLevel};
use super::problem::Noted;

const DEFAULT_LISTEN: &str = "[::]:9797";
const DEFAULT_KEY_PREFIX: &str = "quorate";
/// The length of a DNS label.
const ELECTION_LIMIT: usize = 63;
const KEY_PREFIX_LIMIT: usize = 64;
/// The length of a DNS name; names for people need no more.
const NAME_LIMIT: usize = 253;

pub(super) fn election(judge: &mut Judge<'_>) -> Option<String> {
    let rule = format!(
        "must be a DNS-1123 label, 1 to {ELECTION_LIMIT} small letters, digits and `-` that begins and ends with a letter or digit"
    );
    let Some(entry) = judge.text("election") else {
        judge.refuse(
            "election",
            "must be given",
            "name what is led, by the key election, QUORATE_ELECTION or --election",
        );
        return None;
    };
    let name = &entry.value;
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label = name.len() <= ELECTION_LIMIT
        && name.chars().all(is_allowed)
        && !name.starts_with('-')
        && !name.ends_with('-');
    if !is_label {
        judge.refuse("election", rule, "choose a name such as orders-writer");
        return None;
    }
    Some(name.clone())
}

/// Braces would move the hash tag of the keys, blanks and glob characters would break rights on the voters.
pub(super) fn key_prefix(judge: &mut Judge<'_>) -> Option<String> {
    let Some(entry) = judge.written("keyPrefix") else { return Some(DEFAULT_KEY_PREFIX.to_owned()) };
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/');
    if (1..=KEY_PREFIX_LIMIT).contains(&entry.value.len()) && entry.value.chars().all(is_allowed) {
        return Some(entry.value.clone());
    }
    let rule = format!("must be 1 to {KEY_PREFIX_LIMIT} letters, digits, `.`, `_`, `-`, `:` or `/`");
    judge.refuse("keyPrefix", rule, "choose a name such as quorate, without braces and blanks");
    None
}

/// The text, if one is given and fit to be shown.
pub(super) fn name_for_people(judge: &mut Judge<'_>, key: &str) -> Result<Option<String>, Noted> {
    let Some(entry) = judge.text(key) else { return Ok(None) };
    if entry.value.len() <= NAME_LIMIT && !entry.value.chars().any(char::is_control) {
        return Ok(Some(entry.value.clone()));
    }
    let rule = format!("must be at most {NAME_LIMIT} bytes without control characters");
    judge.refuse(key, rule, "choose a shorter name on one line");
    Err(Noted)
}

pub(super) fn listen(judge: &mut Judge<'_>) -> Option<SocketAddr> {
    let text = judge.text("http.listen").map_or(DEFAULT_LISTEN, |entry| entry.value.as_str());
    let parsed = text.parse();
    if parsed.is_err() {
        let remedy = "write [::]:9797 for all addresses, 127.0.0.1:9797 for this host alone; port 0 lets the kernel choose";
        judge.refuse("http.listen", "must be an IP address with a port from 0 to 65535", remedy);
    }
    parsed.ok()
}

pub(super) fn log(judge: &mut Judge<'_>) -> Option<Log> {
    let format = judge.choice(
        "log.format",
        LogFormat::default(),
        &LogFormat::ALL.map(|format| (format.name(), format)),
    );
    let level =
        judge.choice("log.level", LogLevel::default(), &LogLevel::ALL.map(|level| (level.name(), level)));
    Some(Log { format: format?, level: level? })
}

/// Keys of the settled interface whose feature is not built yet are accepted while they ask for nothing.
pub(super) fn refuse_what_is_not_here(judge: &mut Judge<'_>) {
    let switches = KEYS.iter().map(|key| key.path).filter(|path| path.ends_with(".enabled"));
    for (key, off) in
        [("hardFence", "none"), ("statusFile", "")].into_iter().chain(switches.map(|key| (key, "false")))
    {
        if judge.written(key).is_some_and(|entry| entry.value != off) {
            let remedy = if off.is_empty() {
                "set it to \"\" or remove it".to_owned()
            } else {
                format!("set it to {off}")
            };
            judge.refuse(key, "is not part of this version", remedy);
        }
    }
}
