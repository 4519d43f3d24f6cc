//! `[keys]`

use std::path::Path;

use super::{
    key::{Key, Kind},
    reader::Reader,
};
use crate::secrets::EncryptionKey;

const ENCRYPTION_KEY: Key = Key::new(
    "keys.encryption_key",
    Kind::Text("32 bytes in base64, as `openssl rand -base64 32` makes them"),
    "\"(the output of: openssl rand -base64 32)\"",
    "Seals signing keys and other secrets in the database (AES-256-GCM). Whoever has the database and this key has \
     everything: keep it in another place than the database and its backups. A database cannot be opened without \
     the key it was made with. With `--dev` one is made and kept in the user's state directory.",
)
.secret();

/// The keys of this section.
pub(super) const KEYS: &[&Key] = &[&ENCRYPTION_KEY];

/// Checks the section; `None` when there is no usable key.
pub(super) fn check(reader: &mut Reader<'_>, dev: bool, state_dir: Option<&Path>) -> Option<EncryptionKey> {
    if !reader.is_set(&ENCRYPTION_KEY) && dev {
        return Some(EncryptionKey::DevFile(state_dir?.join("keys/encryption_key")));
    }
    let text = reader.required_secret(&ENCRYPTION_KEY)?;
    match EncryptionKey::decode(text.expose()) {
        Ok(bytes) => Some(EncryptionKey::Configured(bytes)),
        Err(message) => {
            reader.complain_secret(&ENCRYPTION_KEY, message);
            None
        }
    }
}
