//! Desired plugin state, and the components' bytes.

use async_trait::async_trait;
use authly_core::{
    Effects, Timestamp,
    plugin::{DesiredPlugin, PluginComponent, PluginDigest, PluginHistory, PluginName},
    ports::{ActivateOutcome, Activation, PluginStore, StorageResult},
};
use deadpool_postgres::{Object, Transaction};
use tokio::time::timeout;

use super::{
    Tenant, columns::PgColumns, effects::effects, errors::failure, pool::Database, statements::statements,
};
use crate::{
    codec::digests_to_json,
    rows::{self, component_columns, plugin_columns},
    rules::plugins::{history_outcome, remember},
};

/// The generation a new plugin starts at.
const FIRST_GENERATION: i64 = 1;

/// Serializes activations: one that forgets a component must not meet one that begins to need the same bytes under
/// another name. Rows cannot be locked that do not exist yet. Ends with the transaction.
const ACTIVATION_LOCK: i64 = i64::from_be_bytes(*b"authlypl");

/// The rest of an activation that changed the desired state: the bytes, the history and the effects.
macro_rules! activated {
    ($doc:literal) => {
        concat!(
            ", stored AS (INSERT INTO plugin_components (tenant_id, ", component_columns!(), ") \
               SELECT $1::text, $3::bytea, $5::bytea, $6::text FROM changed ON CONFLICT DO NOTHING), \
             seen AS (INSERT INTO plugin_history (tenant_id, name, digest, outcome, at) \
               SELECT $1::text, $2::text, $3::bytea, 'activated', $4::bigint FROM changed \
               ON CONFLICT (tenant_id, name, digest) DO UPDATE SET outcome = EXCLUDED.outcome, at = EXCLUDED.at)",
            effects!($doc if "changed")
        )
    };
}

statements! {
    LIST = concat!("SELECT ", plugin_columns!(), " FROM plugins WHERE tenant_id = $1 ORDER BY name");
    LOAD = concat!("SELECT ", plugin_columns!(), " FROM plugins WHERE tenant_id = $1 AND name = $2");
    LOAD_COMPONENT = concat!(
        "SELECT ", component_columns!(), " FROM plugin_components WHERE tenant_id = $1 AND digest = $2"
    );
    HISTORY = "SELECT outcome FROM plugin_history WHERE tenant_id = $1 AND name = $2 AND digest = $3";
    LOCK = "SELECT pg_advisory_xact_lock($1)";
    INSERT = concat!(
        "WITH changed AS (INSERT INTO plugins (tenant_id, ", plugin_columns!(), ") \
           VALUES ($1, $2, true, $3, '[]', $7, $4) ON CONFLICT DO NOTHING RETURNING 1)",
        activated!("$8")
    );
    /// Compare-and-set on the generation. A component that is no longer remembered goes, unless another plugin
    /// remembers the same bytes.
    REPLACE = concat!(
        "WITH changed AS (UPDATE plugins SET active_digest = $3, previous_digests = $8, \
           generation = generation + 1, updated_at = $4 \
           WHERE tenant_id = $1 AND name = $2 AND generation = $7 RETURNING 1), \
         forgotten AS (DELETE FROM plugin_components c USING changed \
           WHERE c.tenant_id = $1 AND c.digest = ANY($9::bytea[]) AND NOT EXISTS (SELECT 1 FROM plugins p \
           WHERE p.tenant_id = $1 AND p.name <> $2 AND (p.active_digest = c.digest \
           OR p.previous_digests LIKE '%' || encode(c.digest, 'hex') || '%'))), \
         left_behind AS (INSERT INTO plugin_history (tenant_id, name, digest, outcome, at) \
           SELECT $1::text, $2::text, $11::bytea, 'refused', $4::bigint FROM changed WHERE $11::bytea IS NOT NULL \
           ON CONFLICT (tenant_id, name, digest) DO UPDATE SET outcome = EXCLUDED.outcome, at = EXCLUDED.at)",
        activated!("$10")
    );
    REJECT = concat!(
        "WITH refused AS (INSERT INTO plugin_history (tenant_id, name, digest, outcome, at) \
           VALUES ($1, $2, $3, 'refused', $4) \
           ON CONFLICT (tenant_id, name, digest) DO UPDATE SET outcome = EXCLUDED.outcome, at = EXCLUDED.at \
           RETURNING 1)",
        effects!("$5" if "refused")
    );
    SET_ENABLED = concat!(
        "WITH changed AS (UPDATE plugins SET enabled = $3, generation = generation + 1, updated_at = $4 \
           WHERE tenant_id = $1 AND name = $2 RETURNING 1)",
        effects!("$5" if "changed")
    );
}

#[async_trait]
impl PluginStore for Tenant {
    async fn load_plugins(&self) -> StorageResult<Vec<DesiredPlugin>> {
        self.db
            .list(LIST, &[&self.id()], |row| rows::desired_plugin(row))
            .await
    }

