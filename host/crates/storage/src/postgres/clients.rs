//! Registered clients.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    ClientId, Effects, Timestamp,
    client::{Client, GrantType},
    key::SigningAlg,
    ports::{ClientStore, Page, StorageResult, UpdateOutcome},
};

use super::{
    Tenant,
    effects::{effects, killed},
    pool::Param,
    statements::statements,
    tenant::{limit, taken},
};
use crate::{
    codec,
    rows::{self, client_columns},
    rules::update_outcome,
};

statements! {
    LOAD = concat!("SELECT ", client_columns!(), " FROM clients WHERE tenant_id = $1 AND client_id = $2");
    LIST = concat!(
        "SELECT ", client_columns!(), " FROM clients WHERE tenant_id = $1 AND client_id > $2 \
         ORDER BY client_id LIMIT $3"
    );
    CREATE = concat!(
        "WITH made AS (INSERT INTO clients (tenant_id, ", client_columns!(), ") VALUES \
         ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
         $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32) RETURNING 1)",
        effects!("$33" if "made")
    );
    SET_ENABLED = concat!(
        "WITH changed AS (UPDATE clients SET enabled = $3, version = version + 1 \
           WHERE tenant_id = $1 AND client_id = $2 RETURNING 1)",
        effects!("$4" if "changed")
    );
    UPDATE = concat!(
        "WITH updated AS (UPDATE clients SET name = $3, token_endpoint_auth_method = $4, secret_hash = $5, \
           redirect_uris = $6, post_logout_redirect_uris = $7, grant_types = $8, scopes = $9, audiences = $10, \
           id_token_signed_response_alg = $11, access_token_signed_response_alg = $12, first_party = $13, \
           client_uri = $14, policy_uri = $15, tos_uri = $16, rotate_refresh_tokens = $17, enabled = $18, \
           created_at = $19, secret_sealed = $20, jwks = $21, jwks_uri = $22, \
           token_endpoint_auth_signing_alg = $23, assertion_audience = $24, introspection_audiences = $25, \
           access_token_format = $26, userinfo_signed_response_alg = $27, access_token_ttl = $28, \
           id_token_ttl = $29, refresh_token_ttl = $30, default_max_age = $31, version = version + 1 \
           WHERE tenant_id = $1 AND client_id = $2 AND version = $32 RETURNING 1)",
        effects!("$33" if "updated")
    );
    EXISTS = "SELECT 1 FROM clients WHERE tenant_id = $1 AND client_id = $2";
    /// With everything that was given to it.
    DELETE = concat!(
        "WITH gone AS (DELETE FROM clients WHERE tenant_id = $1 AND client_id = $2 RETURNING 1), \
         forgotten AS (DELETE FROM consents WHERE tenant_id = $1 AND client_id = $2 \
           AND EXISTS (SELECT 1 FROM gone)), ",
        killed!("client_id = $2 AND EXISTS (SELECT 1 FROM gone)" at "$3"),
        ", refused AS (UPDATE access_tokens SET revoked_at = $3 WHERE tenant_id = $1 AND client_id = $2 \
           AND revoked_at IS NULL AND EXISTS (SELECT 1 FROM gone))",
        effects!("$4" if "gone" telling "killed")
    );
}

#[async_trait]
impl ClientStore for Tenant {
    async fn load_client(&self, id: &ClientId) -> StorageResult<Option<Arc<Client>>> {
        let found = self
            .db
            .find(LOAD, &[&self.id(), &id.as_str()], |row| {
                rows::client(row, &self.name, &self.sealer)
            })
            .await?;
        Ok(found.map(Arc::new))
    }

    async fn list_clients(&self, page: &Page) -> StorageResult<Vec<Client>> {
        let after = page.after.as_deref().unwrap_or_default();
        self.db
            .list(LIST, &[&self.id(), &after, &limit(page)], |row| {
                rows::client(row, &self.name, &self.sealer)
            })
            .await
    }

    async fn create_client(&self, client: &Client, effects: Effects) -> StorageResult<()> {
        let made = self.decide_row(CREATE, client, effects).await;
        taken(made, || format!("client {}", client.id))
    }

    async fn update_client(&self, client: &Client, effects: Effects) -> StorageResult<UpdateOutcome> {
        let updated = self.decide_row(UPDATE, client, effects).await?;
        let key: [Param<'_>; 2] = [&self.id(), &client.id.as_str()];
        let exists = updated || !self.db.read(EXISTS, &key).await?.is_empty();
        Ok(update_outcome(updated, exists))
    }

    async fn delete_client(&self, id: &ClientId, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        self.db
            .decide(
                DELETE,
                &[
                    &self.id(),
                    &id.as_str(),
                    &now.as_micros(),
                    &self.effects(effects)?,
                ],
            )
            .await
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

impl Tenant {
    /// Runs a statement on the whole row.
    async fn decide_row(&self, sql: &'static str, client: &Client, effects: Effects) -> StorageResult<bool> {
        let place = rows::secret_place(&self.name, client.id.as_str());
        let secret = client
            .secret
            .as_ref()
            .map(|secret| self.sealer.seal(&place, &codec::secret_bytes(secret)))
            .transpose()?;
        let grant_types: Vec<&str> = client
            .grant_types
            .iter()
            .copied()
            .map(GrantType::as_str)
            .collect();
        self.db
            .decide(
                sql,
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
                    &secret,
                    &client.jwks,
                    &client.jwks_uri,
                    &client.token_endpoint_auth_signing_alg,
                    &client.assertion_audience.as_str(),
                    &codec::to_json(&client.introspection_audiences)?,
                    &client.access_token_format.as_str(),
                    &client.userinfo_signed_response_alg.map(SigningAlg::as_str),
                    &client.access_token_ttl.map(codec::micros),
                    &client.id_token_ttl.map(codec::micros),
                    &client.refresh_token_ttl.map(codec::micros),
                    &client.default_max_age.map(i64::from),
                    &client.version,
                    &self.effects(effects)?,
                ],
            )
            .await
    }
}
