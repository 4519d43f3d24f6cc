//! Rows of what is spent once: grants, codes, refresh tokens.

use std::sync::Arc;

use authly_core::{
    GrantId, SessionId, TenantId, TokenHash, UserId,
    grant::{AuthorizationCode, Grant, RefreshToken, StoredAccessToken},
    ports::{LoadedCode, LoadedRefresh},
};

use super::{Columns, Read, user};
use crate::{
    codec,
    rules::spend::{CodeFacts, RefreshFacts},
    seal::Place,
};

/// Of `grants g`.
macro_rules! grant_columns {
    () => {
        "g.id, g.client_id, g.user_id, g.scope, g.auth_time, g.amr, g.claims, g.session_id, g.created_at, \
         g.expires_at, g.revoked_at"
    };
}
pub(crate) use grant_columns;

pub(crate) fn grant(row: &mut impl Columns) -> Read<Grant> {
    Ok(Grant {
        id: GrantId::from_uuid(row.uuid()?),
        client_id: codec::client_id(&row.text()?, "grants.client_id")?,
        user_id: UserId::from_uuid(row.uuid()?),
        scope: codec::scope(&row.text()?, "grants.scope")?,
        auth_time: row.time()?,
        amr: row.list("grants.amr")?,
        claims: codec::from_json(&row.text()?, "grants.claims")?,
        session_id: row.uuid_opt()?.map(SessionId::from_uuid),
        created_at: row.time()?,
        expires_at: row.time()?,
        revoked_at: row.time_opt()?,
    })
}

/// Of `authorization_codes c`.
macro_rules! code_columns {
    () => {
        "c.hash, c.grant_id, c.client_id, c.redirect_uri, c.redirect_uri_given, c.code_challenge, c.nonce, \
         c.scope, c.created_at, c.expires_at, c.consumed_at"
    };
}
pub(crate) use code_columns;

/// `code_columns!()`, `grant_columns!()` and `joined_user_columns!()`.
pub(crate) fn loaded_code(row: &mut impl Columns) -> Read<LoadedCode> {
    Ok(LoadedCode {
        code: authorization_code(row)?,
        grant: grant(row)?,
        user: Arc::new(user(row)?),
    })
}

fn authorization_code(row: &mut impl Columns) -> Read<AuthorizationCode> {
    Ok(AuthorizationCode {
        hash: row.hash("authorization_codes.hash")?,
        grant_id: GrantId::from_uuid(row.uuid()?),
        client_id: codec::client_id(&row.text()?, "authorization_codes.client_id")?,
        redirect_uri: row.text()?,
        redirect_uri_given: row.flag()?,
        code_challenge: row.text_opt()?,
        nonce: row.text_opt()?,
        scope: codec::scope(&row.text()?, "authorization_codes.scope")?,
        created_at: row.time()?,
        expires_at: row.time()?,
        consumed_at: row.time_opt()?,
    })
}

/// Of `authorization_codes c` joined with `grants g`.
macro_rules! code_fact_columns {
    () => {
        "g.id, g.revoked_at, g.expires_at, c.consumed_at, c.expires_at"
    };
}
pub(crate) use code_fact_columns;

pub(crate) fn code_facts(row: &mut impl Columns) -> Read<CodeFacts> {
    Ok(CodeFacts {
        grant_id: GrantId::from_uuid(row.uuid()?),
        grant_revoked_at: row.time_opt()?,
        grant_expires_at: row.time()?,
        consumed_at: row.time_opt()?,
        expires_at: row.time()?,
    })
}

macro_rules! access_token_columns {
    () => {
        "hash, grant_id, client_id, claims, created_at, expires_at, revoked_at"
    };
}
pub(crate) use access_token_columns;

pub(crate) fn access_token(row: &mut impl Columns) -> Read<StoredAccessToken> {
    Ok(StoredAccessToken {
        hash: row.hash("access_tokens.hash")?,
        grant_id: row.uuid_opt()?.map(GrantId::from_uuid),
        client_id: codec::client_id(&row.text()?, "access_tokens.client_id")?,
        claims: codec::from_json(&row.text()?, "access_tokens.claims")?,
        created_at: row.time()?,
        expires_at: row.time()?,
        revoked_at: row.time_opt()?,
    })
}

/// Of `refresh_tokens r`.
macro_rules! refresh_columns {
    () => {
        "r.hash, r.grant_id, r.client_id, r.scope, r.created_at, r.expires_at, r.consumed_at"
    };
}
pub(crate) use refresh_columns;

/// `refresh_columns!()`, `grant_columns!()` and `joined_user_columns!()`.
pub(crate) fn loaded_refresh(row: &mut impl Columns) -> Read<LoadedRefresh> {
    Ok(LoadedRefresh {
        token: refresh_token(row)?,
        grant: grant(row)?,
        user: Arc::new(user(row)?),
    })
}

fn refresh_token(row: &mut impl Columns) -> Read<RefreshToken> {
    Ok(RefreshToken {
        hash: row.hash("refresh_tokens.hash")?,
        grant_id: GrantId::from_uuid(row.uuid()?),
        client_id: codec::client_id(&row.text()?, "refresh_tokens.client_id")?,
        scope: codec::scope(&row.text()?, "refresh_tokens.scope")?,
        created_at: row.time()?,
        expires_at: row.time()?,
        consumed_at: row.time_opt()?,
    })
}

/// Of `refresh_tokens r` joined with `grants g`.
macro_rules! refresh_fact_columns {
    () => {
        "g.id, g.revoked_at, g.expires_at, r.consumed_at, r.expires_at, r.grace_until, r.nonce_sealed"
    };
}
pub(crate) use refresh_fact_columns;

/// The facts and the sealed nonce.
pub(crate) fn refresh_facts(row: &mut impl Columns) -> Read<(RefreshFacts, Option<Vec<u8>>)> {
    let mut facts = RefreshFacts {
        grant_id: GrantId::from_uuid(row.uuid()?),
        grant_revoked_at: row.time_opt()?,
        grant_expires_at: row.time()?,
        consumed_at: row.time_opt()?,
        expires_at: row.time()?,
        grace_until: row.time_opt()?,
        has_nonce: false,
    };
    let nonce = row.bytes_opt()?;
    facts.has_nonce = nonce.is_some();
    Ok((facts, nonce))
}

/// Where a rotated token's nonce is sealed.
pub(crate) fn nonce_place<'a>(tenant: &'a TenantId, hash: &'a TokenHash) -> Place<'a> {
    Place {
        tenant,
        table: "refresh_tokens",
        row: hash.as_bytes(),
        column: "nonce_sealed",
    }
}
