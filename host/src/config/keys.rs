//! `[keys]`

use std::path::Path;

use authly_jose::RotationPolicy;

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

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const ROTATION_INTERVAL: Key = Key::seconds(
    "keys.rotation_interval",
    (HOUR, 1_000 * DAY),
    "90d",
    "How long a signing key signs before the next one takes over.",
);
const PUBLISH_BEFORE: Key = Key::seconds(
    "keys.publish_before",
    (MINUTE, 90 * DAY),
    "2d",
    "How long the next signing key is published before it signs. Longer than verifiers keep the JWK set; shorter than \
     `keys.rotation_interval`.",
);
const RETIRE_AFTER: Key = Key::seconds(
    "keys.retire_after",
    (2 * DAY, 1_000 * DAY),
    "7d",
    "How long a signing key stays published after it stopped signing. Access and ID tokens live at most a day, so \
     that every token can be verified until its end, and an `id_token_hint` for some time after.",
);

/// The keys of this section.
pub(super) const KEYS: &[&Key] = &[
    &ENCRYPTION_KEY,
    &ROTATION_INTERVAL,
    &PUBLISH_BEFORE,
    &RETIRE_AFTER,
];

/// Checks when signing keys follow one another.
pub(super) fn check_rotation(reader: &mut Reader<'_>) -> RotationPolicy {
    let policy = RotationPolicy {
        interval: reader.duration(&ROTATION_INTERVAL),
        publish_before: reader.duration(&PUBLISH_BEFORE),
        retire_after: reader.duration(&RETIRE_AFTER),
    };
    if policy.publish_before >= policy.interval {
        reader.complain(&PUBLISH_BEFORE, "must be shorter than keys.rotation_interval");
    }
    policy
}

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
