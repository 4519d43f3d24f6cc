//! Rows become domain types here, for both backends: each brings a [`Columns`] that reads a row from left to right,
//! and selects the columns in the order of the `…_columns!` list beside the decoder.

mod spending;

use std::time::Duration;

use authly_core::{
    SessionId, StorageError, TenantId, Timestamp, TokenHash, UserId,
    client::{AccessTokenFormat, AssertionAudience, AuthMethod, Client, GrantType},
    effects::{Invalidation, Topic},
    grant::Consent,
    interaction::Interaction,
    key::StoredKey,
    plugin::{DesiredPlugin, PluginComponent},
    ports::{ScopeDefinition, SequencedInvalidation},
    secret::SecretText,
    session::Session,
    user::{LoginRecord, User},
};
use uuid::Uuid;

use crate::{
    codec::{self, corrupt},
    rules::throttle::Failures,
    seal::{Place, Sealer},
};

pub(crate) use spending::{
    access_token, access_token_columns, authorization_code, code_columns, code_fact_columns, code_facts,
    grant, grant_columns, nonce_place, refresh_columns, refresh_fact_columns, refresh_facts, refresh_token,
};

type Read<T> = Result<T, StorageError>;

/// A row, read column by column from the left.
pub(crate) trait Columns {
    /// The next column, text.
    fn text(&mut self) -> Read<String>;
    /// The next column, text or NULL.
    fn text_opt(&mut self) -> Read<Option<String>>;
    /// The next column, an integer.
    fn int(&mut self) -> Read<i64>;
    /// The next column, an integer or NULL.
    fn int_opt(&mut self) -> Read<Option<i64>>;
    /// The next column, a truth value.
    fn flag(&mut self) -> Read<bool>;
    /// The next column, bytes.
    fn bytes(&mut self) -> Read<Vec<u8>>;
    /// The next column, bytes or NULL.
    fn bytes_opt(&mut self) -> Read<Option<Vec<u8>>>;
    /// The next column, a UUID.
    fn uuid(&mut self) -> Read<Uuid>;
    /// The next column, a UUID or NULL.
    fn uuid_opt(&mut self) -> Read<Option<Uuid>>;

