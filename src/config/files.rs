//! Files that the configuration names. They are read again whenever they change; here they are read once, so that
//! a missing one is told at the start and not at the first rotation.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The most that is read of a configuration, a password, or certificates. The largest in use, a bundle of all public
/// authorities, has about 230 KiB.
pub const FILE_LIMIT_BYTES: u64 = 1024 * 1024;

/// Reads a whole file of at most [`FILE_LIMIT_BYTES`].
///
/// # Errors
///
/// The system's; one of our own for what is no regular file (a pipe would block) or is too long.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_LIMIT_BYTES {
        let message = format!("it is longer than {} KiB", FILE_LIMIT_BYTES / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// The password in a file: its text without the line end that editors add.
///
/// # Errors
///
/// A clause that continues "the file …", when it cannot be read, is not UTF-8, or is empty.
pub fn read_password(path: &Path) -> Result<String, String> {
    let text =
        String::from_utf8(read(path).map_err(unreadable)?).map_err(|_| "is not UTF-8 text".to_owned())?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() { Err("is empty".to_owned()) } else { Ok(password.to_owned()) }
}

/// Whether a file holds at least one certificate in PEM.
pub(crate) fn check_certificates(path: &Path) -> Result<(), String> {
    let bytes = read(path).map_err(unreadable)?;
    match CertificateDer::pem_slice_iter(&bytes).next() {
        Some(Ok(_)) => Ok(()),
        Some(Err(_)) | None => Err("holds no certificate in PEM".to_owned()),
    }
}

/// Whether a file holds a private key in PEM.
pub(crate) fn check_private_key(path: &Path) -> Result<(), String> {
    let bytes = read(path).map_err(unreadable)?;
    PrivateKeyDer::from_pem_slice(&bytes).map(|_| ()).map_err(|_| "holds no private key in PEM".to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn unreadable(error: io::Error) -> String {
    format!("cannot be read, {error}")
}
