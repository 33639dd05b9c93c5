//! The voters of a program's elections, and the connections to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::Error;
use crate::core::MOST_VOTERS;
use crate::files::{self, FileError};
use crate::voter::{
    Address, Credentials, Endpoint, PasswordSource, Secret, TlsIdentity, TlsSettings, Voter, VoterSettings,
    check_voter,
};

/// The independent Redis servers that grant leases, and one connection to each.
///
/// A clone is the same connections: any number of elections may share them. Nothing is connected before the first
/// election asks, and a server that is away at the start is no error.
#[derive(Clone)]
pub struct Voters {
    all: Arc<[Voter]>,
}

impl Voters {
    /// Voters by name and URL: `redis://host:port`, `rediss://host:port` or `unix:///path`, each with
    /// `user:password@` and a database where needed, percent-encoded.
    ///
    /// Three, five, seven or nine. The names are written into the voters' records and must be the same at all
    /// candidates; a voter keeps its name for good.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`], in one sentence.
    pub fn new<N: Into<String>, U: Into<String>>(
        voters: impl IntoIterator<Item = (N, U)>,
    ) -> Result<Self, Error> {
        voters.into_iter().fold(Self::builder(), |builder, (name, url)| builder.voter(name, url)).build()
    }

    /// Voters that need more to be said: credentials, certificates, or that one is enough.
    pub fn builder() -> VotersBuilder {
        VotersBuilder::default()
    }

    /// Their names, in the order in which they were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(Voter::name)
    }

    pub(super) fn all(&self) -> &[Voter] {
        &self.all
    }
}

impl fmt::Debug for Voters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.all.iter().map(|voter| (voter.name(), voter.address().to_string())))
            .finish()
    }
}

/// Puts [`Voters`] together. Credentials and certificates are those of all voters, except that a URL may bring a
/// user and a password of its own.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct VotersBuilder {
    voters: Vec<(String, Url)>,
    credentials: Credentials,
    tls: TlsSettings,
    is_single_allowed: bool,
}

/// A text that may hold a password.
#[derive(Clone)]
struct Url(String);

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL")
    }
}

impl VotersBuilder {
    /// One more voter; see [`Voters::new`].
    pub fn voter(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.voters.push((name.into(), Url(url.into())));
        self
    }

    /// The ACL user; the server's default user where none is given.
    pub fn username(mut self, name: impl Into<String>) -> Self {
        self.credentials.username = Some(name.into());
        self
    }

