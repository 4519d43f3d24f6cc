//! Registered clients and defined scopes.

use async_trait::async_trait;
use authly_core::{
    ClientId, Effects,
    client::{Client, GrantType},
    ports::{ClientStore, Page, ScopeDefinition, ScopeStore, StorageResult},
};

use super::{
    Tenant,
    effects::effects,
    statements::statements,
    tenant::{limit, taken},
};
use crate::{
    codec,
    rows::{self, client_columns, scope_columns},
};

statements! {
    LOAD = concat!("SELECT ", client_columns!(), " FROM clients WHERE tenant_id = $1 AND client_id = $2");
    LIST = concat!(
        "SELECT ", client_columns!(), " FROM clients WHERE tenant_id = $1 AND client_id > $2 \
         ORDER BY client_id LIMIT $3"
    );
    CREATE = concat!(
        "WITH made AS (INSERT INTO clients (tenant_id, ", client_columns!(), ") VALUES \
         ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) RETURNING 1)",
        effects!("$20" if "made")
    );
    SET_ENABLED = concat!(
        "WITH changed AS (UPDATE clients SET enabled = $3 WHERE tenant_id = $1 AND client_id = $2 RETURNING 1)",
        effects!("$4" if "changed")
    );
    LIST_SCOPES = concat!("SELECT ", scope_columns!(), " FROM scopes WHERE tenant_id = $1 ORDER BY name");
    SEED_SCOPES = concat!(
        "WITH made AS (INSERT INTO scopes (tenant_id, ", scope_columns!(), ") \
           SELECT $1::text, s.* FROM unnest($2::text[], $3::text[], $4::boolean[]) AS s \
           ON CONFLICT DO NOTHING RETURNING 1)",
        effects!("$5" if "made")
    );
}

#[async_trait]
impl ClientStore for Tenant {
    async fn load_client(&self, id: &ClientId) -> StorageResult<Option<Client>> {
        self.db
            .find(LOAD, &[&self.id(), &id.as_str()], |row| rows::client(row))
            .await
    }

    async fn list_clients(&self, page: &Page) -> StorageResult<Vec<Client>> {
        let after = page.after.as_deref().unwrap_or_default();
        self.db
            .list(LIST, &[&self.id(), &after, &limit(page)], |row| rows::client(row))
            .await
    }

    async fn create_client(&self, client: &Client, effects: Effects) -> StorageResult<()> {
        let grant_types: Vec<&str> = client
            .grant_types
            .iter()
            .copied()
            .map(GrantType::as_str)
            .collect();
        let made = self
            .db
            .decide(
                CREATE,
                &[
                    &self.id(),
                    &client.id.as_str(),
                    &client.name,
                    &client.token_endpoint_auth_method.as_str(),
                    &client.secret_hash.as_ref().map(|hash| hash.as_bytes().as_slice()),
                    &codec::to_json(&client.redirect_uris)?,
                    &codec::to_json(&client.post_logout_redirect_uris)?,
                    &codec::to_json(&grant_types)?,
                    &client.scopes.to_string(),
                    &codec::to_json(&client.audiences)?,
                    &client.id_token_signed_response_alg.as_str(),
                    &client.access_token_signed_response_alg.as_str(),
                    &client.first_party,
                    &client.client_uri,
                    &client.policy_uri,
                    &client.tos_uri,
                    &client.rotate_refresh_tokens,
                    &client.enabled,
                    &client.created_at.as_micros(),
                    &self.effects(effects)?,
                ],
            )
            .await;
        taken(made, || format!("client {}", client.id))
    }

    async fn set_client_enabled(
        &self,
        id: &ClientId,
        enabled: bool,
        effects: Effects,
    ) -> StorageResult<bool> {
        self.db
            .decide(
                SET_ENABLED,
                &[&self.id(), &id.as_str(), &enabled, &self.effects(effects)?],
            )
            .await
    }
}

#[async_trait]
impl ScopeStore for Tenant {
    async fn list_scopes(&self) -> StorageResult<Vec<ScopeDefinition>> {
        self.db
            .list(LIST_SCOPES, &[&self.id()], |row| rows::scope_definition(row))
            .await
    }

    async fn seed_scopes(&self, scopes: &[ScopeDefinition], effects: Effects) -> StorageResult<()> {
        let names: Vec<&str> = scopes.iter().map(|s| s.name.as_str()).collect();
        let descriptions: Vec<&str> = scopes.iter().map(|s| s.description.as_str()).collect();
        let defaults: Vec<bool> = scopes.iter().map(|s| s.is_default).collect();
        self.db
            .decide(
                SEED_SCOPES,
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
