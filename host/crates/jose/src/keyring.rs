//! The server's own signing keys, parsed once and swapped whole.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use authly_core::{
    Kid,
    key::{KeyState, SigningAlg, StoredKey},
};
use jsonwebtoken::DecodingKey;
use serde_json::{Value, json};

use crate::{jwk::JwkError, private_key::PrivateKey, proved::ProvedTokens};

/// Why stored keys do not make a ring. Nothing is signed or verified with part of a ring.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The private key is not PKCS#8 of its algorithm.
    #[error("signing key {kid}: the private key cannot be read")]
    Private {
        /// Which key.
        kid: Kid,
    },
    /// The public half is refused.
    #[error("signing key {kid}")]
    Public {
        /// Which key.
        kid: Kid,
        /// Why.
        #[source]
        source: JwkError,
    },
    /// The kid is not the thumbprint of the key: the row was changed or mixed up.
    #[error("signing key {kid}: the kid is not the thumbprint of the key")]
    Thumbprint {
        /// Which key.
        kid: Kid,
    },
    /// The same key is there twice.
    #[error("signing key {kid} is there twice")]
    Repeated {
        /// Which key.
        kid: Kid,
    },
    /// More than one key is active for an algorithm: which one signs would be chance.
    #[error("more than one active signing key for {alg:?}")]
    TwoActive {
        /// Which algorithm.
        alg: SigningAlg,
    },
    /// A new key could not be generated.
    #[error("the key could not be generated")]
    Generation,
}

pub(crate) struct RingKey {
    kid: Kid,
    alg: SigningAlg,
    state: KeyState,
    private: PrivateKey,
    decoding: DecodingKey,
}

impl RingKey {
    fn parse(stored: &StoredKey) -> Result<(Self, Value), KeyError> {
        let kid = || stored.kid.clone();
        let private = PrivateKey::parse(stored.alg, stored.private.expose())
            .map_err(|_| KeyError::Private { kid: kid() })?;
        let public = private
            .public()
            .map_err(|source| KeyError::Public { kid: kid(), source })?;
        if public.thumbprint() != stored.kid.as_str() {
            return Err(KeyError::Thumbprint { kid: kid() });
        }
        // Published from the parsed key, not from the stored text: nothing else can slip into the JWK set.
        let jwk = Value::Object(public.jwk(stored.alg));
        let decoding = public.decoding_key();
        Ok((
            Self {
                kid: kid(),
                alg: stored.alg,
                state: stored.state,
                private,
                decoding,
            },
            jwk,
        ))
    }

    pub(crate) fn alg(&self) -> SigningAlg {
        self.alg
    }

    /// A pending key is not signed with: verifiers may not have seen it yet. A retiring one still is, for a response
    /// that chose it just before the swap.
    pub(crate) fn signs(&self) -> bool {
        matches!(self.state, KeyState::Active | KeyState::Retiring)
    }

    pub(crate) fn private(&self) -> &PrivateKey {
        &self.private
    }

    pub(crate) fn decoding_key(&self) -> &DecodingKey {
        &self.decoding
    }
}

/// The keys that sign and verify now. Immutable, but for what it remembers to have proved.
pub struct KeyRing {
    // A handful: scanning them is faster than hashing a kid.
    keys: Vec<RingKey>,
    jwks: Arc<str>,
    /// What these keys signed, as far as it was asked before.
    proved: ProvedTokens,
}

impl KeyRing {
    /// Parses the stored keys; removed ones are left out.
    ///
    /// # Errors
    /// [`KeyError`] when any key is unreadable, altered or ambiguous.
    pub fn parse(stored: &[StoredKey]) -> Result<Self, KeyError> {
        let mut keys: Vec<RingKey> = Vec::with_capacity(stored.len());
        let mut published = Vec::with_capacity(stored.len());
        for item in stored.iter().filter(|key| key.state != KeyState::Removed) {
            let (key, jwk) = RingKey::parse(item)?;
            if keys.iter().any(|other| other.kid == key.kid) {
                return Err(KeyError::Repeated { kid: key.kid });
            }
            let active = |key: &RingKey| (key.state == KeyState::Active).then_some(key.alg);
            if active(&key).is_some() && keys.iter().any(|other| active(other) == active(&key)) {
                return Err(KeyError::TwoActive { alg: key.alg });
            }
            keys.push(key);
            published.push(jwk);
        }
        let jwks = json!({ "keys": published }).to_string().into();
        Ok(Self {
            keys,
            jwks,
            proved: ProvedTokens::new(),
        })
    }

