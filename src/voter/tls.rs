//! TLS towards a voter, from files that are read again at every connection.
//!
//! Where a `caFile` is given it alone is trusted; the operating system's store is neither asked nor needed then. The
//! cryptography is named here, so nothing depends on a provider that somebody else installed.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};

use super::settings::TlsSettings;
use super::trouble::{Trouble, TroubleKind};
use crate::files::{self, FileError};

/// Reads the files and builds what a handshake needs.
///
/// # Errors
///
/// [`TroubleKind::Tls`], naming the file that cannot be read or used.
pub(super) async fn client_config(settings: &TlsSettings) -> Result<Arc<ClientConfig>, Trouble> {
    let roots = match &settings.ca_file {
        Some(file) => roots_of(file).await?,
        None => system_roots().await?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| trouble(error.to_string()))?
        .with_root_certificates(roots);
    let config = match &settings.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = read(&identity.cert_file, files::read_certificates).await?;
            let key = read(&identity.key_file, files::read_private_key).await?;
            builder.with_client_auth_cert(chain, key).map_err(|error| unusable(&identity.cert_file, error))?
        }
    };
    Ok(Arc::new(config))
}

/// The name that the server's certificate must bear.
///
/// # Errors
///
/// [`TroubleKind::Tls`] where it is neither a DNS name nor an address.
pub(super) fn server_name(settings: &TlsSettings, host: &str) -> Result<ServerName<'static>, Trouble> {
    let name = settings.server_name.as_deref().unwrap_or(host);
    ServerName::try_from(name.to_owned())
        .map_err(|_| trouble(format!("{name:?} is no name for a certificate")))
}

async fn roots_of(file: &Path) -> Result<RootCertStore, Trouble> {
    let mut roots = RootCertStore::empty();
    for certificate in read(file, files::read_certificates).await? {
        roots.add(certificate).map_err(|error| unusable(file, error))?;
    }
    Ok(roots)
}

async fn system_roots() -> Result<RootCertStore, Trouble> {
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs)
        .await
        .map_err(|error| trouble(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(trouble("this machine has no certificate authorities; configure tls.caFile".to_owned()));
    }
    Ok(roots)
}

async fn read<T: Send + 'static>(file: &Path, how: fn(&Path) -> Result<T, FileError>) -> Result<T, Trouble> {
    let path = file.to_owned();
    let read = tokio::task::spawn_blocking(move || how(&path)).await;
    read.map_err(|error| trouble(error.to_string()))?
        .map_err(|error| trouble(format!("{} {error}", file.display())))
}

fn unusable(file: &Path, why: impl std::fmt::Display) -> Trouble {
    trouble(format!("{}: {why}", file.display()))
}

fn trouble(detail: String) -> Trouble {
    Trouble::with(TroubleKind::Tls, detail)
}
