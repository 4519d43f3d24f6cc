//! Defined scopes.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    Effects,
    ports::{ScopeDefinition, ScopeStore, StorageResult},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{statements, taken},
    effects,
};
use crate::rows::{self, scope_columns};

statements! {
    LIST = "SELECT ", scope_columns!(), " FROM scopes WHERE tenant_id = ?1 ORDER BY name";
    CREATE = "INSERT INTO scopes (tenant_id, ", scope_columns!(), ") VALUES (?1, ?2, ?3, ?4)";
    UPDATE = "UPDATE scopes SET description = ?3, is_default = ?4 WHERE tenant_id = ?1 AND name = ?2";
    DELETE = "DELETE FROM scopes WHERE tenant_id = ?1 AND name = ?2";
    SEED = "INSERT INTO scopes (tenant_id, ", scope_columns!(), ") VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (tenant_id, name) DO NOTHING";
}

#[async_trait]
impl ScopeStore for SqliteTenant {
    async fn list_scopes(&self) -> StorageResult<Arc<[ScopeDefinition]>> {
        let defined = self
            .read(|access| access.list(LIST, params![access.tenant()], |row| rows::scope_definition(row)))
            .await?;
        Ok(defined.into())
    }

    async fn create_scope(&self, scope: &ScopeDefinition, effects: Effects) -> StorageResult<()> {
        let scope = scope.clone();
        self.write(move |access| {
            let row = params![access.tenant(), scope.name, scope.description, scope.is_default];
            taken(access.execute(CREATE, row), || format!("scope {}", scope.name))?;
            effects::store(access, &effects)
        })
        .await
    }

    async fn update_scope(&self, scope: &ScopeDefinition, effects: Effects) -> StorageResult<bool> {
        let scope = scope.clone();
        self.write(move |access| {
            let row = params![access.tenant(), scope.name, scope.description, scope.is_default];
            let updated = access.execute(UPDATE, row)?;
            access.store_if(updated > 0, &effects)
        })
        .await
    }

    async fn delete_scope(&self, name: &str, effects: Effects) -> StorageResult<bool> {
        let name = name.to_owned();
        self.write(move |access| {
            let deleted = access.execute(DELETE, params![access.tenant(), name])?;
            access.store_if(deleted > 0, &effects)
        })
        .await
    }

    async fn seed_scopes(&self, scopes: &[ScopeDefinition], effects: Effects) -> StorageResult<()> {
        let scopes = scopes.to_vec();
        self.write(move |access| {
            let mut added = 0;
            for scope in &scopes {
                let row = params![access.tenant(), scope.name, scope.description, scope.is_default];
                added += access.execute(SEED, row)?;
            }
            access.store_if(added > 0, &effects)?;
            Ok(())
        })
        .await
    }
}
