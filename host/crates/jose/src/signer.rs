//! The port through which tokens are signed: local keys now, a KMS in the same place.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{Kid, ports::BoxError};

use crate::keyring::SharedKeys;

/// Why nothing was signed. Nothing of the request was spent.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// No key of this kid that may sign.
    #[error("no signing key {kid}")]
    UnknownKey {
        /// The kid asked for.
        kid: Kid,
    },
    /// The signer failed or cannot be reached.
    #[error("the signer failed")]
    Failed(#[source] BoxError),
    /// The claims cannot be written as JSON.
    #[error("the claims cannot be serialized")]
    Claims(#[source] serde_json::Error),
    /// The token would be longer than anybody, this server included, accepts.
    #[error("the token would be longer than 64 KiB")]
    TooLarge,
}

/// Signs bytes with the key of a kid.
#[async_trait]
pub trait Signer: Send + Sync {
    /// The signature of `signing_input` in the form JWS has for the key's algorithm (RFC 7518 §3).
    ///
    /// # Errors
    /// [`SignError::UnknownKey`], [`SignError::Failed`].
    async fn sign(&self, kid: &Kid, signing_input: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// Signs with the ring's keys, in process. RSA takes about 0.25 ms, the others about 0.02 ms: not worth a thread.
pub struct LocalSigner {
    keys: Arc<SharedKeys>,
}

impl LocalSigner {
    /// A signer over the shared ring; it follows every swap.
    pub fn new(keys: Arc<SharedKeys>) -> Self {
        Self { keys }
    }
}

#[async_trait]
impl Signer for LocalSigner {
    async fn sign(&self, kid: &Kid, signing_input: &[u8]) -> Result<Vec<u8>, SignError> {
        let ring = self.keys.load();
        let key = ring
            .find(kid.as_str())
            .filter(|key| key.signs())
            .ok_or_else(|| SignError::UnknownKey { kid: kid.clone() })?;
        key.private()
            .sign(signing_input)
            .map_err(|error| SignError::Failed(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{generate::generate_key, keyring::KeyRing};
    use authly_core::{
        Timestamp,
        key::{KeyState, SigningAlg, StoredKey},
    };

    #[tokio::test]
    async fn only_active_and_retiring_keys_sign_and_a_swap_is_followed() {
        let stored = generate_key(SigningAlg::Es256, Timestamp::from_secs(0)).unwrap();
        let ring = |state| {
            KeyRing::parse(&[StoredKey {
                state,
                ..stored.clone()
            }])
            .unwrap()
        };
        let keys = Arc::new(SharedKeys::new(ring(KeyState::Pending)));
        let signer = LocalSigner::new(Arc::clone(&keys));
        assert!(matches!(
            signer.sign(&stored.kid, b"x").await,
            Err(SignError::UnknownKey { .. })
        ));
        for state in [KeyState::Active, KeyState::Retiring] {
            keys.store(ring(state));
            assert_eq!(signer.sign(&stored.kid, b"x").await.unwrap().len(), 64);
        }
        keys.store(ring(KeyState::Removed));
        assert!(matches!(
            signer.sign(&stored.kid, b"x").await,
            Err(SignError::UnknownKey { .. })
        ));
    }
}
