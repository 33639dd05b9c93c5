//! Where a voter is: `redis://host:6379/0`, `rediss://host:6380`, `unix:///run/redis.sock?db=0`.
//!
//! A URL may hold a password, so no complaint repeats what it read; only what `Display` makes of an [`Endpoint`] or an
//! [`Address`], which has none, is shown.

use std::fmt;
use std::path::PathBuf;

use url::{Host, Url};

use super::secret::Secret;
use super::settings::{Address, Credentials, Endpoint, PasswordSource, TlsSettings};

/// The port of Redis, where a URL names none.
const DEFAULT_PORT: u16 = 6379;
/// Redis counts its databases in a C int.
const DATABASE_LIMIT: u32 = 2_147_483_647;
/// `sun_path` has 108 bytes with the closing zero.
const SOCKET_PATH_LIMIT_BYTES: usize = 107;

/// A voter's URL is not one. The URL, which may hold a password, is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {remedy}")]
pub struct UrlError {
    /// What it breaks; continues a sentence that begins with the URL.
    pub rule: String,
    /// What to do.
    pub remedy: String,
}

fn complaint<T>(rule: &str, remedy: &str) -> Result<T, UrlError> {
    Err(UrlError { rule: rule.to_owned(), remedy: remedy.to_owned() })
}

impl Endpoint {
    /// Reads `redis://[user[:password]@]host[:port][/DB]`, likewise `rediss://`, or `unix:///path[?db=DB]`; user,
    /// password and path percent-encoded. TLS is as by default.
    ///
    /// # Errors
    ///
    /// Where it is none of these.
    pub fn parse(text: &str) -> Result<(Self, Credentials), UrlError> {
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

    /// As a URL, with what stands for a password where there is one.
    pub(crate) fn url(&self, password: Option<&str>) -> String {
        let Self { address, database } = self;
        let user = password.map_or_else(String::new, |password| format!(":{password}@"));
        match (address, database) {
            (Address::Unix { .. }, 0) => address.to_string(),
            (Address::Unix { .. }, number) => format!("{address}?db={number}"),
            (_, 0) => address.text(&user),
            (_, number) => format!("{}/{number}", address.text(&user)),
        }
    }
}

impl Address {
    fn text(&self, user: &str) -> String {
        let bracketed = |host: &str| if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        match self {
            Self::Tcp { host, port } => format!("redis://{user}{}:{port}", bracketed(host)),
            Self::Tls { host, port, tls: _ } => format!("rediss://{user}{}:{port}", bracketed(host)),
            Self::Unix { path } => format!("unix://{}", path.display()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(""))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url(None))
    }
}

fn network(url: &Url) -> Result<(Endpoint, Credentials), UrlError> {
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
    let address = if url.scheme() == "rediss" {
        Address::Tls { host, port, tls: TlsSettings::default() }
    } else {
        Address::Tcp { host, port }
    };
    let username = decoded(url.username())?;
    let password = url.password().map(decoded).transpose()?.flatten();
    let password = password.map(|text| PasswordSource::Literal(Secret::new(text)));
    Ok((Endpoint { address, database }, Credentials { username, password, previous_password_file: None }))
}

fn plain_host(name: &str) -> Result<String, UrlError> {
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

fn socket(url: &Url) -> Result<(Endpoint, Credentials), UrlError> {
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
            let address = Address::Unix { path: PathBuf::from(path) };
            Ok((Endpoint { address, database }, Credentials::default()))
        }
        _ => complaint(&format!("must have a path of 2 to {SOCKET_PATH_LIMIT_BYTES} bytes"), remedy),
    }
}

fn database(text: &str) -> Result<u32, UrlError> {
    match text.parse::<u32>() {
        Ok(number) if number <= DATABASE_LIMIT && text.bytes().all(|b| b.is_ascii_digit()) => Ok(number),
        _ => complaint(
            &format!("must name the database by a number from 0 to {DATABASE_LIMIT}"),
            "write it after the port as /0, or leave it out",
        ),
    }
}

/// Percent-decoding; nothing for an empty text.
fn decoded(text: &str) -> Result<Option<String>, UrlError> {
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

    #[test]
    fn urls_of_all_three_schemes_are_read() {
        let (endpoint, credentials) = Endpoint::parse("redis://redis-a").unwrap();
        assert_eq!(endpoint.address, Address::Tcp { host: "redis-a".to_owned(), port: 6379 });
        assert_eq!((endpoint.database, credentials), (0, Credentials::default()));

        let (endpoint, credentials) = Endpoint::parse("rediss://us%65r:p%2F%40%25ss@[::1]:6380/3").unwrap();
        let tls = TlsSettings::default();
        assert_eq!(endpoint.address, Address::Tls { host: "::1".to_owned(), port: 6380, tls });
        assert_eq!(endpoint.address.to_string(), "rediss://[::1]:6380");
        assert_eq!(endpoint.database, 3);
        assert_eq!(credentials.username.as_deref(), Some("user"));
        assert_eq!(credentials.password, Some(PasswordSource::Literal(Secret::new("p/@%ss"))));
        assert!(!format!("{credentials:?}").contains("%ss"));

        let (endpoint, _) = Endpoint::parse("unix:///run/redis%20a.sock?db=2").unwrap();
        assert_eq!(endpoint.address, Address::Unix { path: PathBuf::from("/run/redis a.sock") });
        assert_eq!(endpoint.database, 2);

        let (_, credentials) = Endpoint::parse("redis://:secret@host").unwrap();
        assert_eq!(credentials.username, None);
    }

    #[test]
    fn what_is_no_voters_url_is_refused_with_what_to_write_instead() {
        for (text, told) in [
            ("http://host", "use redis:// for plain TCP"),
            ("host:6379", "use redis:// for plain TCP"),
            ("", "redis://host:port"),
            ("redis://", "names no host"),
            ("redis:///3", "names no host"),
            ("redis://host:99999", "host:port"),
            ("redis://host/three", "number from 0"),
            ("redis://host/-1", "number from 0"),
            ("redis://host?timeout=3", "must not have a query"),
            ("redis://host#x", "must not have a fragment"),
            ("unix://relative/path", "unix:///run/redis.sock"),
            ("unix:///", "must have a path"),
            ("redis://a%zz@host", "write a `%` as %25"),
        ] {
            let sentence = Endpoint::parse(text).unwrap_err().to_string();
            assert!(sentence.contains(told), "{text}: {sentence}");
        }
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for text in
            ["redis://host:6379", "rediss://[::1]:1/4", "unix:///run/r.sock", "unix:///run/r.sock?db=3"]
        {
            assert_eq!(Endpoint::parse(text).unwrap().0.to_string(), text);
        }
        let (endpoint, _) = Endpoint::parse("rediss://u:p@host:1/7").unwrap();
        assert_eq!(endpoint.url(Some("***")), "rediss://:***@host:1/7");
    }
}
