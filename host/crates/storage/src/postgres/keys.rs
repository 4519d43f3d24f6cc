//! Signing keys; their private parts are sealed.

use async_trait::async_trait;
use authly_core::{
    Effects, Kid, StorageError, Timestamp,
    key::{KeyState, SigningAlg, StoredKey},
    ports::{KeyStore, StorageResult},
};

use super::{Tenant, effects::effects, pool::Param, statements::statements};
use crate::{
    codec,
    rows::{self, Columns as _, key_columns},
};

statements! {
    LOAD = concat!(
        "SELECT ", key_columns!(), " FROM signing_keys WHERE tenant_id = $1 AND state <> 'removed' \
         ORDER BY created_at, kid"
    );
    /// `ON CONFLICT DO NOTHING` waits for a racer that is inserting into the same place of the partial unique index,
    /// and then for its verdict: of two nodes that start at once exactly one stores its key.
    INSERT = concat!(
        "WITH made AS (INSERT INTO signing_keys (tenant_id, ", key_columns!(), ") \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING 1)",
        effects!("$9" if "made")
    );
    /// Of two that activate the same key the second waits for the first one's lock and then finds no pending key. The
    /// index lets only one key be active, so the old one steps back before the new one steps forward.
    ACTIVATE = concat!(
        "WITH next AS (SELECT alg FROM signing_keys WHERE tenant_id = $1 AND kid = $2 AND state = 'pending' \
           FOR UPDATE), \
         retired AS (UPDATE signing_keys k SET state = 'retiring', state_since = $3 FROM next \
           WHERE k.tenant_id = $1 AND k.alg = next.alg AND k.state = 'active' RETURNING 1), \
         activated AS (UPDATE signing_keys k SET state = 'active', state_since = $3 FROM next \
           WHERE k.tenant_id = $1 AND k.kid = $2 AND (SELECT count(*) FROM retired) >= 0 RETURNING 1)",
        effects!("$4" if "activated")
    );
    REPLACE_ACTIVE = concat!(
        "WITH retired AS (UPDATE signing_keys SET state = 'retiring', state_since = $9 \
           WHERE tenant_id = $1 AND alg = $3 AND state = 'active' RETURNING kid), \
         made AS (INSERT INTO signing_keys (tenant_id, ", key_columns!(), ") \
           SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::bytea, $7::bigint, $8::bigint \
           WHERE (SELECT count(*) FROM retired) >= 0 RETURNING 1)",
        effects!("$10" if "made"),
        ", (SELECT kid FROM retired)"
    );
    REPLACE_COMPROMISED = concat!(
        "WITH gone AS (UPDATE signing_keys SET state = 'removed', state_since = $9, private_sealed = NULL \
           WHERE tenant_id = $1 AND alg = $3 AND state <> 'removed' RETURNING kid), \
         made AS (INSERT INTO signing_keys (tenant_id, ", key_columns!(), ") \
           SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::bytea, $7::bigint, $8::bigint \
           WHERE (SELECT count(*) FROM gone) >= 0 RETURNING 1)",
        effects!("$10" if "made"),
        ", (SELECT string_agg(kid, ' ' ORDER BY kid) FROM gone)"
    );
    REMOVE = concat!(
        "WITH gone AS (UPDATE signing_keys SET state = 'removed', state_since = $3, private_sealed = NULL \
           WHERE tenant_id = $1 AND kid = $2 AND state IN ('pending', 'retiring') RETURNING 1)",
        effects!("$4" if "gone")
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
        self.insert_key(key, KeyState::Active, effects).await
    }

    async fn add_pending_key(&self, key: &StoredKey, effects: Effects) -> StorageResult<bool> {
        self.insert_key(key, KeyState::Pending, effects).await
    }

    async fn activate_key(&self, kid: &Kid, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        let effects = self.effects(effects)?;
        self.db
            .decide(ACTIVATE, &[&self.id(), &kid.as_str(), &now.as_micros(), &effects])
            .await
    }

    async fn replace_active_key(
        &self,
        key: &StoredKey,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<Option<Kid>> {
        let old = self.replace(REPLACE_ACTIVE, key, now, effects).await?;
        old.map(|kid| codec::kid(&kid)).transpose()
    }

    async fn replace_compromised_keys(
        &self,
        key: &StoredKey,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<Vec<Kid>> {
        let old = self.replace(REPLACE_COMPROMISED, key, now, effects).await?;
        old.as_deref()
            .unwrap_or_default()
            .split_whitespace()
            .map(codec::kid)
            .collect()
    }

    async fn remove_key(&self, kid: &Kid, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        let effects = self.effects(effects)?;
        self.db
            .decide(REMOVE, &[&self.id(), &kid.as_str(), &now.as_micros(), &effects])
            .await
    }

    async fn has_active_key(&self, alg: SigningAlg) -> StorageResult<bool> {
        let found = self.db.read(HAS_ACTIVE, &[&self.id(), &alg.as_str()]).await?;
        Ok(!found.is_empty())
    }
}

impl Tenant {
    /// Runs one of the statements that put a key in the place of others; answers what it tells of those.
    async fn replace(
        &self,
        statement: &'static str,
        key: &StoredKey,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<Option<String>> {
        let sealed = self.seal_key(key)?;
        let effects = self.effects(effects)?;
        let row: [Param<'_>; 10] = [
            &self.id(),
            &key.kid.as_str(),
            &key.alg.as_str(),
            &KeyState::Active.as_str(),
            &key.public_jwk,
            &sealed,
            &key.created_at.as_micros(),
            &key.state_since.as_micros(),
            &now.as_micros(),
            &effects,
        ];
        let replace = || self.db.decide_and(statement, &row, |row| row.text_opt());
        // Another key became the active one in this moment: an emergency replaces that one too.
        let (_, old) = match replace().await {
            Err(StorageError::Conflict(_)) => replace().await,
            outcome => outcome,
        }?;
        Ok(old)
    }

    async fn insert_key(&self, key: &StoredKey, state: KeyState, effects: Effects) -> StorageResult<bool> {
        self.db
            .decide(
                INSERT,
                &[
                    &self.id(),
                    &key.kid.as_str(),
                    &key.alg.as_str(),
                    &state.as_str(),
                    &key.public_jwk,
                    &self.seal_key(key)?,
                    &key.created_at.as_micros(),
                    &key.state_since.as_micros(),
                    &self.effects(effects)?,
                ],
            )
            .await
    }

    fn seal_key(&self, key: &StoredKey) -> StorageResult<Vec<u8>> {
        let place = rows::key_place(&self.name, key.kid.as_str());
        self.sealer.seal(&place, &key.private)
    }
}
