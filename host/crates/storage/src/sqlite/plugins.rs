//! Desired plugin state, and the components' bytes.

use async_trait::async_trait;
use authly_core::{
    Effects, Timestamp,
    plugin::{DesiredPlugin, PluginComponent, PluginDigest, PluginHistory, PluginName},
    ports::{ActivateOutcome, Activation, PluginStore, StorageResult},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements},
    effects,
};
use crate::{
    codec::digests_to_json,
    rows::{self, component_columns, plugin_columns},
    rules::plugins::{history_outcome, remember},
};

/// The generation a new plugin starts at.
const FIRST_GENERATION: i64 = 1;

statements! {
    LIST = "SELECT ", plugin_columns!(), " FROM plugins WHERE tenant_id = ?1 ORDER BY name";
    LOAD = "SELECT ", plugin_columns!(), " FROM plugins WHERE tenant_id = ?1 AND name = ?2";
    LOAD_COMPONENT = "SELECT ", component_columns!(), " FROM plugin_components \
        WHERE tenant_id = ?1 AND digest = ?2";
    HISTORY = "SELECT outcome FROM plugin_history WHERE tenant_id = ?1 AND name = ?2 AND digest = ?3";
    INSERT = "INSERT INTO plugins (tenant_id, ", plugin_columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
        ON CONFLICT (tenant_id, name) DO NOTHING";
    REPLACE = "UPDATE plugins SET active_digest = ?4, previous_digests = ?5, generation = generation + 1, \
        updated_at = ?6 WHERE tenant_id = ?1 AND name = ?2 AND generation = ?3";
    STORE_COMPONENT = "INSERT INTO plugin_components (tenant_id, ", component_columns!(), ") \
        VALUES (?1, ?2, ?3, ?4) ON CONFLICT (tenant_id, digest) DO NOTHING";
    // Another plugin may hold the same bytes.
    FORGET_COMPONENT = "DELETE FROM plugin_components WHERE tenant_id = ?1 AND digest = ?2 \
        AND NOT EXISTS (SELECT 1 FROM plugins WHERE tenant_id = ?1 \
            AND (active_digest = ?2 OR previous_digests LIKE '%' || ?3 || '%'))";
    REMEMBER = "INSERT INTO plugin_history (tenant_id, name, digest, outcome, at) VALUES (?1, ?2, ?3, ?4, ?5) \
        ON CONFLICT (tenant_id, name, digest) DO UPDATE SET outcome = excluded.outcome, at = excluded.at";
    SET_ENABLED = "UPDATE plugins SET enabled = ?3, generation = generation + 1, updated_at = ?4 \
        WHERE tenant_id = ?1 AND name = ?2";
}

fn history(
    access: &Access<'_>,
    name: &PluginName,
    digest: PluginDigest,
    seen: (&str, Timestamp),
) -> StorageResult<()> {
    let (outcome, at) = seen;
    let row = params![access.tenant(), name.as_str(), digest.0, outcome, at.as_micros()];
    access.execute(REMEMBER, row)?;
    Ok(())
}

/// The new generation, or `None` when the plugin is not at the one the caller saw.
fn compare_and_set(access: &Access<'_>, activation: &Activation) -> StorageResult<Option<i64>> {
    let (name, digest) = (activation.name.as_str(), activation.component.digest);
    let now = activation.now.as_micros();
    let Some(expected) = activation.expected_generation else {
        let row = params![access.tenant(), name, true, digest.0, "[]", FIRST_GENERATION, now];
        let inserted = access.execute(INSERT, row)? > 0;
        return Ok(inserted.then_some(FIRST_GENERATION));
    };
    let current = access.find(LOAD, params![access.tenant(), name], |row| {
        rows::desired_plugin(row)
    })?;
    let Some(current) = current else {
        return Ok(None);
    };
    let (previous, forgotten) = remember(current.active_digest, &current.previous_digests, digest);
    let row = params![
        access.tenant(),
        name,
        expected,
        digest.0,
        digests_to_json(&previous)?,
        now
    ];
    if access.execute(REPLACE, row)? == 0 {
        return Ok(None);
    }
    for old in forgotten {
        access.execute(FORGET_COMPONENT, params![access.tenant(), old.0, old.to_hex()])?;
    }
    Ok(Some(expected.saturating_add(1)))
}

fn activate(
    access: &Access<'_>,
    activation: &Activation,
    effects: &Effects,
) -> StorageResult<ActivateOutcome> {
    let Some(generation) = compare_and_set(access, activation)? else {
        return Ok(ActivateOutcome::Stale);
    };
    let component = &activation.component;
    let row = params![
        access.tenant(),
        component.digest.0,
        component.wasm,
        component.toml
    ];
    access.execute(STORE_COMPONENT, row)?;
    history(
        access,
        &activation.name,
        component.digest,
        ("activated", activation.now),
    )?;
    if let Some(left) = activation.rejects {
        history(access, &activation.name, left, ("refused", activation.now))?;
    }
    effects::store(access, effects)?;
    Ok(ActivateOutcome::Activated { generation })
}

#[async_trait]
impl PluginStore for SqliteTenant {
    async fn load_plugins(&self) -> StorageResult<Vec<DesiredPlugin>> {
        self.read(|access| access.list(LIST, params![access.tenant()], |row| rows::desired_plugin(row)))
            .await
    }

    async fn load_component(&self, digest: PluginDigest) -> StorageResult<Option<PluginComponent>> {
        self.read(move |access| {
            access.find(LOAD_COMPONENT, params![access.tenant(), digest.0], |row| {
                rows::component(row)
            })
        })
        .await
    }

    async fn plugin_history(
        &self,
        name: &PluginName,
        digest: PluginDigest,
    ) -> StorageResult<Option<PluginHistory>> {
        let name = name.clone();
        self.read(move |access| {
            let key = params![access.tenant(), name.as_str(), digest.0];
            access.find(HISTORY, key, |row| history_outcome(row))
        })
        .await
    }

    async fn activate_plugin(
        &self,
        activation: Activation,
        effects: Effects,
    ) -> StorageResult<ActivateOutcome> {
        self.write(move |access| activate(access, &activation, &effects))
            .await
    }

    async fn reject_plugin(
        &self,
        name: &PluginName,
        digest: PluginDigest,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<()> {
        let name = name.clone();
        self.write(move |access| {
            history(access, &name, digest, ("refused", now))?;
            effects::store(access, &effects)
        })
        .await
    }

    async fn set_plugin_enabled(
        &self,
        name: &PluginName,
        enabled: bool,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool> {
        let name = name.clone();
        self.write(move |access| {
            let row = params![access.tenant(), name.as_str(), enabled, now.as_micros()];
            let changed = access.execute(SET_ENABLED, row)?;
            access.store_if(changed > 0, &effects)
        })
        .await
    }
}
