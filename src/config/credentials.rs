//! Who we are at a voter, and how its certificate and ours are proven: `auth` and `tls`, common or of one voter.
//!
//! A voter's own keys override the common ones one by one, but what belongs together goes together: a password of
//! its own replaces the common password *and* the common previous one, which would otherwise be sent to a server
//! that it was not meant for; a certificate of its own replaces the common pair.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::judge::checked_file;
use super::problem::{Noted, Problem, Problems};
use super::values::{Entries, Entry};
use crate::files::{self, FileError};
use crate::voter::{Credentials, PasswordSource, TlsIdentity, TlsSettings};

/// The own credentials, with what they leave open taken from the common ones.
pub(super) fn credentials_or(own: Credentials, common: &Credentials) -> Credentials {
    let (password, previous_password_file) = match own.password {
        Some(password) => (Some(password), own.previous_password_file),
        None => (common.password.clone(), common.previous_password_file.clone()),
    };
    let username = own.username.or_else(|| common.username.clone());
    Credentials { username, password, previous_password_file }
}

/// The own settings, with what they leave open taken from the common ones.
pub(super) fn tls_or(own: TlsSettings, common: &TlsSettings) -> TlsSettings {
    TlsSettings {
        ca_file: own.ca_file.or_else(|| common.ca_file.clone()),
        identity: own.identity.or_else(|| common.identity.clone()),
        server_name: own.server_name.or_else(|| common.server_name.clone()),
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
    fn password(&self) -> Result<Option<PasswordSource>, Problem> {
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

    fn password_in_file(&self, entry: &Entry) -> Result<Option<PasswordSource>, Problem> {
        let checked = checked_file(&self.name("auth.passwordFile"), entry, files::read_password);
        checked.map(|path| Some(PasswordSource::File(path)))
    }

    fn password_in_variable(&self, entry: &Entry) -> Result<Option<PasswordSource>, Problem> {
        let problem =
            |rule, remedy| Problem::new(self.name("auth.passwordEnv"), rule, remedy).at(&entry.origin);
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if !entry.value.chars().all(is_name) {
            // Not repeated: it may be the password itself.
            let rule = "must be the name of an environment variable, of A to Z, 0 to 9 and `_`";
            return Err(problem(rule, "put the password into a variable and give its name here"));
        }
        match self.environment.text(&entry.value) {
            Some(_) => Ok(Some(PasswordSource::Env(entry.value.clone()))),
            None => Err(problem("names a variable that is not set", "set it, or use auth.passwordFile")
                .with_value(&entry.value)),
        }
    }

    pub(super) fn auth(&self, problems: &mut Problems) -> Option<Credentials> {
        let password = problems.note(self.password());
        let previous = self.checked("auth.previousPasswordFile", files::read_password, problems);
        let auth = Credentials {
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

    pub(super) fn tls(&self, problems: &mut Problems) -> Option<TlsSettings> {
        let ca_file = self.checked("tls.caFile", files::read_certificates, problems);
        let cert_file = self.checked("tls.certFile", files::read_certificates, problems);
        let key_file = self.checked("tls.keyFile", files::read_private_key, problems);
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
        Some(TlsSettings {
            ca_file: ca_file.ok()?,
            identity,
            server_name: server_name.map(|entry| entry.value.clone()),
        })
    }

    /// The path, if the key is given and its file passes.
    fn checked<T>(
        &self,
        key: &str,
        read: fn(&Path) -> Result<T, FileError>,
        problems: &mut Problems,
    ) -> Result<Option<PathBuf>, Noted> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        problems.note(checked_file(&self.name(key), entry, read)).map(Some).ok_or(Noted)
    }
}