    /// The key that signs for the algorithm.
    pub fn active(&self, alg: SigningAlg) -> Option<&Kid> {
        self.keys
            .iter()
            .find(|key| key.alg == alg && key.state == KeyState::Active)
            .map(|key| &key.kid)
    }

    /// The JWK set as published (RFC 7517 §5): pending, active and retiring keys, public members only.
    pub fn jwks(&self) -> Arc<str> {
        Arc::clone(&self.jwks)
    }

    /// The algorithms that have an active key, in the order of [`SigningAlg::ALL`].
    pub fn algs(&self) -> Vec<SigningAlg> {
        SigningAlg::ALL
            .into_iter()
            .filter(|alg| self.active(*alg).is_some())
            .collect()
    }

    pub(crate) fn proved(&self) -> &ProvedTokens {
        &self.proved
    }

    pub(crate) fn find(&self, kid: &str) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.kid.as_str() == kid)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|key| (&key.kid, key.alg, key.state)))
            .finish()
    }
}

/// The current ring, swapped atomically when keys rotate. A holder of a loaded ring keeps it until its request ends.
#[derive(Debug)]
pub struct SharedKeys(ArcSwap<KeyRing>);

impl SharedKeys {
    /// Starts with a ring.
    pub fn new(ring: KeyRing) -> Self {
        Self(ArcSwap::from_pointee(ring))
    }

    /// The ring of now.
    pub fn load(&self) -> Arc<KeyRing> {
        self.0.load_full()
    }

    /// Replaces the ring.
    pub fn store(&self, ring: KeyRing) {
        self.0.store(Arc::new(ring));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::generate_key;
    use authly_core::{SecretBytes, Timestamp};

    fn key(alg: SigningAlg, state: KeyState) -> StoredKey {
        StoredKey {
            state,
            ..generate_key(alg, Timestamp::from_secs(0)).unwrap()
        }
    }

    #[test]
    fn jwks_shows_every_key_but_removed_ones() {
        let keys = [
            KeyState::Pending,
            KeyState::Active,
            KeyState::Retiring,
            KeyState::Removed,
        ]
        .map(|state| key(SigningAlg::Es256, state));
        let ring = KeyRing::parse(&keys).unwrap();
        let jwks: Value = serde_json::from_str(&ring.jwks()).unwrap();
        let kids: Vec<&str> = jwks["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|k| k["kid"].as_str().unwrap())
            .collect();
        assert_eq!(kids, keys[..3].iter().map(|k| k.kid.as_str()).collect::<Vec<_>>());
        assert_eq!(ring.active(SigningAlg::Es256), Some(&keys[1].kid));
        assert_eq!(ring.active(SigningAlg::Rs256), None);
        assert_eq!(ring.algs(), [SigningAlg::Es256]);
    }

    #[test]
    fn nothing_of_a_stored_jwk_reaches_the_jwks() {
        let mut stored = key(SigningAlg::EdDsa, KeyState::Active);
        stored.public_jwk = r#"{"kty":"OKP","d":"secret"}"#.to_owned();
        assert!(!KeyRing::parse(&[stored]).unwrap().jwks().contains("secret"));
    }

    #[test]
    fn altered_or_ambiguous_keys_make_no_ring() {
        let es = key(SigningAlg::Es256, KeyState::Active);
        let other = key(SigningAlg::Es256, KeyState::Active);
        let twice = KeyRing::parse(&[es.clone(), other.clone()]).unwrap_err();
        assert_eq!(
            twice,
            KeyError::TwoActive {
                alg: SigningAlg::Es256
            }
        );
        let repeated = KeyRing::parse(&[es.clone(), es.clone()]).unwrap_err();
        assert_eq!(repeated, KeyError::Repeated { kid: es.kid.clone() });
        let mixed = StoredKey {
            private: other.private,
            ..es.clone()
        };
        assert!(matches!(
            KeyRing::parse(&[mixed]),
            Err(KeyError::Thumbprint { .. })
        ));
        let wrong_alg = StoredKey {
            alg: SigningAlg::EdDsa,
            ..es.clone()
        };
        assert!(matches!(
            KeyRing::parse(&[wrong_alg]),
            Err(KeyError::Private { .. })
        ));
        let garbage = StoredKey {
            private: SecretBytes::new(vec![1, 2, 3]),
            ..es
        };
        assert!(matches!(
            KeyRing::parse(&[garbage]),
            Err(KeyError::Private { .. })
        ));
    }

    #[test]
    fn ring_prints_no_private_key() {
        let stored = key(SigningAlg::Es256, KeyState::Active);
        let text = format!("{:?}", KeyRing::parse(std::slice::from_ref(&stored)).unwrap());
        assert_eq!(text, format!("[({:?}, Es256, Active)]", stored.kid));
    }
}