    /// The next column, how many.
    fn count(&mut self) -> Read<u64> {
        u64::try_from(self.int()?).map_err(|_| corrupt("a count below zero"))
    }
    /// The next column, a time.
    fn time(&mut self) -> Read<Timestamp> {
        self.int().map(Timestamp::from_micros)
    }
    /// The next column, a time or NULL.
    fn time_opt(&mut self) -> Read<Option<Timestamp>> {
        Ok(self.int_opt()?.map(Timestamp::from_micros))
    }
    /// The next column, whole microseconds or NULL.
    fn duration_opt(&mut self, what: &str) -> Read<Option<Duration>> {
        let micros = self.int_opt()?;
        micros
            .map(|micros| u64::try_from(micros).map_err(|_| corrupt(what)))
            .transpose()
            .map(|micros| micros.map(Duration::from_micros))
    }
    /// The next column, a SHA-256.
    fn hash(&mut self, what: &str) -> Read<TokenHash> {
        codec::hash(&self.bytes()?, what)
    }
    /// The next column, a SHA-256 or NULL.
    fn hash_opt(&mut self, what: &str) -> Read<Option<TokenHash>> {
        self.bytes_opt()?.map(|b| codec::hash(&b, what)).transpose()
    }
    /// The next column, a JSON list of texts.
    fn list(&mut self, what: &str) -> Read<Vec<String>> {
        codec::from_json(&self.text()?, what)
    }
}

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
    let sealed = row.bytes_opt()?;
    client.secret = sealed
        .map(|sealed| {
            let opened = sealer.open(&secret_place(tenant, client.id.as_str()), &sealed)?;
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

macro_rules! user_columns {
    () => {
        "id, username, claims, group_names, is_admin, enabled, pseudonym, created_at, updated_at, verified, \
         requires_password_change, password_changed_at, last_login_at, version"
    };
}
pub(crate) use user_columns;

pub(crate) fn user(row: &mut impl Columns) -> Read<User> {
    Ok(User {
        id: UserId::from_uuid(row.uuid()?),
        username: row.text()?,
        claims: codec::from_json(&row.text()?, "users.claims")?,
        groups: row.list("users.group_names")?,
        is_admin: row.flag()?,
        enabled: row.flag()?,
        pseudonym: row.uuid()?,
        created_at: row.time()?,
        updated_at: row.time()?,
        verified: row.flag()?,
        requires_password_change: row.flag()?,
        password_changed_at: row.time_opt()?,
        last_login_at: row.time_opt()?,
        version: row.int()?,
    })
}

/// `user_columns!()` and then `password_hash`.
pub(crate) fn login_record(row: &mut impl Columns) -> Read<LoginRecord> {
    Ok(LoginRecord {
        user: user(row)?,
        password_hash: row.text_opt()?.map(SecretText::new),
    })
}

macro_rules! session_columns {
    () => {
        "id, hash, user_id, auth_time, amr, created_at, expires_at, last_seen_at, user_agent, address"
    };
}
pub(crate) use session_columns;

pub(crate) fn session(row: &mut impl Columns) -> Read<Session> {
    Ok(Session {
        id: SessionId::from_uuid(row.uuid()?),
        hash: row.hash("sessions.hash")?,
        user_id: UserId::from_uuid(row.uuid()?),
        auth_time: row.time()?,
        amr: row.list("sessions.amr")?,
        created_at: row.time()?,
        expires_at: row.time()?,
        last_seen_at: row.time()?,
        user_agent: row.text_opt()?,
        address: row
            .text_opt()?
            .map(|text| text.parse().map_err(|_| corrupt("sessions.address")))
            .transpose()?,
    })
}

macro_rules! interaction_columns {
    () => {
        "hash, browser_hash, request, state, version, created_at, expires_at"
    };
}
pub(crate) use interaction_columns;

pub(crate) fn interaction(row: &mut impl Columns) -> Read<Interaction> {
    Ok(Interaction {
        hash: row.hash("interactions.hash")?,
        browser: row.hash_opt("interactions.browser_hash")?,
        request: codec::from_json(&row.text()?, "interactions.request")?,
        state: codec::from_json(&row.text()?, "interactions.state")?,
        version: row.int()?,
        created_at: row.time()?,
        expires_at: row.time()?,
    })
}

macro_rules! consent_columns {
    () => {
        "user_id, client_id, scope, updated_at"
    };
}
pub(crate) use consent_columns;

pub(crate) fn consent(row: &mut impl Columns) -> Read<Consent> {
    Ok(Consent {
        user_id: UserId::from_uuid(row.uuid()?),
        client_id: codec::client_id(&row.text()?, "consents.client_id")?,
        scope: codec::scope(&row.text()?, "consents.scope")?,
        updated_at: row.time()?,
    })
}

/// Where a message's payload is sealed.
pub(crate) fn outbox_place<'a>(tenant: &'a TenantId, id: &'a Uuid) -> Place<'a> {
    Place {
        tenant,
        table: "outbox",
        row: id.as_bytes(),
        column: "payload_sealed",
    }
}

macro_rules! throttle_columns {
    () => {
        "failures, last_failure_at, forget_at"
    };
}
pub(crate) use throttle_columns;

pub(crate) fn failures(row: &mut impl Columns) -> Read<Failures> {
    Ok(Failures {
        count: row.int()?,
        last_at: row.time()?,
        forget_at: row.time()?,
    })
}

macro_rules! plugin_columns {
    () => {
        "name, enabled, active_digest, previous_digests, generation, updated_at"
    };
}
pub(crate) use plugin_columns;

pub(crate) fn desired_plugin(row: &mut impl Columns) -> Read<DesiredPlugin> {
    Ok(DesiredPlugin {
        name: codec::plugin_name(&row.text()?)?,
        enabled: row.flag()?,
        active_digest: codec::digest(&row.bytes()?, "plugins.active_digest")?,
        previous_digests: codec::digests_from_json(&row.text()?)?,
        generation: row.int()?,
        updated_at: row.time()?,
    })
}

macro_rules! component_columns {
    () => {
        "digest, wasm, toml"
    };
}
pub(crate) use component_columns;

pub(crate) fn component(row: &mut impl Columns) -> Read<PluginComponent> {
    Ok(PluginComponent {
        digest: codec::digest(&row.bytes()?, "plugin_components.digest")?,
        wasm: row.bytes()?,
        toml: row.text()?,
    })
}

macro_rules! invalidation_columns {
    () => {
        "tenant_id, topic, key"
    };
}
pub(crate) use invalidation_columns;

/// `None` for a topic of a newer release: this one caches nothing of that kind.
pub(crate) fn invalidation(seq: i64, row: &mut impl Columns) -> Read<Option<SequencedInvalidation>> {
    let tenant = codec::tenant_id(&row.text()?)?;
    let topic = Topic::parse(&row.text()?);
    let key = row.text()?;
    Ok(topic.map(|topic| SequencedInvalidation {
        seq,
        tenant,
        invalidation: Invalidation { topic, key },
    }))
}
