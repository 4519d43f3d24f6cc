//! Signing keys; their private parts are sealed.

use async_trait::async_trait;
use authly_core::{
    Effects,
    key::{SigningAlg, StoredKey},
    ports::{KeyStore, StorageResult},
};

use super::{Tenant, effects::effects, statements::statements};
use crate::rows::{self, key_columns};

statements! {
    LOAD = concat!(
        "SELECT ", key_columns!(), " FROM signing_keys WHERE tenant_id = $1 AND state <> 'removed' \
         ORDER BY created_at, kid"
    );
    /// `ON CONFLICT DO NOTHING` waits for a racer that is inserting into the same place of the partial unique index,
    /// and then for its verdict: of two nodes that start at once exactly one stores its key.
    ENSURE_ACTIVE = concat!(
        "WITH made AS (INSERT INTO signing_keys (tenant_id, ", key_columns!(), ") \
           VALUES ($1, $2, $3, 'active', $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1)",
        effects!("$7" if "made")
    );
    HAS_ACTIVE = "SELECT 1 FROM signing_keys WHERE tenant_id = $1 AND alg = $2 AND state = 'active'";
}

#[async_trait]
impl KeyStore for Tenant {
    async fn load_keys(&self) -> StorageResult<Vec<StoredKey>> {
        self.db
            .list(LOAD, &[&self.id()], |row| {
                rows::signing_key(row, &self.name, &self.sealer)
            })
            .await
    }

    async fn ensure_active_key(&self, key: &StoredKey, effects: Effects) -> StorageResult<bool> {
        let kid = key.kid.as_str();
        let sealed = self
            .sealer
            .seal(&rows::key_place(&self.name, kid), &key.private)?;
        self.db
            .decide(
                ENSURE_ACTIVE,
                &[
                    &self.id(),
                    &kid,
                    &key.alg.as_str(),
                    &key.public_jwk,
                    &sealed,
                    &key.created_at.as_micros(),
                    &self.effects(effects)?,
                ],
            )
            .await
    }

    async fn has_active_key(&self, alg: SigningAlg) -> StorageResult<bool> {
        let found = self.db.read(HAS_ACTIVE, &[&self.id(), &alg.as_str()]).await?;
        Ok(!found.is_empty())
    }
}
