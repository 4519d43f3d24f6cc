//! Registered clients.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    ClientId, Effects, Timestamp, TokenHash,
    client::Client,
    key::SigningAlg,
    ports::{ClientStore, Page, StorageResult, UpdateOutcome},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements, taken},
    effects, grants,
};
use crate::{
    codec::{self, to_json},
    rows::{self, client_columns},
    rules::update_outcome,
};

statements! {
    LOAD = "SELECT ", client_columns!(), " FROM clients WHERE tenant_id = ?1 AND client_id = ?2";
    LIST = "SELECT ", client_columns!(), " FROM clients WHERE tenant_id = ?1 AND client_id > ?2 \
        ORDER BY client_id LIMIT ?3";
    CREATE = "INSERT INTO clients (tenant_id, ", client_columns!(), ") \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
        ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32)";
    SET_ENABLED = "UPDATE clients SET enabled = ?3, version = version + 1 WHERE tenant_id = ?1 AND client_id = ?2";
    UPDATE = "UPDATE clients SET name = ?3, token_endpoint_auth_method = ?4, secret_hash = ?5, redirect_uris = ?6, \
        post_logout_redirect_uris = ?7, grant_types = ?8, scopes = ?9, audiences = ?10, \
        id_token_signed_response_alg = ?11, access_token_signed_response_alg = ?12, first_party = ?13, \
        client_uri = ?14, policy_uri = ?15, tos_uri = ?16, rotate_refresh_tokens = ?17, enabled = ?18, \
        created_at = ?19, secret_sealed = ?20, jwks = ?21, jwks_uri = ?22, token_endpoint_auth_signing_alg = ?23, \
        assertion_audience = ?24, introspection_audiences = ?25, access_token_format = ?26, \
        userinfo_signed_response_alg = ?27, access_token_ttl = ?28, id_token_ttl = ?29, refresh_token_ttl = ?30, \
        default_max_age = ?31, version = version + 1 \
        WHERE tenant_id = ?1 AND client_id = ?2 AND version = ?32";
    EXISTS = "SELECT 1 FROM clients WHERE tenant_id = ?1 AND client_id = ?2";
    DELETE = "DELETE FROM clients WHERE tenant_id = ?1 AND client_id = ?2";
    FORGET_CONSENTS = "DELETE FROM consents WHERE tenant_id = ?1 AND client_id = ?2";
    REVOKE_GRANTS = "UPDATE grants SET revoked_at = ?3 \
        WHERE tenant_id = ?1 AND client_id = ?2 AND revoked_at IS NULL AND expires_at > ?3 RETURNING id";
    REVOKE_TOKENS = "UPDATE access_tokens SET revoked_at = ?3 \
        WHERE tenant_id = ?1 AND client_id = ?2 AND revoked_at IS NULL";
}

/// Runs a statement on the whole row; answers how many rows it changed.
fn write_row(access: &Access<'_>, sql: &str, client: &Client) -> StorageResult<usize> {
    let place = rows::secret_place(access.tenant, client.id.as_str());
    let secret = client
        .secret
        .as_ref()
        .map(|secret| access.sealer.seal(&place, &codec::secret_bytes(secret)))
        .transpose()?;
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
        secret,
        client.jwks,
        client.jwks_uri,
        client.token_endpoint_auth_signing_alg,
        client.assertion_audience.as_str(),
        to_json(&client.introspection_audiences)?,
        client.access_token_format.as_str(),
        client.userinfo_signed_response_alg.map(SigningAlg::as_str),
        client.access_token_ttl.map(codec::micros),
        client.id_token_ttl.map(codec::micros),
        client.refresh_token_ttl.map(codec::micros),
        client.default_max_age,
        client.version,
    ];
    access.execute(sql, row)
}

/// The client itself, with everything that was given to it.
fn delete(access: &Access<'_>, id: &ClientId, now: Timestamp) -> StorageResult<bool> {
    if access.execute(DELETE, params![access.tenant(), id.as_str()])? == 0 {
        return Ok(false);
    }
    access.execute(FORGET_CONSENTS, params![access.tenant(), id.as_str()])?;
    let row = params![access.tenant(), id.as_str(), now.as_micros()];
    grants::tell_each(access, REVOKE_GRANTS, row)?;
    access.execute(REVOKE_TOKENS, row)?;
    Ok(true)
}

#[async_trait]
impl ClientStore for SqliteTenant {
    async fn load_client(&self, id: &ClientId) -> StorageResult<Option<Arc<Client>>> {
        let id = id.clone();
        let found = self
            .look_up(move |access| {
                access.find(LOAD, params![access.tenant(), id.as_str()], |row| {
                    rows::client(row, access.tenant, access.sealer)
                })
            })
            .await?;
        Ok(found.map(Arc::new))
    }

    async fn list_clients(&self, page: &Page) -> StorageResult<Vec<Client>> {
        let (after, limit) = super::window(page);
        self.read(move |access| {
            access.list(LIST, params![access.tenant(), after, limit], |row| {
                rows::client(row, access.tenant, access.sealer)
            })
        })
        .await
    }

    async fn create_client(&self, client: &Client, effects: Effects) -> StorageResult<()> {
        let client = client.clone();
        self.write(move |access| {
            taken(write_row(access, CREATE, &client), || {
                format!("client {}", client.id)
            })?;
            effects::store(access, &effects)
        })
        .await
    }

    async fn update_client(&self, client: &Client, effects: Effects) -> StorageResult<UpdateOutcome> {
        let client = client.clone();
        self.write(move |access| {
            let updated = write_row(access, UPDATE, &client)? > 0;
            access.store_if(updated, &effects)?;
            let key = params![access.tenant(), client.id.as_str()];
            let exists = updated || access.find(EXISTS, key, |_| Ok(()))?.is_some();
            Ok(update_outcome(updated, exists))
        })
        .await
    }

    async fn delete_client(&self, id: &ClientId, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        let id = id.clone();
        self.write(move |access| {
            let deleted = delete(access, &id, now)?;
            access.store_if(deleted, &effects)
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
