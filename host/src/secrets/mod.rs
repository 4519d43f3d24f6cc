//! Where secrets come from: a value set inline or in the environment, a file, and in `--dev` a key the server makes
//! for itself. A vault or a KMS is one more source, in a file of its own.

mod encryption_key;

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use authly_core::SecretText;

pub use encryption_key::{DevKeyError, EncryptionKey, encryption_key};

/// The largest secret file, in bytes. A secret is a line; anything larger is the wrong file.
pub const FILE_SIZE_BYTES_MAX: u64 = 64 * 1024;

/// Where one secret is.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// In the configuration file or an environment variable.
    Inline(SecretText),
    /// In a file of its own, as container platforms mount them. A line end after it is not part of it.
    File(PathBuf),
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read the secret file {path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file is empty, too large or not text.
    #[error("the secret file {0} must hold one secret: UTF-8 text of at most 64 KiB")]
    NotASecret(PathBuf),
}

/// Reads a secret from its source.
///
/// # Errors
/// [`SecretError`]; it names the file, never its content.
pub fn read_secret(source: &SecretSource) -> Result<SecretText, SecretError> {
    match source {
        SecretSource::Inline(secret) => Ok(secret.clone()),
        SecretSource::File(path) => read_file(path),
    }
}

fn read_file(path: &Path) -> Result<SecretText, SecretError> {
    let unreadable = |cause| SecretError::Unreadable {
        path: path.to_owned(),
        cause,
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    let read = file.take(FILE_SIZE_BYTES_MAX + 1).read_to_string(&mut text);
    // Wrapped at once, so that the text is wiped on every way out.
    let text = SecretText::new(text);
    match read {
        Ok(size) if size as u64 <= FILE_SIZE_BYTES_MAX => {}
        Err(cause) if cause.kind() != std::io::ErrorKind::InvalidData => return Err(unreadable(cause)),
        _ => return Err(SecretError::NotASecret(path.to_owned())),
    }
    let secret = text.expose().trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(SecretError::NotASecret(path.to_owned()));
    }
    Ok(SecretText::new(secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_file_may_end_in_a_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "s3cret\r\n").unwrap();
        assert_eq!(read_secret(&SecretSource::File(path)).unwrap().expose(), "s3cret");
    }

    #[test]
    fn a_file_that_is_no_secret_is_refused_by_name_and_not_by_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let too_large = vec![b'a'; usize::try_from(FILE_SIZE_BYTES_MAX).unwrap() + 1];
        for content in [b"".as_slice(), b"\n", &[0xff, 0xfe], &too_large] {
            std::fs::write(&path, content).unwrap();
            let error = read_secret(&SecretSource::File(path.clone()))
                .unwrap_err()
                .to_string();
            assert!(error.contains("must hold one secret"), "{error}");
        }
        let at_limit = vec![b'a'; usize::try_from(FILE_SIZE_BYTES_MAX).unwrap()];
        std::fs::write(&path, at_limit).unwrap();
        assert!(read_secret(&SecretSource::File(path)).is_ok());
        assert!(read_secret(&SecretSource::File(dir.path().join("absent"))).is_err());
    }
}
