//! The tenant's signing keys: made on the first start, found on every other, and followed by their successors.

use std::sync::Arc;

use authly_core::{
    AuditAction, AuditEvent, Clock, Effects, Kid, StorageError, Timestamp, Topic,
    key::{KeyState, SigningAlg, StoredKey},
    ports::{KeyStore, TenantStorage},
};
use authly_jose::{KeyError, KeyRing, RotationPolicy, RotationStep, due};

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
        let key = generate(alg, KeyState::Active, now).await?;
        let effects = created(&key, now);
        if storage.ensure_active_key(&key, effects).await? {
            tracing::info!(key.id = %key.kid, key.alg = alg.as_str(), "generated a signing key");
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

/// Takes every step of the schedule that is due. Any node may do it at any time: the database lets each step happen
/// once. Answers how many steps this call took.
///
/// # Errors
/// [`KeysError`]; what was not done is due again next time.
pub async fn rotate_due(
    storage: &dyn KeyStore,
    policy: &RotationPolicy,
    now: Timestamp,
) -> Result<usize, KeysError> {
    let mut taken = 0;
    for step in due(&storage.load_keys().await?, policy, now) {
        let happened = match &step {
            RotationStep::Publish(alg) => publish_next(storage, *alg, now).await?.is_some(),
            RotationStep::Activate(kid) => storage.activate_key(kid, now, activated(kid, now)).await?,
            RotationStep::Remove(kid) => storage.remove_key(kid, now, removed(kid, now)).await?,
        };
        if happened {
            tracing::info!(step = ?step, "signing keys rotated");
            taken += 1;
        }
    }
    Ok(taken)
}

/// Publishes the next key of the algorithm; the schedule lets it sign once it has been published for long enough.
/// `None` when there is a next key already.
///
/// # Errors
/// [`KeysError`].
pub async fn publish_next(
    storage: &dyn KeyStore,
    alg: SigningAlg,
    now: Timestamp,
) -> Result<Option<Kid>, KeysError> {
    let key = generate(alg, KeyState::Pending, now).await?;
    let stored = storage.add_pending_key(&key, created(&key, now)).await?;
    Ok(stored.then_some(key.kid))
}

/// What becomes of the keys that an emergency replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldKey {
    /// The active one verifies what it signed until that has expired; a published next one stays the next one.
    Retires,
    /// Somebody else may have it, and whatever else was kept with it: nothing that any key of the algorithm signed is
    /// believed any more, and the published next one never signs.
    IsRemoved,
}

/// A replaced key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The key that signs from now on.
    pub new: Kid,
    /// The ones it replaced, of its algorithm: the active one, or with [`OldKey::IsRemoved`] all of them.
    pub old: Vec<Kid>,
}

/// Replaces the active key at once: by the published next one if there is one and nobody else may have it, else by one
/// that no verifier has seen.
///
/// # Errors
/// [`KeysError`]; nothing has happened then.
pub async fn replace_now(
    storage: &dyn KeyStore,
    alg: SigningAlg,
    old_key: OldKey,
    now: Timestamp,
) -> Result<Replaced, KeysError> {
    if old_key == OldKey::Retires
        && let Some(replaced) = activate_next(storage, alg, now).await?
    {
        return Ok(replaced);
    }
    let key = generate(alg, KeyState::Active, now).await?;
    let mut effects = created(&key, now);
    effects.audit.extend(activated(&key.kid, now).audit);
    let old = match old_key {
        OldKey::Retires => storage
            .replace_active_key(&key, now, effects)
            .await?
            .into_iter()
            .collect(),
        OldKey::IsRemoved => {
            let published = storage.load_keys().await?;
            for old in published.iter().filter(|old| old.alg == alg) {
                effects.audit.extend(removed(&old.kid, now).audit);
            }
            storage.replace_compromised_keys(&key, now, effects).await?
        }
    };
    Ok(Replaced { new: key.kid, old })
}

/// The published next key signs from now on; `None` when there is none.
async fn activate_next(
    storage: &dyn KeyStore,
    alg: SigningAlg,
    now: Timestamp,
) -> Result<Option<Replaced>, KeysError> {
    let keys = storage.load_keys().await?;
    let find = |state| keys.iter().find(|key| key.alg == alg && key.state == state);
    let Some(next) = find(KeyState::Pending) else {
        return Ok(None);
    };
    let is_done = storage
        .activate_key(&next.kid, now, activated(&next.kid, now))
        .await?;
    Ok(is_done.then(|| Replaced {
        new: next.kid.clone(),
        old: find(KeyState::Active)
            .map(|old| old.kid.clone())
            .into_iter()
            .collect(),
    }))
}

/// Ends the publication of a pending or retiring key now; `false` when it is neither.
///
/// # Errors
/// [`KeysError`].
pub async fn remove(storage: &dyn KeyStore, kid: &Kid, now: Timestamp) -> Result<bool, KeysError> {
    Ok(storage.remove_key(kid, now, removed(kid, now)).await?)
}

/// RSA takes tens of milliseconds of pure computing: not on an executor thread.
async fn generate(alg: SigningAlg, state: KeyState, now: Timestamp) -> Result<StoredKey, KeysError> {
    let key = tokio::task::spawn_blocking(move || authly_jose::generate_key(alg, now))
        .await
        .map_err(|_| KeysError::Stopped)??;
    Ok(StoredKey { state, ..key })
}

fn created(key: &StoredKey, now: Timestamp) -> Effects {
    let kid = key.kid.to_string();
    effects(AuditAction::KeyCreated { kid: kid.clone() }, &kid, now)
}

fn activated(kid: &Kid, now: Timestamp) -> Effects {
    let kid = kid.to_string();
    effects(AuditAction::KeyActivated { kid: kid.clone() }, &kid, now)
}

fn removed(kid: &Kid, now: Timestamp) -> Effects {
    let kid = kid.to_string();
    effects(AuditAction::KeyRemoved { kid: kid.clone() }, &kid, now)
}

fn effects(action: AuditAction, kid: &str, now: Timestamp) -> Effects {
    Effects::audited(AuditEvent::internal(now, action)).invalidating(Topic::Key, kid)
}
