//! Where a voter is and how to be let in: parsed, so that nothing in it can be wrong, and masked when shown.
//!
//! Files are named here, not read: passwords and certificates are read again at every connection.

use std::fmt;
use std::path::{Path, PathBuf};

use url::{Host, Url};

use super::trouble::{Trouble, TroubleKind};

/// Redis' own port, for URLs that name none.
const DEFAULT_PORT: u16 = 6379;

/// One configured server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterSettings {
    /// The voter's name in the configuration.
    pub name: String,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Who we are there.
    pub credentials: Credentials,
    /// How we know that it is the right server; used where the endpoint asks for TLS.
    pub tls: TlsSettings,
}

/// Where a voter listens, and which of its databases is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// The database number; the user needs `+select` for another than 0.
    pub database: u32,
}

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `redis://`
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// `rediss://`
    Tls {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// `unix://`
    Unix {
        /// The socket.
        path: PathBuf,
    },
}

/// User and password; all absent: the server's default user without a password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The ACL user; `None`: `default`.
    pub username: Option<String>,
    /// Where the password is.
    pub password: Option<PasswordSource>,
    /// The password tried when the first one is refused, while passwords are being rotated. The file may be absent.
    pub previous_password_file: Option<PathBuf>,
}

/// Where a password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// In the URL.
    Literal(Secret),
    /// In a variable of the environment.
    Env(String),
    /// In a file, whose last line end is ignored.
    File(PathBuf),
}

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text to itself.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Credentials {
    /// The passwords to try, in order, read now: none is one try without a password.
    ///
    /// # Errors
    ///
    /// [`TroubleKind::Credentials`] where the configured password cannot be read; a previous one may be missing.
    pub(super) async fn passwords(&self) -> Result<Vec<Secret>, Trouble> {
        let Self { username: _, password, previous_password_file } = self;
        let current = match password {
            None => None,
            Some(PasswordSource::Literal(secret)) => Some(secret.clone()),
            Some(PasswordSource::Env(name)) => Some(
                std::env::var(name)
                    .map(Secret)
                    .map_err(|_| unreadable(format!("the variable {name} is absent or no text")))?,
            ),
            Some(PasswordSource::File(file)) => Some(
                secret_in(file).await.map_err(|error| unreadable(format!("{}: {error}", file.display())))?,
            ),
        };
        let previous = match previous_password_file {
            Some(file) => secret_in(file).await.ok(),
            None => None,
        };
        let mut passwords: Vec<_> = current.into_iter().chain(previous).collect();
        passwords.dedup();
        Ok(passwords)
    }
}

async fn secret_in(file: &Path) -> std::io::Result<Secret> {
    let text = tokio::fs::read_to_string(file).await?;
    Ok(Secret(text.trim_end_matches(['\n', '\r']).to_owned()))
}

fn unreadable(what: String) -> Trouble {
    Trouble::with(TroubleKind::Credentials, what)
}

/// How the server is known, and how it knows us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// The only authorities trusted; `None`: those of the operating system.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate, for servers that ask for one.
    pub identity: Option<TlsIdentity>,
    /// The name that the server's certificate must bear, if not the URL's host.
    pub server_name: Option<String>,
}

/// Our own certificate chain and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsIdentity {
    /// The chain, own certificate first.
    pub cert_file: PathBuf,
    /// The key.
    pub key_file: PathBuf,
}

/// A voter's URL is not one; no message repeats the URL, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL at all.
    #[error("is not a URL ({0}); write redis://host:6379, rediss://host:6380 or unix:///path/to/socket")]
    Syntax(url::ParseError),
    /// Another scheme.
    #[error(
        "has the scheme {0:?}; use redis:// (TCP), rediss:// (TCP with TLS) or unix:// (a socket's path)"
    )]
    Scheme(String),
    /// No host.
    #[error("names no host; write redis://host:6379")]
    NoHost,
    /// A socket without an absolute path.
    #[error("names no absolute path; write unix:///path/to/socket, with three slashes")]
    NoPath,
    /// The path is not a database number.
    #[error("has the database {0:?}; it is a number from 0, as in redis://host:6379/0 or unix:///path?db=0")]
    Database(String),
    /// User or password are not percent-encoded UTF-8.
    #[error("has a user or password with broken percent-encoding; write % as %25 and @ as %40")]
    Encoding,
    /// Something that we do not know.
    #[error("has {0:?}, which Quorate does not know; remove it (settings belong into the configuration)")]
    Surplus(String),
}

impl Endpoint {
    /// Reads `redis://[user[:password]@]host[:port][/DB]`, likewise `rediss://`, or
    /// `unix:///path[?db=DB]`; user, password and path percent-encoded.
    ///
    /// # Errors
    ///
    /// Where it is none of these; see [`UrlError`].
    pub fn parse(text: &str) -> Result<(Self, Credentials), UrlError> {
        let url = Url::parse(text).map_err(UrlError::Syntax)?;
        if let Some(fragment) = url.fragment() {
            return Err(UrlError::Surplus(format!("#{fragment}")));
        }
        let endpoint = match url.scheme() {
            "redis" | "rediss" => tcp_endpoint(&url)?,
            "unix" => unix_endpoint(&url)?,
            other => return Err(UrlError::Scheme(other.to_owned())),
        };
        Ok((endpoint, credentials_of(&url)?))
    }
}

