//! Registered clients and defined scopes.

use async_trait::async_trait;
use authly_core::{
    ClientId, Effects, TokenHash,
    client::Client,
    ports::{ClientStore, Page, ScopeDefinition, ScopeStore, StorageResult},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements, taken},
    effects,
};
use crate::{
    codec::to_json,
    rows::{self, client_columns, scope_columns},
};

statements! {
    LOAD = "SELECT ", client_columns!(), " FROM clients WHERE tenant_id = ?1 AND client_id = ?2";
    LIST = "SELECT ", client_columns!(), " FROM clients WHERE tenant_id = ?1 AND client_id > ?2 \
        ORDER BY client_id LIMIT ?3";
    CREATE = "INSERT INTO clients (tenant_id, ", client_columns!(), ") \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";
    SET_ENABLED = "UPDATE clients SET enabled = ?3 WHERE tenant_id = ?1 AND client_id = ?2";
    LIST_SCOPES = "SELECT ", scope_columns!(), " FROM scopes WHERE tenant_id = ?1 ORDER BY name";
    SEED_SCOPE = "INSERT INTO scopes (tenant_id, ", scope_columns!(), ") VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (tenant_id, name) DO NOTHING";
}

fn create(access: &Access<'_>, client: &Client) -> StorageResult<()> {
    let grant_types: Vec<&str> = client.grant_types.iter().map(|g| g.as_str()).collect();
    let row = params![
        access.tenant(),
        client.id.as_str(),
        client.name,
        client.token_endpoint_auth_method.as_str(),
        client.secret_hash.as_ref().map(TokenHash::as_bytes),
        to_json(&client.redirect_uris)?,
        to_json(&client.post_logout_redirect_uris)?,
        to_json(&grant_types)?,
        client.scopes.to_string(),
        to_json(&client.audiences)?,
        client.id_token_signed_response_alg.as_str(),
        client.access_token_signed_response_alg.as_str(),
        client.first_party,
        client.client_uri,
        client.policy_uri,
        client.tos_uri,
        client.rotate_refresh_tokens,
        client.enabled,
        client.created_at.as_micros(),
    ];
    taken(access.execute(CREATE, row), || format!("client {}", client.id))?;
    Ok(())
}

#[async_trait]
impl ClientStore for SqliteTenant {
    async fn load_client(&self, id: &ClientId) -> StorageResult<Option<Client>> {
        let id = id.clone();
        self.read(move |access| {
            access.find(LOAD, params![access.tenant(), id.as_str()], |row| {
                rows::client(row)
            })
        })
        .await
    }

    async fn list_clients(&self, page: &Page) -> StorageResult<Vec<Client>> {
        let (after, limit) = super::window(page);
        self.read(move |access| {
            access.list(LIST, params![access.tenant(), after, limit], |row| {
                rows::client(row)
            })
        })
        .await
    }

    async fn create_client(&self, client: &Client, effects: Effects) -> StorageResult<()> {
        let client = client.clone();
        self.write(move |access| {
            create(access, &client)?;
            effects::store(access, &effects)
        })
        .await
    }

    async fn set_client_enabled(
        &self,
        id: &ClientId,
        enabled: bool,
        effects: Effects,
    ) -> StorageResult<bool> {
        let id = id.clone();
        self.write(move |access| {
            let changed = access.execute(SET_ENABLED, params![access.tenant(), id.as_str(), enabled])?;
            access.store_if(changed > 0, &effects)
        })
        .await
    }
}

#[async_trait]
impl ScopeStore for SqliteTenant {
    async fn list_scopes(&self) -> StorageResult<Vec<ScopeDefinition>> {
        self.read(|access| {
            access.list(LIST_SCOPES, params![access.tenant()], |row| {
                rows::scope_definition(row)
            })
        })
        .await
    }

    async fn seed_scopes(&self, scopes: &[ScopeDefinition], effects: Effects) -> StorageResult<()> {
        let scopes = scopes.to_vec();
        self.write(move |access| {
            let mut added = 0;
            for scope in &scopes {
                let row = params![access.tenant(), scope.name, scope.description, scope.is_default];
                added += access.execute(SEED_SCOPE, row)?;
            }
            access.store_if(added > 0, &effects)?;
            Ok(())
        })
        .await
    }
}
