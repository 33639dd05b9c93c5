//! Where a voter is and how to be let in: parsed, so that nothing in it can be wrong, and masked when shown.
//!
//! Files are named here, not read: passwords and certificates are read again at every connection.

use std::path::{Path, PathBuf};

use super::secret::Secret;
use super::trouble::{Trouble, TroubleKind};
use crate::files;

/// One configured server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterSettings {
    /// The voter's name in the configuration.
    pub name: String,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Who we are there.
    pub credentials: Credentials,
}

/// Where a voter listens, and which of its databases is used. Displays as a URL without user and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// The database number; the user needs `+select` for another than 0.
    pub database: u32,
}

/// The address of a server. Displays as a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `redis://`
    Tcp {
        /// A name or an address; an IPv6 address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// `rediss://`
    Tls {
        /// A name or an address; an IPv6 address without brackets.
        host: String,
        /// The port.
        port: u16,
        /// How the two ends are proven.
        tls: TlsSettings,
    },
    /// `unix://`
    Unix {
        /// The socket; absolute.
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

/// What to log in with.
pub(super) struct Passwords {
    pub(super) current: Option<Secret>,
    /// To be tried where the current one is refused.
    pub(super) previous: Option<Secret>,
    /// Why the current one is the last that could be read.
    pub(super) unreadable: Option<Trouble>,
}

impl Credentials {
    /// The passwords to try, read now: none is one try without a password. Where a file cannot be read any more, the
    /// `last` that could be is as good as ever.
    ///
    /// # Errors
    ///
    /// [`TroubleKind::Credentials`] where the configured password never could be read; a previous one may be missing.
    pub(super) async fn passwords(&self, last: Option<Secret>) -> Result<Passwords, Trouble> {
        let mut unreadable = None;
        let Self { username: _, password, previous_password_file } = self;
        let current = match password {
            None => None,
            Some(PasswordSource::Literal(secret)) => Some(secret.clone()),
            Some(PasswordSource::Env(name)) => Some(
                std::env::var(name)
                    .map(Secret::new)
                    .map_err(|_| no_password(format!("the variable {name} is absent or no text")))?,
            ),
            Some(PasswordSource::File(file)) => match (secret_in(file).await, last) {
                (Ok(secret), _) => Some(secret),
                (Err(trouble), None) => return Err(trouble),
                (Err(trouble), Some(last)) => {
                    unreadable = Some(trouble);
                    Some(last)
                }
            },
        };
        let previous = match previous_password_file {
            Some(file) => secret_in(file).await.ok(),
            None => None,
        };
        let previous = previous.filter(|previous| Some(previous) != current.as_ref());
        Ok(Passwords { current, previous, unreadable })
    }
}

async fn secret_in(file: &Path) -> Result<Secret, Trouble> {
    let path = file.to_owned();
    match tokio::task::spawn_blocking(move || files::read_password(&path)).await {
        Ok(Ok(password)) => Ok(Secret::new(password)),
        Ok(Err(error)) => Err(no_password(format!("{} {error}", file.display()))),
        Err(error) => Err(no_password(error.to_string())),
    }
}

fn no_password(what: String) -> Trouble {
    Trouble::with(TroubleKind::Credentials, what)
}
