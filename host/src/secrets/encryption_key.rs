//! The key that seals secrets at rest: configured, or in `--dev` made once and kept in the user's state directory.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use authly_core::{Rng, SecretBytes};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{SecretError, SecretSource, read_secret};

/// Where the encryption key is (`keys.encryption_key`).
#[derive(Clone, Debug)]
pub enum EncryptionKey {
    /// Configured.
    Configured(SecretBytes),
    /// `--dev`: in this file, made by the first start. Never beside the database it protects.
    DevFile(PathBuf),
}

/// Why the key of `--dev` cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DevKeyError {
    /// It cannot be written.
    #[error(
        "cannot write the development key {path}: {cause}; set XDG_STATE_HOME to a folder you may write to"
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// It is there but cannot be read.
    #[error("cannot use the development key")]
    Unreadable(#[source] SecretError),
    /// It is there but is not a key.
    #[error(
        "{0} does not hold 32 bytes in base64; delete it, and the database it belongs to, to begin again"
    )]
    NotAKey(PathBuf),
}

impl EncryptionKey {
    /// The length of the key, in bytes (AES-256).
    pub const LENGTH: usize = 32;

    /// Decodes a configured key: 32 bytes in base64.
    ///
    /// # Errors
    /// In words that say how to make one; never with the value.
    pub fn decode(text: &str) -> Result<SecretBytes, &'static str> {
        match STANDARD.decode(text.trim()).map(SecretBytes::new) {
            Ok(bytes) if bytes.expose().len() == Self::LENGTH => Ok(bytes),
            _ => Err("is not 32 bytes in base64; make one with `openssl rand -base64 32`"),
        }
    }
}

/// The key itself. In `--dev` the first call makes it, readable by its owner only.
///
/// # Errors
/// [`DevKeyError`].
pub fn encryption_key(key: &EncryptionKey, rng: &dyn Rng) -> Result<SecretBytes, DevKeyError> {
    let path = match key {
        EncryptionKey::Configured(bytes) => return Ok(bytes.clone()),
        EncryptionKey::DevFile(path) => path,
    };
    if !path.exists() {
        create(path, rng).map_err(|cause| DevKeyError::Unwritable {
            path: path.clone(),
            cause,
        })?;
    }
    let text = read_secret(&SecretSource::File(path.clone())).map_err(DevKeyError::Unreadable)?;
    EncryptionKey::decode(text.expose()).map_err(|_| DevKeyError::NotAKey(path.clone()))
}

/// Written whole under another name, then linked: of two starts at once one wins, and neither reads half a key.
fn create(path: &Path, rng: &dyn Rng) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let mut bytes = zeroize::Zeroizing::new([0u8; EncryptionKey::LENGTH + 8]);
    rng.fill(bytes.as_mut_slice());
    let (key, nonce) = bytes.split_at(EncryptionKey::LENGTH);
    let draft = path.with_extension(format!("{}.draft", hex::encode(nonce)));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    let text = zeroize::Zeroizing::new(STANDARD.encode(key));
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::app::SystemRng;

    #[test]
    fn the_development_key_is_made_once_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("authly/keys/encryption_key");
        let source = EncryptionKey::DevFile(path.clone());
        let first = encryption_key(&source, &SystemRng).unwrap();
        let second = encryption_key(&source, &SystemRng).unwrap();
        assert_eq!(first.expose(), second.expose());
        assert_eq!(first.expose().len(), 32);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "no draft stays"
        );
    }

    #[test]
    fn starts_at_once_end_up_with_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let source = EncryptionKey::DevFile(dir.path().join("encryption_key"));
        let keys: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..20)
                .map(|_| scope.spawn(|| encryption_key(&source, &SystemRng).unwrap().expose().to_vec()))
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_key_of_another_length_is_refused_without_showing_it() {
        let short = STANDARD.encode([7u8; 31]);
        for bad in [short.as_str(), "", "not base64!"] {
            assert!(
                EncryptionKey::decode(bad)
                    .unwrap_err()
                    .contains("openssl rand -base64 32")
            );
        }
        assert!(EncryptionKey::decode(&STANDARD.encode([7u8; 32])).is_ok());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, &short).unwrap();
        let error = encryption_key(&EncryptionKey::DevFile(path), &SystemRng)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("does not hold 32 bytes") && !error.contains(&short),
            "{error}"
        );
    }
}