fn tcp_endpoint(url: &Url) -> Result<Endpoint, UrlError> {
    if let Some(query) = url.query() {
        return Err(UrlError::Surplus(format!("?{query}")));
    }
    let host = match url.host() {
        Some(Host::Domain("")) | None => return Err(UrlError::NoHost),
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(host) => host.to_string(),
    };
    let port = url.port().unwrap_or(DEFAULT_PORT);
    let address =
        if url.scheme() == "rediss" { Address::Tls { host, port } } else { Address::Tcp { host, port } };
    Ok(Endpoint { address, database: database_of(url.path().trim_start_matches('/'))? })
}

fn unix_endpoint(url: &Url) -> Result<Endpoint, UrlError> {
    let path = decoded(url.path())?;
    if url.has_host() && url.host_str().is_some_and(|host| !host.is_empty()) || path.len() < 2 {
        return Err(UrlError::NoPath);
    }
    let database = match url.query() {
        None => 0,
        Some(query) => {
            let number = query.strip_prefix("db=").ok_or_else(|| UrlError::Surplus(format!("?{query}")))?;
            database_of(number)?
        }
    };
    Ok(Endpoint { address: Address::Unix { path: PathBuf::from(path) }, database })
}

fn database_of(digits: &str) -> Result<u32, UrlError> {
    if digits.is_empty() {
        return Ok(0);
    }
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit());
    is_plain.then(|| digits.parse().ok()).flatten().ok_or_else(|| UrlError::Database(digits.to_owned()))
}

fn credentials_of(url: &Url) -> Result<Credentials, UrlError> {
    let username = Some(decoded(url.username())?).filter(|name| !name.is_empty());
    let password = url.password().map(decoded).transpose()?;
    Ok(Credentials {
        username,
        password: password.map(|text| PasswordSource::Literal(Secret::new(text))),
        previous_password_file: None,
    })
}

fn decoded(text: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).ok_or(UrlError::Encoding);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).map_err(|_| UrlError::Encoding)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| UrlError::Encoding)
}

impl fmt::Display for Address {
    /// As a URL without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed = |host: &str| if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        match self {
            Self::Tcp { host, port } => write!(f, "redis://{}:{port}", bracketed(host)),
            Self::Tls { host, port } => write!(f, "rediss://{}:{port}", bracketed(host)),
            Self::Unix { path } => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends where a value is not what it must be")]

    use super::*;

    #[test]
    fn urls_of_all_three_schemes_are_read() {
        let (endpoint, credentials) = Endpoint::parse("redis://redis-a").unwrap();
        assert_eq!(endpoint.address, Address::Tcp { host: "redis-a".to_owned(), port: 6379 });
        assert_eq!((endpoint.database, credentials), (0, Credentials::default()));

        let (endpoint, credentials) = Endpoint::parse("rediss://me:p%40ss%2F@[::1]:6380/3").unwrap();
        assert_eq!(endpoint.address, Address::Tls { host: "::1".to_owned(), port: 6380 });
        assert_eq!(endpoint.address.to_string(), "rediss://[::1]:6380");
        assert_eq!(endpoint.database, 3);
        assert_eq!(credentials.username.as_deref(), Some("me"));
        assert_eq!(credentials.password, Some(PasswordSource::Literal(Secret::new("p@ss/".to_owned()))));

        let (endpoint, _) = Endpoint::parse("unix:///run/redis%20a.sock?db=2").unwrap();
        assert_eq!(endpoint.address, Address::Unix { path: PathBuf::from("/run/redis a.sock") });
        assert_eq!(endpoint.database, 2);

        let (_, credentials) = Endpoint::parse("redis://:secret@host").unwrap();
        assert_eq!(credentials.username, None);
        assert!(!format!("{credentials:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_voters_url_is_refused_with_what_to_write_instead() {
        for (text, told) in [
            ("http://host", "redis:// (TCP)"),
            ("host:6379", "redis:// (TCP)"),
            ("", "redis://host:6379"),
            ("redis://", "names no host"),
            ("redis:///3", "names no host"),
            ("redis://host:99999", "port"),
            ("redis://host/three", "number from 0"),
            ("redis://host/-1", "number from 0"),
            ("redis://host?timeout=3", "does not know"),
            ("redis://host#x", "does not know"),
            ("unix://relative/path", "three slashes"),
            ("unix:///", "absolute path"),
            ("redis://a%zz@host", "percent"),
        ] {
            let sentence = Endpoint::parse(text).unwrap_err().to_string();
            assert!(sentence.contains(told), "{text}: {sentence}");
        }
    }
}
