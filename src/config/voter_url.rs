//! Where a voter is: `redis://host:6379/0`, `rediss://host:6380`, `unix:///run/redis.sock?db=0`.
//!
//! A URL may hold a password, so nothing here repeats what it read; only [`VoterUrl`]'s own `Display`, which has
//! none, is shown.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use url::{Host, Url};

use super::secret::Secret;

/// The port of Redis, where a URL names none.
const DEFAULT_PORT: u16 = 6379;
/// Redis counts its databases in a C int.
const DATABASE_LIMIT: u32 = 2_147_483_647;
/// `sun_path` has 108 bytes with the closing zero.
const SOCKET_PATH_LIMIT_BYTES: usize = 107;

/// The server, without who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// `redis://`
    Tcp {
        /// Name or address; an IPv6 address without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// `rediss://`
    Tls {
        /// Name or address; an IPv6 address without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// `unix://`
    Unix {
        /// Absolute.
        path: PathBuf,
    },
}

impl Server {
    /// What two URLs of one server have in common: host and port, whatever the scheme and the database; the names of
    /// the loopback are one. Names that lead to one address are found at run time, by the server's `run_id`.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Tcp { host, port } | Self::Tls { host, port } => {
                let host = host.to_ascii_lowercase();
                let host = host.strip_suffix('.').unwrap_or(&host);
                let host = match host.parse::<IpAddr>() {
                    Ok(ip) if ip == IpAddr::from(std::net::Ipv6Addr::LOCALHOST) => "127.0.0.1".to_owned(),
                    Ok(ip) => ip.to_canonical().to_string(),
                    Err(_) if host == "localhost" => "127.0.0.1".to_owned(),
                    Err(_) => host.to_owned(),
                };
                format!("{}:{port}", bracketed(&host))
            }
            Self::Unix { path } => {
                std::fs::canonicalize(path).unwrap_or_else(|_| path.clone()).display().to_string()
            }
        }
    }
}

/// A server and one of its databases. `Display` is the URL without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterUrl {
    /// The server.
    pub server: Server,
    /// The number of the database.
    pub database: u32,
}

impl VoterUrl {
    /// The URL with a password masked in it, where there is one.
    pub(crate) fn text(&self, password: Option<&str>) -> String {
        let user = password.map_or_else(String::new, |password| format!(":{password}@"));
        let path = if self.database == 0 { String::new() } else { format!("/{}", self.database) };
        match &self.server {
            Server::Tcp { host, port } => format!("redis://{user}{}:{port}{path}", bracketed(host)),
            Server::Tls { host, port } => format!("rediss://{user}{}:{port}{path}", bracketed(host)),
            Server::Unix { path: socket } => {
                let query = if self.database == 0 { String::new() } else { format!("?db={}", self.database) };
                format!("unix://{}{query}", socket.display())
            }
        }
    }
}

impl fmt::Display for VoterUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(None))
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// All that a URL says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ParsedUrl {
    pub(crate) url: VoterUrl,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
}

/// Rule and remedy, for a sentence about a URL that is not repeated.
type Complaint = (String, String);

fn complaint<T>(rule: &str, remedy: &str) -> Result<T, Complaint> {
    Err((rule.to_owned(), remedy.to_owned()))
}

/// Reads the URL of a voter.
pub(crate) fn parse(text: &str) -> Result<ParsedUrl, Complaint> {
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return complaint("must not contain blanks or control characters", "percent-encode them, as %20");
    }
    let Ok(url) = Url::parse(text) else {
        return complaint(
            "is not a URL",
            "write redis://host:port, rediss://host:port or unix:///path, and percent-encode `/`, `?`, `#`, `@`, `:` and `,` in a password",
        );
    };
    if url.fragment().is_some() {
        return complaint("must not have a fragment", "percent-encode a `#` as %23");
    }
    match url.scheme() {
        "redis" | "rediss" => network(&url),
        "unix" => socket(&url),
        _ => complaint(
            "has a scheme that is not one of redis://, rediss:// and unix://",
            "use redis:// for plain TCP, rediss:// for TLS, unix:// for a socket",
        ),
    }
}

