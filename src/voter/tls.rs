//! TLS towards a voter, from files that are read again at every connection; the operating system's own authorities
//! once a minute.
//!
//! Where a `caFile` is given it alone is trusted; the operating system's store is neither asked nor needed then. The
//! cryptography is named here, so nothing depends on a provider that somebody else installed.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};

use super::settings::TlsSettings;
use super::trouble::{Trouble, TroubleKind};
use crate::clock;
use crate::core::Moment;
use crate::files::{self, FileError};

/// To read and parse the operating system's store takes longer than a question may, and a voter in trouble is dialled
/// again and again.
const SYSTEM_ROOTS_KEPT: Duration = Duration::from_mins(1);

/// The operating system's authorities.
struct Kept {
    roots: Arc<RootCertStore>,
    since: Moment,
}

/// Reads the files and builds what a handshake needs.
///
/// # Errors
///
/// [`TroubleKind::Tls`], naming the file that cannot be read or used.
pub(super) async fn client_config(settings: &TlsSettings) -> Result<Arc<ClientConfig>, Trouble> {
    let roots = match &settings.ca_file {
        Some(file) => Arc::new(roots_of(file).await?),
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

async fn system_roots() -> Result<Arc<RootCertStore>, Trouble> {
    static KEPT: Mutex<Option<Kept>> = Mutex::new(None);
    let read = tokio::task::spawn_blocking(|| kept_or_read(&KEPT, SYSTEM_ROOTS_KEPT)).await;
    read.map_err(|error| trouble(error.to_string()))?
}

/// Blocks. The lock is held while reading: whoever comes meanwhile waits for the same store, and a caller that ran out
/// of time leaves it to the next.
fn kept_or_read(kept: &Mutex<Option<Kept>>, longest: Duration) -> Result<Arc<RootCertStore>, Trouble> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let now = clock::now().at;
    if let Some(known) = kept.as_ref().filter(|known| now.leader_elapsed(known.since) < longest) {
        return Ok(Arc::clone(&known.roots));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(trouble("this machine has no certificate authorities; configure tls.caFile".to_owned()));
    }
    Ok(Arc::clone(&kept.insert(Kept { roots: Arc::new(roots), since: now }).roots))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authorities_of_the_system_are_not_read_at_every_connection() {
        let kept = Mutex::default();
        let read = |longest| kept_or_read(&kept, longest);
        let (Ok(first), Ok(second)) = (read(SYSTEM_ROOTS_KEPT), read(SYSTEM_ROOTS_KEPT)) else {
            // Only a machine that has none cannot show it.
            assert!(rustls_native_certs::load_native_certs().certs.is_empty());
            return;
        };
        assert!(Arc::ptr_eq(&first, &second));
        assert!(read(Duration::ZERO).is_ok_and(|later| !Arc::ptr_eq(&first, &later)), "but again in time");
    }
}
