//! Who we are at a voter, and how its certificate and ours are proven: `auth` and `tls`, common or of one voter.
//!
//! A voter's own keys override the common ones one by one, but what belongs together goes together: a password of
//! its own replaces the common password *and* the common previous one, which would otherwise be sent to a server
//! that it was not meant for; a certificate of its own replaces the common pair.

use std::path::PathBuf;

use super::environment::Environment;
use super::files;
use super::judge::checked_file;
use super::problem::{Noted, Problem, Problems};
use super::secret::Secret;
use super::values::{Entries, Entry};

/// How a password is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// From the voter's URL.
    Url(Secret),
    /// From a variable of the environment, read at load.
    Environment {
        /// Its name.
        name: String,
        /// What it held.
        secret: Secret,
    },
    /// From a file, which is read again when it changes. It could be read at load.
    File(PathBuf),
}

/// Who we are at a voter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    /// The user of Redis' access control lists; none is the user `default`.
    pub username: Option<String>,
    /// None: the voter asks for none.
    pub password: Option<Password>,
    /// The file of the password before the last rotation, tried after the present one.
    pub previous_password_file: Option<PathBuf>,
}

/// How the two ends of a TLS connection are proven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The authorities that may have signed the voter's certificate; none: the public ones.
    pub ca_file: Option<PathBuf>,
    /// Our certificate and its key, in PEM, where the voter asks for one.
    pub identity: Option<TlsIdentity>,
    /// The name that the voter's certificate must have; none: the host of the URL.
    pub server_name: Option<String>,
}

/// A certificate and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsIdentity {
    /// The chain, ours first.
    pub cert_file: PathBuf,
    /// The key.
    pub key_file: PathBuf,
}

impl Auth {
    /// This, with what it leaves open taken from the common one.
    pub(super) fn or(mut self, common: &Self) -> Self {
        if self.password.is_none() {
            self.password.clone_from(&common.password);
            self.previous_password_file.clone_from(&common.previous_password_file);
        }
        self.username = self.username.or_else(|| common.username.clone());
        self
    }
}

impl Tls {
    /// This, with what it leaves open taken from the common one.
    pub(super) fn or(self, common: &Self) -> Self {
        Self {
            ca_file: self.ca_file.or_else(|| common.ca_file.clone()),
            identity: self.identity.or_else(|| common.identity.clone()),
            server_name: self.server_name.or_else(|| common.server_name.clone()),
        }
    }
}

/// One place in which `auth` and `tls` may stand.
pub(super) struct Place<'a> {
    /// What stands before the key in messages: nothing, or `voters[0].`.
    pub(super) label: &'a str,
    pub(super) entries: &'a Entries,
    pub(super) environment: &'a Environment,
}

impl Place<'_> {
    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| !entry.value.is_empty())
    }

    fn name(&self, key: &str) -> String {
        format!("{}{key}", self.label)
    }

    /// Whether any key of a mapping is given here.
    pub(super) fn has(&self, mapping: &str) -> bool {
        self.entries.iter().any(|(key, entry)| key.starts_with(mapping) && !entry.value.is_empty())
    }

    /// The password that is given here, by file or environment; of two sources the later one.
    fn password(&self) -> Result<Option<Password>, Problem> {
        let (file, variable) = (self.entry("auth.passwordFile"), self.entry("auth.passwordEnv"));
        match (file, variable) {
            (None, None) => Ok(None),
            (Some(file), Some(variable)) if file.origin.is_stronger_than(&variable.origin) => {
                self.password_in_file(file)
            }
            (Some(file), Some(variable)) if variable.origin.is_stronger_than(&file.origin) => {
                self.password_in_variable(variable)
            }
            (Some(file), Some(_)) => {
                let rule = "must not stand beside auth.passwordEnv";
                Err(Problem::new(self.name("auth.passwordFile"), rule, "keep one of the two")
                    .at(&file.origin))
            }
            (Some(file), None) => self.password_in_file(file),
            (None, Some(variable)) => self.password_in_variable(variable),
        }
    }

    fn password_in_file(&self, entry: &Entry) -> Result<Option<Password>, Problem> {
        let check = |path: &std::path::Path| files::read_password(path).map(|_| ());
        checked_file(&self.name("auth.passwordFile"), entry, check).map(|path| Some(Password::File(path)))
    }

    fn password_in_variable(&self, entry: &Entry) -> Result<Option<Password>, Problem> {
        let problem =
            |rule, remedy| Problem::new(self.name("auth.passwordEnv"), rule, remedy).at(&entry.origin);
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if !entry.value.chars().all(is_name) {
            // Not repeated: it may be the password itself.
            let rule = "must be the name of an environment variable, of A to Z, 0 to 9 and `_`";
            return Err(problem(rule, "put the password into a variable and give its name here"));
        }
        match self.environment.text(&entry.value) {
            Some(text) => {
                Ok(Some(Password::Environment { name: entry.value.clone(), secret: Secret::new(text) }))
            }
            None => Err(problem("names a variable that is not set", "set it, or use auth.passwordFile")
                .with_value(&entry.value)),
        }
    }

    pub(super) fn auth(&self, problems: &mut Problems) -> Option<Auth> {
        let password = problems.note(self.password());
        let previous = self.checked(
            "auth.previousPasswordFile",
            |path| files::read_password(path).map(|_| ()),
            problems,
        );
        let auth = Auth {
            username: self.entry("auth.username").map(|entry| entry.value.clone()),
            password: password?,
            previous_password_file: previous.ok()?,
        };
        if let (Some(_), None) = (&auth.previous_password_file, &auth.password) {
            let rule = "needs a present password beside it";
            problems.push(Problem::new(
                self.name("auth.previousPasswordFile"),
                rule,
                "give auth.passwordFile or auth.passwordEnv too",
            ));
            return None;
        }
        Some(auth)
    }

    pub(super) fn tls(&self, problems: &mut Problems) -> Option<Tls> {
        let ca_file = self.checked("tls.caFile", files::check_certificates, problems);
        let cert_file = self.checked("tls.certFile", files::check_certificates, problems);
        let key_file = self.checked("tls.keyFile", files::check_private_key, problems);
        let identity = match (cert_file.ok()?, key_file.ok()?) {
            (None, None) => None,
            (Some(cert_file), Some(key_file)) => Some(TlsIdentity { cert_file, key_file }),
            (cert_file, _) => {
                let (given, missing) = if cert_file.is_some() {
                    ("tls.certFile", "tls.keyFile")
                } else {
                    ("tls.keyFile", "tls.certFile")
                };
                let rule = format!("needs {missing} beside it");
                problems.push(Problem::new(self.name(given), rule, "give both, or neither"));
                return None;
            }
        };
        let server_name = self.entry("tls.serverName");
        if let Some(entry) = server_name
            && rustls::pki_types::ServerName::try_from(entry.value.as_str()).is_err()
        {
            let problem = Problem::new(
                self.name("tls.serverName"),
                "must be a DNS name or an IP address",
                "give the name that stands in the voters' certificates",
            );
            problems.push(problem.with_value(&entry.value).at(&entry.origin));
            return None;
        }
        Some(Tls {
            ca_file: ca_file.ok()?,
            identity,
            server_name: server_name.map(|entry| entry.value.clone()),
        })
    }

    /// The path, if the key is given and its file passes.
    fn checked(
        &self,
        key: &str,
        check: fn(&std::path::Path) -> Result<(), String>,
        problems: &mut Problems,
    ) -> Result<Option<PathBuf>, Noted> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        problems.note(checked_file(&self.name(key), entry, check)).map(Some).ok_or(Noted)
    }
}
