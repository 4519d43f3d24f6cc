//! Grants, and the flag that kills a family.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    Effects, GrantId, Timestamp, Topic, UserId,
    grant::Grant,
    ports::{GrantStore, StorageResult},
};
use rusqlite::{Params, params};

use super::{
    SqliteTenant,
    access::{Access, statements, taken},
    effects,
};
use crate::{
    codec::to_json,
    rows::{self, Columns as _, grant_columns},
};

statements! {
    LOAD = "SELECT ", grant_columns!(), " FROM grants g WHERE g.tenant_id = ?1 AND g.id = ?2";
    INSERT = "INSERT INTO grants (tenant_id, id, client_id, user_id, scope, auth_time, amr, claims, \
        session_id, created_at, expires_at, revoked_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    REVOKE_ALL = "UPDATE grants SET revoked_at = ?3 \
        WHERE tenant_id = ?1 AND user_id = ?2 AND revoked_at IS NULL AND expires_at > ?3 RETURNING id";
    REVOKE = "UPDATE grants SET revoked_at = ?3 WHERE tenant_id = ?1 AND id = ?2 AND revoked_at IS NULL";
}

pub(super) fn insert(access: &Access<'_>, grant: &Grant) -> StorageResult<()> {
    let session_id = grant.session_id.map(|s| s.as_uuid().into_bytes());
    let row = params![
        access.tenant(),
        grant.id.as_uuid().into_bytes(),
        grant.client_id.as_str(),
        grant.user_id.as_uuid().into_bytes(),
        grant.scope.to_string(),
        grant.auth_time.as_micros(),
        to_json(&grant.amr)?,
        to_json(&grant.claims)?,
        session_id,
        grant.created_at.as_micros(),
        grant.expires_at.as_micros(),
        grant.revoked_at.map(Timestamp::as_micros),
    ];
    taken(access.execute(INSERT, row), || "grant".to_owned())?;
    Ok(())
}

/// The grant, revoked or not.
pub(super) fn find(access: &Access<'_>, id: GrantId) -> StorageResult<Option<Grant>> {
    let key = params![access.tenant(), id.as_uuid().into_bytes()];
    access.find(LOAD, key, |row| rows::grant(row))
}

/// Sets the flag; `false` when it was set already.
pub(super) fn revoke(access: &Access<'_>, id: GrantId, now: Timestamp) -> StorageResult<bool> {
    let row = params![access.tenant(), id.as_uuid().into_bytes(), now.as_micros()];
    Ok(access.execute(REVOKE, row)? > 0)
}

/// Sets the flag of every living grant of a person; answers how many.
pub(super) fn revoke_all(access: &Access<'_>, user_id: UserId, now: Timestamp) -> StorageResult<u64> {
    let row = params![access.tenant(), user_id.as_uuid().into_bytes(), now.as_micros()];
    tell_each(access, REVOKE_ALL, row)
}

/// Runs a statement that answers the ids of grants that died, and leaves an invalidation for each: the caller cannot
/// know them. Answers how many.
pub(super) fn tell_each(access: &Access<'_>, sql: &str, params: impl Params) -> StorageResult<u64> {
    let killed = access.list(sql, params, |row| row.uuid())?;
    let told = killed.iter().fold(Effects::none(), |effects, id| {
        effects.invalidating(Topic::Grant, id.to_string())
    });
    effects::store(access, &told)?;
    Ok(killed.len() as u64)
}

#[async_trait]
impl GrantStore for SqliteTenant {
    async fn load_grant(&self, id: GrantId) -> StorageResult<Option<Arc<Grant>>> {
        let found = self.look_up(move |access| find(access, id)).await?;
        Ok(found.map(Arc::new))
    }

    async fn revoke_grant(&self, id: GrantId, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        self.write(move |access| {
            let revoked = revoke(access, id, now)?;
            access.store_if(revoked, &effects)
        })
        .await
    }
}
