//! Files that the configuration names: secrets, certificates, itself. Read whole, up to a limit, whoever reads them; and
//! files that are replaced as a whole.
//!
//! The configuration reads them once, so that a missing one is told at the start and not at the first rotation; the
//! voters read them again at every connection. All calls block.

use std::fs::File;
#[cfg(feature = "cli")]
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The most that is read of a configuration, a password, or certificates. The largest in use, a bundle of all public
/// authorities, has about 230 KiB.
pub const FILE_LIMIT_BYTES: u64 = 1024 * 1024;

/// Why a file is of no use; continues a sentence that begins with the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not there, no regular file (a pipe would block), too long, or not ours to read.
    #[error("cannot be read, {0}")]
    Unreadable(#[source] io::Error),
    /// A password that is not text.
    #[error("is not UTF-8 text")]
    NotText,
    /// A password of no letters.
    #[error("is empty")]
    Empty,
    /// No certificate, or one that is broken.
    #[error("holds no certificate in PEM")]
    NoCertificate,
    /// No private key.
    #[error("holds no private key in PEM")]
    NoPrivateKey,
}

/// Reads a whole file of at most [`FILE_LIMIT_BYTES`].
///
/// # Errors
///
/// The system's; one of our own for what is no regular file or is too long.
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

/// Writes a file so that at any instant the old one or the new one is there, whole; where it fails, the old one and
/// nothing else. The new one is made beside it under a name that nobody can foresee, so that nobody can have put a
/// link there, and two processes never write into one.
///
/// # Errors
///
/// The system's.
#[cfg(feature = "cli")]
pub fn replace(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let number = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    let fresh = path.with_file_name(format!(".{name}.{number:016x}"));
    let mut new = OpenOptions::new().write(true).create_new(true).open(&fresh)?;
    fill(&mut new).and_then(|()| fs::rename(&fresh, path)).inspect_err(|_| {
        // The first error is the one to be told.
        let _ = fs::remove_file(&fresh);
    })
}

/// The password in a file: its text without the line end that editors add.
///
/// # Errors
///
/// When it cannot be read, is not UTF-8, or is empty.
pub fn read_password(path: &Path) -> Result<String, FileError> {
    let bytes = read(path).map_err(FileError::Unreadable)?;
    let text = String::from_utf8(bytes).map_err(|_| FileError::NotText)?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() { Err(FileError::Empty) } else { Ok(password.to_owned()) }
}

/// All certificates in a PEM file, at least one.
///
/// # Errors
///
/// When it cannot be read, holds none, or holds one that is broken.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let bytes = read(path).map_err(FileError::Unreadable)?;
    match CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(FileError::NoCertificate),
    }
}

/// The first private key in a PEM file.
///
/// # Errors
///
/// When it cannot be read or holds none.
pub fn read_private_key(path: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    let bytes = read(path).map_err(FileError::Unreadable)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| FileError::NoPrivateKey)
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
    use std::io::Write;

    use super::*;

    #[test]
    fn what_cannot_be_replaced_stays_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, |file| file.write_all(b"old")).unwrap();
        let full = |file: &mut File| {
            file.write_all(b"ne")?;
            Err(io::ErrorKind::StorageFull.into())
        };
        assert_eq!(replace(&path, full).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["file"]);
    }
}