    /// The password itself. [`Self::password_file`] can be changed while the program runs.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.credentials.password = Some(PasswordSource::Literal(Secret::new(password)));
        self
    }

    /// A file with the password, read again at every connection.
    pub fn password_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.credentials.password = Some(PasswordSource::File(file.into()));
        self
    }

    /// A file with the password to try where the first one is refused, while passwords are being rotated.
    pub fn previous_password_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.credentials.previous_password_file = Some(file.into());
        self
    }

    /// The only authorities to trust for `rediss://`, PEM; those of the operating system where none are given.
    pub fn ca_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.tls.ca_file = Some(file.into());
        self
    }

    /// Our own certificate chain and its key, PEM, for servers that ask for one.
    pub fn client_certificate(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls.identity = Some(TlsIdentity { cert_file: chain.into(), key_file: key.into() });
        self
    }

    /// The name that the servers' certificates must bear, if not the host of the URL.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.tls.server_name = Some(name.into());
        self
    }

    /// Accepts one voter. It tolerates no fault: whenever that server is away nobody leads, and whenever it restarts,
    /// fails over or is flushed nobody leads for about one ttl.
    pub fn allow_single_voter(mut self) -> Self {
        self.is_single_allowed = true;
        self
    }

    /// Judges all of it; files are read once, so that a missing one is told now.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] about the first thing that is wrong.
    pub fn build(self) -> Result<Voters, Error> {
        self.check_count()?;
        self.check_files()?;
        let mut names = BTreeSet::new();
        let mut servers: BTreeMap<String, &str> = BTreeMap::new();
        let mut all = Vec::with_capacity(self.voters.len());
        for (name, url) in &self.voters {
            let settings = self.settings(name, url)?;
            if !names.insert(name) {
                let error = Error::setting("voter", "must have a name of its own", "rename one of the two");
                return Err(error.with_value(name));
            }
            let server = settings.endpoint.address.server();
            if let Some(first) = servers.get(&server) {
                let rule = format!("must be a server of its own, and {first} is {server} already");
                let remedy = "give each voter its own server: another database or scheme does not make one";
                return Err(Error::setting("voter", rule, remedy).with_value(name));
            }
            servers.insert(server, name);
            all.push(Voter::new(settings));
        }
        Ok(Voters { all: all.into() })
    }

    fn check_count(&self) -> Result<(), Error> {
        let remedy = match self.voters.len() {
            1 if self.is_single_allowed => return Ok(()),
            1 => "add two, or call allow_single_voter",
            3..=MOST_VOTERS if self.voters.len() % 2 == 1 => return Ok(()),
            _ => {
                "an even number tolerates no more failures than the odd one below it, and more than 9 are slow"
            }
        };
        let rule = format!("must be 3, 5, 7 or 9, and {} given", plural(self.voters.len()));
        Err(Error::setting("voters", rule, remedy))
    }

    fn check_files(&self) -> Result<(), Error> {
        let unreadable = |setting: &str, file: &PathBuf, error: FileError| {
            Error::setting(setting, error.to_string(), "give a file that this process may read")
                .with_value(&file.display().to_string())
        };
        if let Some(PasswordSource::File(file)) = &self.credentials.password {
            files::read_password(file).map_err(|error| unreadable("password_file", file, error))?;
        }
        if let Some(file) = &self.tls.ca_file {
            files::read_certificates(file).map_err(|error| unreadable("ca_file", file, error))?;
        }
        if let Some(TlsIdentity { cert_file, key_file }) = &self.tls.identity {
            let setting = "client_certificate";
            files::read_certificates(cert_file).map_err(|error| unreadable(setting, cert_file, error))?;
            files::read_private_key(key_file).map_err(|error| unreadable(setting, key_file, error))?;
        }
        Ok(())
    }

    fn settings(&self, name: &str, url: &Url) -> Result<VoterSettings, Error> {
        check_voter(name).map_err(|unfit| Error::unfit("voter", name, unfit))?;
        let (mut endpoint, from_url) = Endpoint::parse(&url.0).map_err(|error| Error::url(name, error))?;
        if let Address::Tls { tls, .. } = &mut endpoint.address {
            tls.clone_from(&self.tls);
        }
        let refuse =
            |rule: &str, remedy: &str| Err(Error::setting(format!("the URL of voter {name}"), rule, remedy));
        let Credentials { username, password, previous_password_file: _ } = from_url;
        if username.is_some() && self.credentials.username.is_some() {
            return refuse("has a username, and one is given for all voters", "remove one of the two");
        }
        if password.is_some() && self.credentials.password.is_some() {
            return refuse("has a password, and one is given for all voters", "remove one of the two");
        }
        let credentials = Credentials {
            username: username.or_else(|| self.credentials.username.clone()),
            password: password.or_else(|| self.credentials.password.clone()),
            previous_password_file: self.credentials.previous_password_file.clone(),
        };
        if credentials.username.is_some() && credentials.password.is_none() {
            return Err(Error::setting("username", "needs a password", "call password_file or password"));
        }
        Ok(VoterSettings { name: name.to_owned(), endpoint, credentials })
    }
}

fn plural(count: usize) -> String {
    match count {
        0 => "none is".to_owned(),
        1 => "1 is".to_owned(),
        count => format!("{count} are"),
    }
}
