//! What elections, key prefixes and voters may be called, and which addresses are one server: the same for the
//! configuration and for the library.

use std::net::{IpAddr, Ipv6Addr};

use super::settings::Address;

/// The length of a DNS label.
const ELECTION_LIMIT: usize = 63;
const KEY_PREFIX_LIMIT: usize = 64;
/// A voter's name is a label of metrics and stands in every record.
const VOTER_LIMIT: usize = 63;
/// The length of a DNS name; names for people need no more.
const PEOPLE_LIMIT: usize = 253;

/// A text that is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {remedy}")]
pub struct Unfit {
    /// What it must be; continues a sentence that begins with the setting.
    pub rule: String,
    /// What to do.
    pub remedy: &'static str,
}

fn fit(is_fit: bool, rule: impl FnOnce() -> String, remedy: &'static str) -> Result<(), Unfit> {
    if is_fit { Ok(()) } else { Err(Unfit { rule: rule(), remedy }) }
}

/// The name of an election.
///
/// # Errors
///
/// Where it is not a DNS-1123 label.
pub fn check_election(name: &str) -> Result<(), Unfit> {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label = (1..=ELECTION_LIMIT).contains(&name.len())
        && name.chars().all(is_allowed)
        && !name.starts_with('-')
        && !name.ends_with('-');
    let rule = || {
        format!(
            "must be a DNS-1123 label, 1 to {ELECTION_LIMIT} small letters, digits and `-` that begins and ends with a letter or digit"
        )
    };
    fit(is_label, rule, "choose a name such as orders-writer")
}

/// What every key on the voters begins with. Braces would move the hash tag of the keys, blanks and glob characters
/// would break rights on the voters.
///
/// # Errors
///
/// Where it has other characters, none, or too many.
pub fn check_key_prefix(prefix: &str) -> Result<(), Unfit> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/');
    let is_fit = (1..=KEY_PREFIX_LIMIT).contains(&prefix.len()) && prefix.chars().all(is_allowed);
    let rule = || format!("must be 1 to {KEY_PREFIX_LIMIT} letters, digits, `.`, `_`, `-`, `:` or `/`");
    fit(is_fit, rule, "choose a name such as quorate, without braces and blanks")
}

/// The name of a voter.
///
/// # Errors
///
/// Where it has other characters, none, or too many.
pub fn check_voter(name: &str) -> Result<(), Unfit> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_fit = (1..=VOTER_LIMIT).contains(&name.len()) && name.chars().all(is_allowed);
    let rule = || format!("must be 1 to {VOTER_LIMIT} letters, digits, `.`, `_` or `-`");
    fit(is_fit, rule, "choose a short name such as a, b, c; a voter keeps it for good")
}

/// A text that people are shown.
///
/// # Errors
///
/// Where it is too long or has control characters.
pub fn check_text_for_people(text: &str) -> Result<(), Unfit> {
    let is_fit = text.len() <= PEOPLE_LIMIT && !text.chars().any(char::is_control);
    let rule = || format!("must be at most {PEOPLE_LIMIT} bytes without control characters");
    fit(is_fit, rule, "choose a shorter name on one line")
}

impl Address {
    /// What two URLs of one server have in common: host and port, whatever the scheme and the database; the names of
    /// the loopback are one. Names that lead to one address are found at run time, by the server's `run_id`.
    #[must_use]
    pub fn server(&self) -> String {
        match self {
            Self::Tcp { host, port } | Self::Tls { host, port, tls: _ } => {
                let host = host.to_ascii_lowercase();
                let host = host.strip_suffix('.').unwrap_or(&host);
                let host = match host.parse::<IpAddr>() {
                    Ok(ip) if ip == IpAddr::from(Ipv6Addr::LOCALHOST) => "127.0.0.1".to_owned(),
                    Ok(IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_none() => format!("[{ip}]"),
                    Ok(ip) => ip.to_canonical().to_string(),
                    Err(_) if host == "localhost" => "127.0.0.1".to_owned(),
                    Err(_) => host.to_owned(),
                };
                format!("{host}:{port}")
            }
            Self::Unix { path } => std::fs::canonicalize(path)
                .unwrap_or_else(|_| path.components().collect())
                .display()
                .to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
    use super::super::settings::Endpoint;

    fn server(text: &str) -> String {
        Endpoint::parse(text).unwrap().0.address.server()
    }

    #[test]
    fn one_server_has_one_address_however_it_is_written() {
        for same in [
            ["redis://host", "redis://HOST.:6379/3"],
            ["redis://host:6380", "rediss://host:6380"],
            ["redis://localhost", "redis://127.0.0.1"],
            ["redis://localhost", "redis://[::1]:6379"],
            ["redis://[::ffff:10.0.0.1]", "redis://10.0.0.1"],
            ["redis://[2001:db8::1]", "redis://[2001:0db8:0::1]"],
            ["unix:///nowhere/a.sock", "unix:///nowhere/a.sock?db=2"],
        ] {
            assert_eq!(server(same[0]), server(same[1]));
        }
        assert_ne!(server("redis://host:6379"), server("redis://host:6380"));
        assert_ne!(server("redis://127.0.0.1"), server("redis://127.0.0.2"));
    }
}
