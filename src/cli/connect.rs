//! The voters of a configuration, as the voter layer wants them.

use crate::config::{Auth, Config, Password, Server, Tls, VoterConfig};
use crate::voter::{
    Address, Credentials, Endpoint, PasswordSource, Scope, Secret, TlsIdentity, TlsSettings, Voter,
    VoterSettings,
};

/// Each voter with the election's scope there, in the order of the configuration. Connects to none of them.
pub(super) fn voters(config: &Config) -> Vec<(Voter, Scope)> {
    let names = || config.voters.iter().map(|voter| voter.name.as_str());
    let scoped = |voter: &VoterConfig| {
        let scope = Scope::new(&config.key_prefix, &config.election, names(), &voter.name);
        (Voter::new(settings(voter)), scope)
    };
    config.voters.iter().map(scoped).collect()
}

fn settings(voter: &VoterConfig) -> VoterSettings {
    VoterSettings {
        name: voter.name.clone(),
        endpoint: Endpoint { address: address(&voter.url.server), database: voter.url.database },
        credentials: credentials(&voter.auth),
        tls: voter.tls.as_ref().map(tls).unwrap_or_default(),
    }
}

fn address(server: &Server) -> Address {
    match server.clone() {
        Server::Tcp { host, port } => Address::Tcp { host, port },
        Server::Tls { host, port } => Address::Tls { host, port },
        Server::Unix { path } => Address::Unix { path },
    }
}

fn credentials(auth: &Auth) -> Credentials {
    let Auth { username, password, previous_password_file } = auth.clone();
    let password = password.map(|password| match password {
        Password::Url(secret) | Password::Environment { name: _, secret } => {
            PasswordSource::Literal(Secret::new(secret.expose().to_owned()))
        }
        Password::File(path) => PasswordSource::File(path),
    });
    Credentials { username, password, previous_password_file }
}

fn tls(tls: &Tls) -> TlsSettings {
    let Tls { ca_file, identity, server_name } = tls.clone();
    let identity =
        identity.map(|identity| TlsIdentity { cert_file: identity.cert_file, key_file: identity.key_file });
    TlsSettings { ca_file, identity, server_name }
}
