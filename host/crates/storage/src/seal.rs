//! Sealing: AES-256-GCM over what must be unreadable in a stolen database (private keys, refresh nonces, messages).
//!
//! A sealed value is bound to its place: tenant, table, row key and column are both the additional data and the
//! context from which the row's own key is derived, so a value copied to another row does not open, and random
//! 96-bit nonces never come near their collision bound, which counts per key (NIST SP 800-38D §8.3).
//!
//! Layout: version (1 byte) ‖ key id (4) ‖ nonce (12) ‖ ciphertext and tag.

use std::{fmt, sync::Arc};

use authly_core::{Rng, SecretBytes, StorageError, TenantId};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest, hmac,
};
use uuid::Uuid;

const VERSION: u8 = 1;
const KEY_ID_LEN: usize = 4;
const HEADER_LEN: usize = 1 + KEY_ID_LEN + NONCE_LEN;

/// Why a key cannot seal.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the encryption key must be exactly 32 bytes")]
pub struct SealKeyError;

/// Seals and opens values with the operator's encryption key. Cheap to clone.
#[derive(Clone)]
pub struct Sealer {
    derive: Arc<hmac::Key>,
    key_id: [u8; KEY_ID_LEN],
    rng: Arc<dyn Rng>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({})", hex::encode(self.key_id))
    }
}

/// Where a sealed value lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub tenant: &'a TenantId,
    pub table: &'static str,
    pub row: &'a [u8],
    pub column: &'static str,
}

impl Place<'_> {
    /// Each part with its length before it, so that no two places have the same encoding.
    fn encode(&self) -> Vec<u8> {
        let parts = [
            self.tenant.as_str().as_bytes(),
            self.table.as_bytes(),
            self.row,
            self.column.as_bytes(),
        ];
        let mut out = vec![VERSION];
        for part in parts {
            out.extend_from_slice(&(part.len() as u64).to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }

    fn corrupt(&self, why: &str) -> StorageError {
        StorageError::Corrupt(format!("{}.{}: {why}", self.table, self.column))
    }
}

impl Sealer {
    /// A sealer over a key of 32 bytes.
    ///
    /// # Errors
    /// [`SealKeyError`] for any other length.
    pub fn new(key: &SecretBytes, rng: Arc<dyn Rng>) -> Result<Self, SealKeyError> {
        let key = key.expose();
        if key.len() != 32 {
            return Err(SealKeyError);
        }
        let digest = digest::digest(&digest::SHA256, &[b"authly encryption key id", key].concat());
        let mut key_id = [0u8; KEY_ID_LEN];
        for (to, from) in key_id.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        Ok(Self {
            derive: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, key)),
            key_id,
            rng,
        })
    }

    /// A random identifier for a row that has no key of its own.
    pub(crate) fn random_id(&self) -> Uuid {
        let mut bytes = [0u8; 16];
        self.rng.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    pub(crate) fn seal(&self, place: &Place<'_>, plain: &SecretBytes) -> Result<Vec<u8>, StorageError> {
        let context = place.encode();
        let mut nonce = [0u8; NONCE_LEN];
        self.rng.fill(&mut nonce);
        let mut body = plain.expose().to_vec();
        self.row_key(place, &context)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&context),
                &mut body,
            )
            .map_err(|e| StorageError::Backend(Box::new(e)))?;
        let mut sealed = Vec::with_capacity(HEADER_LEN + body.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.key_id);
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// # Errors
    /// `Corrupt` when the value was sealed with another key, for another place, or was changed.
    pub(crate) fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<SecretBytes, StorageError> {
        let (version, rest) = sealed.split_first().ok_or_else(|| place.corrupt("empty"))?;
        if *version != VERSION {
            return Err(place.corrupt("unknown sealing version"));
        }
        let (key_id, rest) = rest
            .split_first_chunk::<KEY_ID_LEN>()
            .ok_or_else(|| place.corrupt("too short"))?;
        if *key_id != self.key_id {
            return Err(place.corrupt("sealed with another key than keys.encryption_key"));
        }
        let (nonce, body) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or_else(|| place.corrupt("too short"))?;
        let context = place.encode();
        let mut body = body.to_vec();
        let length = self
            .row_key(place, &context)?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(&context),
                &mut body,
            )
            .map_err(|_| place.corrupt("does not open"))?
            .len();
        body.truncate(length);
        Ok(SecretBytes::new(body))
    }

    /// HMAC-SHA256 as a pseudo-random function from the place to the key of its row.
    fn row_key(&self, place: &Place<'_>, context: &[u8]) -> Result<LessSafeKey, StorageError> {
        let derived = hmac::sign(&self.derive, context);
        UnboundKey::new(&AES_256_GCM, derived.as_ref())
            .map(LessSafeKey::new)
            .map_err(|_| place.corrupt("no key for it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);
    impl Rng for Fixed {
        fn fill(&self, dest: &mut [u8]) {
            dest.fill(self.0);
        }
    }

    fn sealer(key: u8) -> Sealer {
        Sealer::new(&SecretBytes::new(vec![key; 32]), Arc::new(Fixed(7))).unwrap()
    }

    fn place<'a>(tenant: &'a TenantId, row: &'a [u8]) -> Place<'a> {
        Place {
            tenant,
            table: "refresh_tokens",
            row,
            column: "nonce",
        }
    }

    #[test]
    fn sealed_value_opens_only_in_its_place() {
        let (ours, other) = (TenantId::default_tenant(), TenantId::parse("other").unwrap());
        let home = place(&ours, b"row-1");
        let sealed = sealer(1)
            .seal(&home, &SecretBytes::new(b"secret".to_vec()))
            .unwrap();
        assert_eq!(sealer(1).open(&home, &sealed).unwrap().expose(), b"secret");
        let elsewhere = [
            place(&ours, b"row-2"),
            place(&other, b"row-1"),
            Place {
                table: "outbox",
                ..home
            },
            Place {
                column: "payload",
                ..home
            },
        ];
        for wrong in elsewhere {
            let error = sealer(1).open(&wrong, &sealed).unwrap_err();
            assert!(matches!(error, StorageError::Corrupt(_)), "{wrong:?}");
        }
    }

    #[test]
    fn sealed_value_needs_its_key_and_every_byte() {
        let tenant = TenantId::default_tenant();
        let home = place(&tenant, b"row");
        let sealed = sealer(1)
            .seal(&home, &SecretBytes::new(b"secret".to_vec()))
            .unwrap();
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
        assert!(matches!(
            sealer(2).open(&home, &sealed),
            Err(StorageError::Corrupt(_))
        ));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer(1).open(&home, &changed).is_err(), "byte {at}");
            assert!(sealer(1).open(&home, &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn places_never_share_an_encoding() {
        let (a, ab) = (TenantId::parse("a").unwrap(), TenantId::parse("ab").unwrap());
        let left = Place {
            tenant: &a,
            table: "bc",
            row: b"",
            column: "",
        };
        let right = Place {
            tenant: &ab,
            table: "c",
            row: b"",
            column: "",
        };
        assert_ne!(left.encode(), right.encode());
    }

    #[test]
    fn key_has_32_bytes() {
        for length in [0, 31, 33] {
            let key = SecretBytes::new(vec![0; length]);
            assert_eq!(Sealer::new(&key, Arc::new(Fixed(0))).unwrap_err(), SealKeyError);
        }
    }
}
