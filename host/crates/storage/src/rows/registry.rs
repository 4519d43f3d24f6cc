//! Rows of what an operator registers: clients, scopes, signing keys.

use authly_core::{
    TenantId,
    client::{AccessTokenFormat, AssertionAudience, AuthMethod, Client, GrantType},
    key::StoredKey,
    ports::ScopeDefinition,
};

use super::{Columns, Read};
use crate::{
    codec::{self, corrupt},
    seal::{Place, Sealer},
};

macro_rules! client_columns {
    () => {
        "client_id, name, token_endpoint_auth_method, secret_hash, redirect_uris, post_logout_redirect_uris, \
         grant_types, scopes, audiences, id_token_signed_response_alg, access_token_signed_response_alg, \
         first_party, client_uri, policy_uri, tos_uri, rotate_refresh_tokens, enabled, created_at, \
         secret_sealed, jwks, jwks_uri, token_endpoint_auth_signing_alg, assertion_audience, \
         introspection_audiences, access_token_format, userinfo_signed_response_alg, access_token_ttl, \
         id_token_ttl, refresh_token_ttl, default_max_age, version"
    };
}
pub(crate) use client_columns;

/// Where a client's secret is sealed.
pub(crate) fn secret_place<'a>(tenant: &'a TenantId, client_id: &'a str) -> Place<'a> {
    Place {
        tenant,
        table: "clients",
        row: client_id.as_bytes(),
        column: "secret_sealed",
    }
}

pub(crate) fn client(row: &mut impl Columns, tenant: &TenantId, sealer: &Sealer) -> Read<Client> {
    let mut client = plain_client(row)?;
    let at_rest = row.bytes_opt()?;
    client.secret = at_rest
        .map(|at_rest| {
            let opened = sealer.open(&secret_place(tenant, client.id.as_str()), &at_rest)?;
            codec::secret_text(&opened, "clients.secret_sealed")
        })
        .transpose()?;
    client.jwks = row.text_opt()?;
    client.jwks_uri = row.text_opt()?;
    client.token_endpoint_auth_signing_alg = row.text_opt()?;
    client.assertion_audience =
        AssertionAudience::parse(&row.text()?).ok_or_else(|| corrupt("clients.assertion_audience"))?;
    client.introspection_audiences = row.list("clients.introspection_audiences")?;
    client.access_token_format =
        AccessTokenFormat::parse(&row.text()?).ok_or_else(|| corrupt("clients.access_token_format"))?;
    client.userinfo_signed_response_alg = row
        .text_opt()?
        .map(|name| codec::alg(&name, "clients.userinfo_signed_response_alg"))
        .transpose()?;
    client.access_token_ttl = row.duration_opt("clients.access_token_ttl")?;
    client.id_token_ttl = row.duration_opt("clients.id_token_ttl")?;
    client.refresh_token_ttl = row.duration_opt("clients.refresh_token_ttl")?;
    client.default_max_age = row
        .int_opt()?
        .map(|secs| u32::try_from(secs).map_err(|_| corrupt("clients.default_max_age")))
        .transpose()?;
    client.version = row.int()?;
    Ok(client)
}

/// The columns up to `created_at`; the others at their defaults.
fn plain_client(row: &mut impl Columns) -> Read<Client> {
    Ok(Client {
        id: codec::client_id(&row.text()?, "clients.client_id")?,
        name: row.text()?,
        token_endpoint_auth_method: AuthMethod::parse(&row.text()?)
            .ok_or_else(|| corrupt("clients.token_endpoint_auth_method"))?,
        secret_hash: row.hash_opt("clients.secret_hash")?,
        redirect_uris: row.list("clients.redirect_uris")?,
        post_logout_redirect_uris: row.list("clients.post_logout_redirect_uris")?,
        grant_types: row
            .list("clients.grant_types")?
            .iter()
            .map(|name| GrantType::parse(name).ok_or_else(|| corrupt("clients.grant_types")))
            .collect::<Read<_>>()?,
        scopes: codec::scope(&row.text()?, "clients.scopes")?,
        audiences: row.list("clients.audiences")?,
        id_token_signed_response_alg: codec::alg(&row.text()?, "clients.id_token_signed_response_alg")?,
        access_token_signed_response_alg: codec::alg(
            &row.text()?,
            "clients.access_token_signed_response_alg",
        )?,
        first_party: row.flag()?,
        client_uri: row.text_opt()?,
        policy_uri: row.text_opt()?,
        tos_uri: row.text_opt()?,
        rotate_refresh_tokens: row.flag()?,
        enabled: row.flag()?,
        created_at: row.time()?,
        secret: None,
        jwks: None,
        jwks_uri: None,
        token_endpoint_auth_signing_alg: None,
        assertion_audience: AssertionAudience::default(),
        introspection_audiences: Vec::new(),
        access_token_format: AccessTokenFormat::default(),
        userinfo_signed_response_alg: None,
        access_token_ttl: None,
        id_token_ttl: None,
        refresh_token_ttl: None,
        default_max_age: None,
        version: 0,
    })
}

macro_rules! scope_columns {
    () => {
        "name, description, is_default"
    };
}
pub(crate) use scope_columns;

pub(crate) fn scope_definition(row: &mut impl Columns) -> Read<ScopeDefinition> {
    Ok(ScopeDefinition {
        name: row.text()?,
        description: row.text()?,
        is_default: row.flag()?,
    })
}

macro_rules! key_columns {
    () => {
        "kid, alg, state, public_jwk, private_sealed, created_at, state_since"
    };
}
pub(crate) use key_columns;

/// Where a signing key's private part is sealed.
pub(crate) fn key_place<'a>(tenant: &'a TenantId, kid: &'a str) -> Place<'a> {
    Place {
        tenant,
        table: "signing_keys",
        row: kid.as_bytes(),
        column: "private_sealed",
    }
}

pub(crate) fn signing_key(row: &mut impl Columns, tenant: &TenantId, sealer: &Sealer) -> Read<StoredKey> {
    let kid = row.text()?;
    Ok(StoredKey {
        kid: codec::kid(&kid)?,
        alg: codec::alg(&row.text()?, "signing_keys.alg")?,
        state: codec::key_state(&row.text()?)?,
        public_jwk: row.text()?,
        private: sealer.open(&key_place(tenant, &kid), &row.bytes()?)?,
        created_at: row.time()?,
        state_since: row.time()?,
    })
}
