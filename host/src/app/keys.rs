//! The tenant's signing keys: made on the first start, found on every other.

use std::sync::Arc;

use authly_core::{
    AuditAction, AuditEvent, Clock, Effects, StorageError, Topic, key::SigningAlg, ports::TenantStorage,
};
use authly_jose::{KeyError, KeyRing};

/// Why there are no keys to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The database did not answer.
    #[error("cannot read or store signing keys")]
    Storage(#[from] StorageError),
    /// A key could not be made, or a stored one does not parse.
    #[error("a signing key is unusable")]
    Key(#[from] KeyError),
    /// The thread that made the key died.
    #[error("key generation stopped")]
    Stopped,
}

/// Makes an active key for every algorithm that has none, then loads all of them.
///
/// Two nodes that start at once both generate and the database keeps one of each: the loser's is dropped.
///
/// # Errors
/// [`KeysError`].
pub async fn ensure_keys(storage: &Arc<dyn TenantStorage>, clock: &dyn Clock) -> Result<KeyRing, KeysError> {
    for alg in SigningAlg::ALL {
        if storage.has_active_key(alg).await? {
            continue;
        }
        let now = clock.now();
        // RSA takes tens of milliseconds of pure computing: not on an executor thread.
        let key = tokio::task::spawn_blocking(move || authly_jose::generate_key(alg, now))
            .await
            .map_err(|_| KeysError::Stopped)??;
        let kid = key.kid.to_string();
        let audit = AuditEvent::internal(now, AuditAction::KeyCreated { kid: kid.clone() });
        let effects = Effects::audited(audit).invalidating(Topic::Key, kid.clone());
        if storage.ensure_active_key(&key, effects).await? {
            tracing::info!(key.id = %kid, key.alg = alg.as_str(), "generated a signing key");
        }
    }
    load_keys(storage).await
}

/// Parses every published key.
///
/// # Errors
/// [`KeysError`].
pub async fn load_keys(storage: &Arc<dyn TenantStorage>) -> Result<KeyRing, KeysError> {
    let stored = storage.load_keys().await?;
    Ok(KeyRing::parse(&stored)?)
}
