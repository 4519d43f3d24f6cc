//! Rows become domain types here, for both backends: each brings a [`Columns`] that reads a row from left to right,
//! and selects the columns in the order of the `…_columns!` list beside the decoder.

mod registry;
mod spending;

use std::{sync::Arc, time::Duration};

use authly_core::{
    SessionId, StorageError, TenantId, Timestamp, TokenHash, UserId,
    effects::{Invalidation, Topic},
    grant::Consent,
    interaction::Interaction,
    plugin::{DesiredPlugin, PluginComponent},
    ports::{LoadedSession, SequencedInvalidation},
    secret::SecretText,
    session::Session,
    user::{LoginRecord, User},
};
use uuid::Uuid;

use crate::{
    codec::{self, corrupt},
    rules::throttle::Failures,
    seal::Place,
};

pub(crate) use registry::{
    client, client_columns, key_columns, key_place, scope_columns, scope_definition, secret_place,
    signing_key,
};
pub(crate) use spending::{
    access_token, access_token_columns, code_columns, code_fact_columns, code_facts, grant, grant_columns,
    loaded_code, loaded_refresh, nonce_place, refresh_columns, refresh_fact_columns, refresh_facts,
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

macro_rules! user_columns {
    () => {
        "id, username, claims, group_names, is_admin, enabled, pseudonym, created_at, updated_at, verified, \
         requires_password_change, password_changed_at, last_login_at, version"
    };
}
pub(crate) use user_columns;

/// [`user_columns!`] of `users u`, beside other tables.
macro_rules! joined_user_columns {
    () => {
        "u.id, u.username, u.claims, u.group_names, u.is_admin, u.enabled, u.pseudonym, u.created_at, u.updated_at, \
         u.verified, u.requires_password_change, u.password_changed_at, u.last_login_at, u.version"
    };
}
pub(crate) use joined_user_columns;

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

/// [`session_columns!`] of `sessions s`, its person, and what there is of `consents c`.
macro_rules! loaded_session_columns {
    () => {
        concat!(
            "s.id, s.hash, s.user_id, s.auth_time, s.amr, s.created_at, s.expires_at, s.last_seen_at, s.user_agent, \
             s.address, ",
            $crate::rows::joined_user_columns!(),
            ", c.client_id, c.scope, c.updated_at"
        )
    };
}
pub(crate) use loaded_session_columns;

pub(crate) fn loaded_session(row: &mut impl Columns) -> Read<LoadedSession> {
    let (session, user) = (session(row)?, user(row)?);
    let consent = match (row.text_opt()?, row.text_opt()?, row.time_opt()?) {
        (Some(client_id), Some(scope), Some(updated_at)) => Some(Consent {
            user_id: user.id,
            client_id: codec::client_id(&client_id, "consents.client_id")?,
            scope: codec::scope(&scope, "consents.scope")?,
            updated_at,
        }),
        _ => None,
    };
    Ok(LoadedSession {
        session,
        user: Arc::new(user),
        consent,
    })
}

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
