//! Signing keys; their private parts are sealed.

use async_trait::async_trait;
use authly_core::{
    Effects,
    key::{SigningAlg, StoredKey},
    ports::{KeyStore, StorageResult},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements},
};
use crate::{
    codec::key_state_name,
    rows::{self, key_columns},
};

statements! {
    LOAD = "SELECT ", key_columns!(), " FROM signing_keys WHERE tenant_id = ?1 AND state <> 'removed' \
        ORDER BY created_at, kid";
    // The unique index on active keys decides between two nodes that start at once.
    INSERT = "INSERT INTO signing_keys (tenant_id, ", key_columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
        ON CONFLICT DO NOTHING";
    HAS_ACTIVE = "SELECT 1 FROM signing_keys WHERE tenant_id = ?1 AND alg = ?2 AND state = 'active'";
}

fn insert(access: &Access<'_>, key: &StoredKey) -> StorageResult<usize> {
    let place = rows::key_place(access.tenant, key.kid.as_str());
    let row = params![
        access.tenant(),
        key.kid.as_str(),
        key.alg.as_str(),
        key_state_name(authly_core::key::KeyState::Active),
        key.public_jwk,
        access.sealer.seal(&place, &key.private)?,
        key.created_at.as_micros(),
    ];
    access.execute(INSERT, row)
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
            let stored = insert(access, &key)?;
            access.store_if(stored > 0, &effects)
        })
        .await
    }

    async fn has_active_key(&self, alg: SigningAlg) -> StorageResult<bool> {
        self.read(move |access| {
            let found = access.find(HAS_ACTIVE, params![access.tenant(), alg.as_str()], |_| Ok(()))?;
            Ok(found.is_some())
        })
        .await
    }
}
