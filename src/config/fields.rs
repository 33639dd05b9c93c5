//! The keys that are judged by themselves.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::judge::{Judge, checked_file};
use super::log::{Log, LogFormat, LogLevel};
use super::problem::Noted;
use super::{HardFence, Http};
use crate::files;
use crate::voter::{Unfit, check_election, check_key_prefix, check_text_for_people};

const DEFAULT_LISTEN: &str = "[::]:9797";
const DEFAULT_KEY_PREFIX: &str = "quorate";

pub(super) fn election(judge: &mut Judge<'_>) -> Option<String> {
    let Some(entry) = judge.text("election") else {
        judge.refuse(
            "election",
            "must be given",
            "name what is led, by the key election, QUORATE_ELECTION or --election",
        );
        return None;
    };
    fit(judge, "election", check_election(&entry.value))?;
    Some(entry.value.clone())
}

pub(super) fn key_prefix(judge: &mut Judge<'_>) -> Option<String> {
    let Some(entry) = judge.written("keyPrefix") else { return Some(DEFAULT_KEY_PREFIX.to_owned()) };
    fit(judge, "keyPrefix", check_key_prefix(&entry.value))?;
    Some(entry.value.clone())
}

/// The text, if one is given and fit to be shown.
pub(super) fn name_for_people(judge: &mut Judge<'_>, key: &str) -> Result<Option<String>, Noted> {
    let Some(entry) = judge.text(key) else { return Ok(None) };
    fit(judge, key, check_text_for_people(&entry.value)).ok_or(Noted)?;
    Ok(Some(entry.value.clone()))
}

fn fit(judge: &mut Judge<'_>, key: &str, checked: Result<(), Unfit>) -> Option<()> {
    checked.map_err(|Unfit { rule, remedy }| judge.refuse(key, rule, remedy)).ok()
}

pub(super) fn http(judge: &mut Judge<'_>) -> Option<Http> {
    let listen = listen(judge);
    let resign_token_file = match judge.text("http.resignTokenFile") {
        None => Some(None),
        Some(entry) => {
            let file = checked_file("http.resignTokenFile", entry, files::read_password);
            judge.note(file).map(Some)
        }
    };
    Some(Http { listen: listen?, resign_token_file: resign_token_file? })
}

fn listen(judge: &mut Judge<'_>) -> Option<SocketAddr> {
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

/// What is given, if anything is.
pub(super) fn hard_fence(judge: &mut Judge<'_>) -> Result<Option<HardFence>, Noted> {
    if judge.text("hardFence").is_none() {
        return Ok(None);
    }
    let choices = [HardFence::None, HardFence::Exit, HardFence::Kill].map(|kind| (kind.name(), kind));
    judge.choice("hardFence", HardFence::None, &choices).map(Some).ok_or(Noted)
}

/// The path, if one is given. Whether it can be written shows when it is.
pub(super) fn status_file(judge: &mut Judge<'_>) -> Result<Option<PathBuf>, Noted> {
    let Some(entry) = judge.text("statusFile") else { return Ok(None) };
    let path = PathBuf::from(&entry.value);
    if path.file_name().is_some() && !entry.value.ends_with('/') {
        return Ok(Some(path));
    }
    judge.refuse("statusFile", "must be the path of a file", "give one such as /run/quorate/status.json");
    Err(Noted)
}
