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
                    .map(Secret::new)
                    .map_err(|_| unreadable(format!("the variable {name} is absent or no text")))?,
            ),
            Some(PasswordSource::File(file)) => Some(secret_in(file).await?),
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

async fn secret_in(file: &Path) -> Result<Secret, Trouble> {
    let path = file.to_owned();
    match tokio::task::spawn_blocking(move || files::read_password(&path)).await {
        Ok(Ok(password)) => Ok(Secret::new(password)),
        Ok(Err(error)) => Err(unreadable(format!("{} {error}", file.display()))),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

fn unreadable(what: String) -> Trouble {
    Trouble::with(TroubleKind::Credentials, what)
}
