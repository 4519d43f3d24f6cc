//! Defined scopes.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    Effects,
    ports::{ScopeDefinition, ScopeStore, StorageResult},
};

use super::{Tenant, effects::effects, statements::statements, tenant::taken};
use crate::rows::{self, scope_columns};

statements! {
    LIST = concat!("SELECT ", scope_columns!(), " FROM scopes WHERE tenant_id = $1 ORDER BY name");
    CREATE = concat!(
        "WITH made AS (INSERT INTO scopes (tenant_id, ", scope_columns!(), ") VALUES ($1, $2, $3, $4) RETURNING 1)",
        effects!("$5" if "made")
    );
    UPDATE = concat!(
        "WITH updated AS (UPDATE scopes SET description = $3, is_default = $4 \
           WHERE tenant_id = $1 AND name = $2 RETURNING 1)",
        effects!("$5" if "updated")
    );
    DELETE = concat!(
        "WITH gone AS (DELETE FROM scopes WHERE tenant_id = $1 AND name = $2 RETURNING 1)",
        effects!("$3" if "gone")
    );
    SEED = concat!(
        "WITH made AS (INSERT INTO scopes (tenant_id, ", scope_columns!(), ") \
           SELECT $1::text, s.* FROM unnest($2::text[], $3::text[], $4::boolean[]) AS s \
           ON CONFLICT DO NOTHING RETURNING 1)",
        effects!("$5" if "made")
    );
}

#[async_trait]
impl ScopeStore for Tenant {
    async fn list_scopes(&self) -> StorageResult<Arc<[ScopeDefinition]>> {
        let defined = self
            .db
            .list(LIST, &[&self.id()], |row| rows::scope_definition(row))
            .await?;
        Ok(defined.into())
    }

    async fn create_scope(&self, scope: &ScopeDefinition, effects: Effects) -> StorageResult<()> {
        let made = self.decide_scope(CREATE, scope, effects).await;
        taken(made, || format!("scope {}", scope.name))
    }

    async fn update_scope(&self, scope: &ScopeDefinition, effects: Effects) -> StorageResult<bool> {
        self.decide_scope(UPDATE, scope, effects).await
    }

    async fn delete_scope(&self, name: &str, effects: Effects) -> StorageResult<bool> {
        self.db
            .decide(DELETE, &[&self.id(), &name, &self.effects(effects)?])
            .await
    }

    async fn seed_scopes(&self, scopes: &[ScopeDefinition], effects: Effects) -> StorageResult<()> {
        let names: Vec<&str> = scopes.iter().map(|s| s.name.as_str()).collect();
        let descriptions: Vec<&str> = scopes.iter().map(|s| s.description.as_str()).collect();
        let defaults: Vec<bool> = scopes.iter().map(|s| s.is_default).collect();
        self.db
            .decide(
                SEED,
                &[
                    &self.id(),
                    &names,
                    &descriptions,
                    &defaults,
                    &self.effects(effects)?,
                ],
            )
            .await?;
        Ok(())
    }
}

impl Tenant {
    async fn decide_scope(
        &self,
        sql: &'static str,
        scope: &ScopeDefinition,
        effects: Effects,
    ) -> StorageResult<bool> {
        self.db
            .decide(
                sql,
                &[
                    &self.id(),
                    &scope.name,
                    &scope.description,
                    &scope.is_default,
                    &self.effects(effects)?,
                ],
            )
            .await
    }
}