fn network(url: &Url) -> Result<ParsedUrl, Complaint> {
    if url.query().is_some() {
        return complaint("must not have a query", "put credentials into auth and certificates into tls");
    }
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => plain_host(name)?,
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Ipv6(ip)) => ip.to_string(),
        Some(Host::Domain(_)) | None => return complaint("names no host", "write redis://host:port"),
    };
    let port = url.port().unwrap_or(DEFAULT_PORT);
    if port == 0 {
        return complaint("has port 0", "give the port of the server, 1 to 65535");
    }
    let database = match url.path().trim_start_matches('/') {
        "" => 0,
        number => database(number)?,
    };
    let server =
        if url.scheme() == "rediss" { Server::Tls { host, port } } else { Server::Tcp { host, port } };
    let username = decoded(url.username())?;
    let password = url.password().map(decoded).transpose()?.flatten().map(Secret::new);
    Ok(ParsedUrl { url: VoterUrl { server, database }, username, password })
}

fn plain_host(name: &str) -> Result<String, Complaint> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.chars().all(is_plain) {
        Ok(name.to_owned())
    } else {
        complaint(
            "names a host with other characters than letters, digits, `.`, `-` and `_`",
            "write redis://host:port",
        )
    }
}

fn socket(url: &Url) -> Result<ParsedUrl, Complaint> {
    let remedy = "write unix:///run/redis.sock, with ?db=N for a database";
    if url.host().is_some() || !url.username().is_empty() || url.password().is_some() {
        return complaint("must have no host and no credentials after unix://", remedy);
    }
    let database = match url.query().map(|query| query.strip_prefix("db=")) {
        None => 0,
        Some(Some(number)) => database(number)?,
        Some(None) => return complaint("has a query that is not db=N", remedy),
    };
    match decoded(url.path())? {
        Some(path) if path.len() <= SOCKET_PATH_LIMIT_BYTES && path.len() > 1 => {
            let server = Server::Unix { path: PathBuf::from(path) };
            Ok(ParsedUrl { url: VoterUrl { server, database }, username: None, password: None })
        }
        _ => complaint(&format!("must have a path of 2 to {SOCKET_PATH_LIMIT_BYTES} bytes"), remedy),
    }
}

fn database(text: &str) -> Result<u32, Complaint> {
    match text.parse::<u32>() {
        Ok(number) if number <= DATABASE_LIMIT && text.bytes().all(|b| b.is_ascii_digit()) => Ok(number),
        _ => complaint(
            &format!("must name the database by a number from 0 to {DATABASE_LIMIT}"),
            "write it after the port as /0, or leave it out",
        ),
    }
}

/// Percent-decoding; nothing for an empty text.
fn decoded(text: &str) -> Result<Option<String>, Complaint> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let value = digit().zip(digit()).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        match value {
            Some(byte) => bytes.push(byte),
            None => {
                return complaint(
                    "has a `%` that two hexadecimal digits do not follow",
                    "write a `%` as %25",
                );
            }
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(_) => complaint("must be UTF-8 when decoded", "percent-encode the bytes of UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
    use super::*;

    fn address(text: &str) -> String {
        parse(text).unwrap().url.server.address()
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
            assert_eq!(address(same[0]), address(same[1]));
        }
        assert_ne!(address("redis://host:6379"), address("redis://host:6380"));
        assert_ne!(address("redis://127.0.0.1"), address("redis://127.0.0.2"));
    }

    #[test]
    fn a_password_is_percent_decoded() {
        let parsed = parse("rediss://us%65r:p%2F%40%25ss@host:1/7").unwrap();
        assert_eq!(parsed.username.as_deref(), Some("user"));
        assert_eq!(parsed.password.unwrap().expose(), "p/@%ss");
        assert_eq!(parsed.url.to_string(), "rediss://host:1/7");
        assert_eq!(parsed.url.text(Some("***")), "rediss://:***@host:1/7");
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for text in
            ["redis://host:6379", "rediss://[::1]:1/4", "unix:///run/r.sock", "unix:///run/r.sock?db=3"]
        {
            assert_eq!(parse(text).unwrap().url.to_string(), text);
        }
    }
}
