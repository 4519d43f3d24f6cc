//! Refresh tokens: rotation, the retry within its grace, and the replay that kills the family.

use async_trait::async_trait;
use authly_core::{
    Timestamp, TokenHash,
    grant::{RefreshToken, StoredAccessToken},
    ports::{LoadedRefresh, RefreshStore, RotateEffects, RotateOutcome, Rotation, StorageResult},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements, taken},
    effects, grants, tokens,
};
use crate::{
    codec::corrupt,
    rows::{self, grant_columns, joined_user_columns, refresh_columns, refresh_fact_columns},
    rules::spend::RefreshVerdict,
};

statements! {
    LOAD = "SELECT ", refresh_columns!(), ", ", grant_columns!(), ", ", joined_user_columns!(), " \
        FROM refresh_tokens r JOIN grants g ON g.tenant_id = r.tenant_id AND g.id = r.grant_id \
        JOIN users u ON u.tenant_id = g.tenant_id AND u.id = g.user_id \
        WHERE r.tenant_id = ?1 AND r.hash = ?2";
    INSERT = "INSERT INTO refresh_tokens (tenant_id, hash, grant_id, client_id, scope, created_at, expires_at, \
        predecessor_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    // Single use is decided here. Without RETURNING, for which SQLite would make a table and keep copies of pages.
    ROTATE = "UPDATE refresh_tokens AS r SET consumed_at = ?3, nonce_sealed = ?4, grace_until = ?5 \
        WHERE r.tenant_id = ?1 AND r.hash = ?2 AND r.consumed_at IS NULL AND r.expires_at > ?3 \
        AND EXISTS (SELECT 1 FROM grants g WHERE g.tenant_id = r.tenant_id AND g.id = r.grant_id \
            AND g.revoked_at IS NULL AND g.expires_at > ?3)";
    USABLE = "SELECT 1 FROM refresh_tokens r \
        JOIN grants g ON g.tenant_id = r.tenant_id AND g.id = r.grant_id \
        WHERE r.tenant_id = ?1 AND r.hash = ?2 AND r.consumed_at IS NULL AND r.expires_at > ?3 \
        AND g.revoked_at IS NULL AND g.expires_at > ?3";
    // The successor was used: nothing leads from the old token to the live one any more.
    ERASE_NONCE = "UPDATE refresh_tokens SET nonce_sealed = NULL WHERE tenant_id = ?1 AND nonce_sealed IS NOT NULL \
        AND hash = (SELECT predecessor_hash FROM refresh_tokens WHERE tenant_id = ?1 AND hash = ?2)";
    FACTS = "SELECT ", refresh_fact_columns!(), " FROM refresh_tokens r \
        JOIN grants g ON g.tenant_id = r.tenant_id AND g.id = r.grant_id \
        WHERE r.tenant_id = ?1 AND r.hash = ?2";
}

pub(super) fn insert(
    access: &Access<'_>,
    token: &RefreshToken,
    predecessor: Option<&TokenHash>,
) -> StorageResult<()> {
    let row = params![
        access.tenant(),
        token.hash.as_bytes(),
        token.grant_id.as_uuid().into_bytes(),
        token.client_id.as_str(),
        token.scope.to_string(),
        token.created_at.as_micros(),
        token.expires_at.as_micros(),
        predecessor.map(TokenHash::as_bytes),
    ];
    taken(access.execute(INSERT, row), || "refresh token".to_owned())?;
    Ok(())
}

fn rotate(access: &Access<'_>, rotation: &Rotation, effects: &RotateEffects) -> StorageResult<RotateOutcome> {
    let place = rows::nonce_place(access.tenant, &rotation.hash);
    let row = params![
        access.tenant(),
        rotation.hash.as_bytes(),
        rotation.now.as_micros(),
        access.sealer.seal(&place, &rotation.nonce)?,
        rotation.now.plus(rotation.grace).as_micros(),
    ];
    if access.execute(ROTATE, row)? == 0 {
        let outcome = turned_away(access, &rotation.hash, rotation.now, effects)?;
        return retried_with(access, outcome, rotation.access_token.as_ref());
    }
    insert(access, &rotation.successor, Some(&rotation.hash))?;
    tokens::insert_if(access, rotation.access_token.as_ref())?;
    used(access, &rotation.hash, effects)
}