    async fn load_component(&self, digest: PluginDigest) -> StorageResult<Option<PluginComponent>> {
        self.db
            .find(LOAD_COMPONENT, &[&self.id(), &digest.0.as_slice()], |row| {
                rows::component(row)
            })
            .await
    }

    async fn plugin_history(
        &self,
        name: &PluginName,
        digest: PluginDigest,
    ) -> StorageResult<Option<PluginHistory>> {
        self.db
            .find(
                HISTORY,
                &[&self.id(), &name.as_str(), &digest.0.as_slice()],
                |row| history_outcome(row),
            )
            .await
    }

    async fn activate_plugin(
        &self,
        activation: Activation,
        effects: Effects,
    ) -> StorageResult<ActivateOutcome> {
        let effects = self.effects(effects)?;
        let mut client = self.db.client().await?;
        let work = self.activate(&mut client, &activation, &effects);
        let outcome = timeout(self.db.answer_timeout(), work).await;
        Database::settle(client, outcome)
    }

    async fn reject_plugin(
        &self,
        name: &PluginName,
        digest: PluginDigest,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<()> {
        self.db
            .decide(
                REJECT,
                &[
                    &self.id(),
                    &name.as_str(),
                    &digest.0.as_slice(),
                    &now.as_micros(),
                    &self.effects(effects)?,
                ],
            )
            .await?;
        Ok(())
    }

    async fn set_plugin_enabled(
        &self,
        name: &PluginName,
        enabled: bool,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool> {
        self.db
            .decide(
                SET_ENABLED,
                &[
                    &self.id(),
                    &name.as_str(),
                    &enabled,
                    &now.as_micros(),
                    &self.effects(effects)?,
                ],
            )
            .await
    }
}

impl Tenant {
    async fn activate(
        &self,
        client: &mut Object,
        activation: &Activation,
        effects: &str,
    ) -> StorageResult<ActivateOutcome> {
        let transaction = client.transaction().await.map_err(failure)?;
        let lock = transaction.prepare_cached(LOCK).await.map_err(failure)?;
        transaction
            .execute(&lock, &[&ACTIVATION_LOCK])
            .await
            .map_err(failure)?;
        let changed = match activation.expected_generation {
            None => self.insert_plugin(&transaction, activation, effects).await?,
            Some(expected) => {
                self.replace_plugin(&transaction, activation, expected, effects)
                    .await?
            }
        };
        let Some(generation) = changed else {
            return Ok(ActivateOutcome::Stale);
        };
        transaction.commit().await.map_err(failure)?;
        self.db.hint.notify_one();
        Ok(ActivateOutcome::Activated { generation })
    }

    async fn insert_plugin(
        &self,
        transaction: &Transaction<'_>,
        activation: &Activation,
        effects: &str,
    ) -> StorageResult<Option<i64>> {
        let component = &activation.component;
        let insert = transaction.prepare_cached(INSERT).await.map_err(failure)?;
        let outcome = transaction
            .query_one(
                &insert,
                &[
                    &self.id(),
                    &activation.name.as_str(),
                    &component.digest.0.as_slice(),
                    &activation.now.as_micros(),
                    &component.wasm,
                    &component.toml,
                    &FIRST_GENERATION,
                    &effects,
                ],
            )
            .await;
        let inserted = rows::Columns::flag(&mut PgColumns::new(&outcome.map_err(failure)?))?;
        Ok(inserted.then_some(FIRST_GENERATION))
    }

    async fn replace_plugin(
        &self,
        transaction: &Transaction<'_>,
        activation: &Activation,
        expected: i64,
        effects: &str,
    ) -> StorageResult<Option<i64>> {
        let (name, component) = (activation.name.as_str(), &activation.component);
        let load = transaction.prepare_cached(LOAD).await.map_err(failure)?;
        let row = transaction
            .query_opt(&load, &[&self.id(), &name])
            .await
            .map_err(failure)?;
        let Some(row) = row else {
            return Ok(None);
        };
        // What is computed from this row holds if the update matches: the same generation is the same row.
        let current = rows::desired_plugin(&mut PgColumns::new(&row))?;
        let (previous, forgotten) =
            remember(current.active_digest, &current.previous_digests, component.digest);
        let forgotten: Vec<&[u8]> = forgotten.iter().map(|digest| digest.0.as_slice()).collect();
        let replace = transaction.prepare_cached(REPLACE).await.map_err(failure)?;
        let outcome = transaction
            .query_one(
                &replace,
                &[
                    &self.id(),
                    &name,
                    &component.digest.0.as_slice(),
                    &activation.now.as_micros(),
                    &component.wasm,
                    &component.toml,
                    &expected,
                    &digests_to_json(&previous)?,
                    &forgotten,
                    &effects,
                    &activation.rejects.as_ref().map(|digest| digest.0.as_slice()),
                ],
            )
            .await;
        let replaced = rows::Columns::flag(&mut PgColumns::new(&outcome.map_err(failure)?))?;
        Ok(replaced.then(|| expected.saturating_add(1)))
    }
}
