//! Signing keys; their private parts are sealed.

use async_trait::async_trait;
use authly_core::{
    Effects, Kid, StorageError, Timestamp,
    key::{KeyState, SigningAlg, StoredKey},
    ports::{KeyStore, StorageResult},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements},
    effects,
};
use crate::{
    codec,
    rows::{self, Columns as _, key_columns},
};

statements! {
    LOAD = "SELECT ", key_columns!(), " FROM signing_keys WHERE tenant_id = ?1 AND state <> 'removed' \
        ORDER BY created_at, kid";
    // The unique index on active keys decides between two nodes that start at once.
    INSERT = "INSERT INTO signing_keys (tenant_id, ", key_columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
        ON CONFLICT DO NOTHING";
    ALG_OF_PENDING = "SELECT alg FROM signing_keys WHERE tenant_id = ?1 AND kid = ?2 AND state = 'pending'";
    RETIRE = "UPDATE signing_keys SET state = 'retiring', state_since = ?3 \
        WHERE tenant_id = ?1 AND alg = ?2 AND state = 'active' RETURNING kid";
    ACTIVATE = "UPDATE signing_keys SET state = 'active', state_since = ?3 WHERE tenant_id = ?1 AND kid = ?2";
    REMOVE = "UPDATE signing_keys SET state = 'removed', state_since = ?3, private_sealed = NULL \
        WHERE tenant_id = ?1 AND kid = ?2 AND state IN ('pending', 'retiring')";
    REMOVE_ALL = "UPDATE signing_keys SET state = 'removed', state_since = ?3, private_sealed = NULL \
        WHERE tenant_id = ?1 AND alg = ?2 AND state <> 'removed' RETURNING kid";
    HAS_ACTIVE = "SELECT 1 FROM signing_keys WHERE tenant_id = ?1 AND alg = ?2 AND state = 'active'";
}

fn insert(access: &Access<'_>, key: &StoredKey, state: KeyState) -> StorageResult<usize> {
    let place = rows::key_place(access.tenant, key.kid.as_str());
    let row = params![
        access.tenant(),
        key.kid.as_str(),
        key.alg.as_str(),
        state.as_str(),
        key.public_jwk,
        access.sealer.seal(&place, &key.private)?,
        key.created_at.as_micros(),
        key.state_since.as_micros(),
    ];
    access.execute(INSERT, row)
}

/// The active key of the algorithm retires; answers which that was.
fn retire(access: &Access<'_>, alg: &str, now: Timestamp) -> StorageResult<Option<Kid>> {
    let row = params![access.tenant(), alg, now.as_micros()];
    access.find(RETIRE, row, |row| codec::kid(&row.text()?))
}

fn activate(access: &Access<'_>, kid: &Kid, now: Timestamp) -> StorageResult<bool> {
    let key = params![access.tenant(), kid.as_str()];
    let Some(alg) = access.find(ALG_OF_PENDING, key, |row| row.text())? else {
        return Ok(false);
    };
    retire(access, &alg, now)?;
    access.execute(ACTIVATE, params![access.tenant(), kid.as_str(), now.as_micros()])?;
    Ok(true)
}

#[async_trait]
impl KeyStore for SqliteTenant {
    async fn load_keys(&self) -> StorageResult<Vec<StoredKey>> {
        self.read(|access| {
            access.list(LOAD, params![access.tenant()], |row| {
                rows::signing_key(row, access.tenant, access.sealer)
            })
        })
        .await
    }

    async fn ensure_active_key(&self, key: &StoredKey, effects: Effects) -> StorageResult<bool> {
        let key = key.clone();
        self.write(move |access| {
            let stored = insert(access, &key, KeyState::Active)?;
            access.store_if(stored > 0, &effects)
        })
        .await
    }

    async fn add_pending_key(&self, key: &StoredKey, effects: Effects) -> StorageResult<bool> {
        let key = key.clone();
        self.write(move |access| {
            let stored = insert(access, &key, KeyState::Pending)?;
            access.store_if(stored > 0, &effects)
        })
        .await
    }

    async fn activate_key(&self, kid: &Kid, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        let kid = kid.clone();
        self.write(move |access| {
            let activated = activate(access, &kid, now)?;
            access.store_if(activated, &effects)
        })
        .await
    }

    async fn replace_active_key(
        &self,
        key: &StoredKey,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<Option<Kid>> {
        let key = key.clone();
        self.write(move |access| {
            let old = retire(access, key.alg.as_str(), now)?;
            if insert(access, &key, KeyState::Active)? == 0 {
                return Err(StorageError::Conflict(format!("signing key {}", key.kid)));
            }
            effects::store(access, &effects)?;
            Ok(old)
        })
        .await
    }

    async fn replace_compromised_keys(
        &self,
        key: &StoredKey,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<Vec<Kid>> {
        let key = key.clone();
        self.write(move |access| {
            let row = params![access.tenant(), key.alg.as_str(), now.as_micros()];
            let mut old = access.list(REMOVE_ALL, row, |row| codec::kid(&row.text()?))?;
            old.sort();
            if insert(access, &key, KeyState::Active)? == 0 {
                return Err(StorageError::Conflict(format!("signing key {}", key.kid)));
            }
            effects::store(access, &effects)?;
            Ok(old)
        })
        .await
    }

    async fn remove_key(&self, kid: &Kid, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        let kid = kid.clone();
        self.write(move |access| {
            let row = params![access.tenant(), kid.as_str(), now.as_micros()];
            let removed = access.execute(REMOVE, row)?;
            access.store_if(removed > 0, &effects)
        })
        .await
    }

    async fn has_active_key(&self, alg: SigningAlg) -> StorageResult<bool> {
        self.look_up(move |access| {
            let found = access.find(HAS_ACTIVE, params![access.tenant(), alg.as_str()], |_| Ok(()))?;
            Ok(found.is_some())
        })
        .await
    }
}