fn use_once_more(
    access: &Access<'_>,
    hash: &TokenHash,
    access_token: Option<&StoredAccessToken>,
    now: Timestamp,
    effects: &RotateEffects,
) -> StorageResult<RotateOutcome> {
    let row = params![access.tenant(), hash.as_bytes(), now.as_micros()];
    if access.find(USABLE, row, |_| Ok(()))?.is_some() {
        tokens::insert_if(access, access_token)?;
        return used(access, hash, effects);
    }
    let outcome = turned_away(access, hash, now, effects)?;
    retried_with(access, outcome, access_token)
}

/// Whoever tries again is answered, so the access token of that answer must be known too.
fn retried_with(
    access: &Access<'_>,
    outcome: RotateOutcome,
    access_token: Option<&StoredAccessToken>,
) -> StorageResult<RotateOutcome> {
    if matches!(outcome, RotateOutcome::Retried { .. }) {
        tokens::insert_if(access, access_token)?;
    }
    Ok(outcome)
}

/// The token was used.
fn used(access: &Access<'_>, hash: &TokenHash, effects: &RotateEffects) -> StorageResult<RotateOutcome> {
    access.execute(ERASE_NONCE, params![access.tenant(), hash.as_bytes()])?;
    effects::store(access, &effects.rotated)?;
    Ok(RotateOutcome::Rotated)
}

/// The guarded statement let the token not through: says why, and revokes on a replay.
fn turned_away(
    access: &Access<'_>,
    hash: &TokenHash,
    now: Timestamp,
    effects: &RotateEffects,
) -> StorageResult<RotateOutcome> {
    let key = params![access.tenant(), hash.as_bytes()];
    let Some((facts, sealed)) = access.find(FACTS, key, |row| rows::refresh_facts(row))? else {
        return Ok(RotateOutcome::Unknown);
    };
    match facts.judge(now) {
        RefreshVerdict::Revoked => Ok(RotateOutcome::Revoked),
        RefreshVerdict::Expired => Ok(RotateOutcome::Expired),
        RefreshVerdict::Retry => {
            let sealed = sealed.ok_or_else(|| corrupt("refresh_tokens.nonce_sealed"))?;
            let nonce = access
                .sealer
                .open(&rows::nonce_place(access.tenant, hash), &sealed)?;
            Ok(RotateOutcome::Retried { nonce })
        }
        RefreshVerdict::Replayed => {
            let grant_id = facts.grant_id;
            grants::revoke(access, grant_id, now)?;
            effects::store(access, &effects.replayed)?;
            Ok(RotateOutcome::Replayed { grant_id })
        }
        RefreshVerdict::Spendable => Err(corrupt("a refresh token neither spent nor spendable")),
    }
}

#[async_trait]
impl RefreshStore for SqliteTenant {
    async fn load_refresh(&self, hash: &TokenHash) -> StorageResult<Option<LoadedRefresh>> {
        let hash = *hash;
        self.look_up(move |access| {
            access.find(LOAD, params![access.tenant(), hash.as_bytes()], |row| {
                rows::loaded_refresh(row)
            })
        })
        .await
    }

    async fn rotate_refresh(
        &self,
        rotation: Rotation,
        effects: RotateEffects,
    ) -> StorageResult<RotateOutcome> {
        self.write(move |access| rotate(access, &rotation, &effects))
            .await
    }

    async fn use_refresh(
        &self,
        hash: &TokenHash,
        access_token: Option<StoredAccessToken>,
        now: Timestamp,
        effects: RotateEffects,
    ) -> StorageResult<RotateOutcome> {
        let hash = *hash;
        self.write(move |access| use_once_more(access, &hash, access_token.as_ref(), now, &effects))
            .await
    }
}
