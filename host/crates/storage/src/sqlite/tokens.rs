//! Access tokens that storage knows: opaque ones, and JWTs that were revoked.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    Effects, GrantId, Timestamp, TokenHash,
    grant::{Grant, StoredAccessToken},
    ports::{AccessTokenStore, Standing, StorageResult},
    user::User,
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements, taken},
    effects, grants, users,
};
use crate::{
    codec::to_json,
    rows::{self, access_token_columns},
};

statements! {
    LOAD = "SELECT ", access_token_columns!(), " FROM access_tokens WHERE tenant_id = ?1 AND hash = ?2";
    INSERT = "INSERT INTO access_tokens (tenant_id, ", access_token_columns!(), ") \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    REVOKE = "UPDATE access_tokens SET revoked_at = ?3 WHERE tenant_id = ?1 AND hash = ?2 AND revoked_at IS NULL";
    REVOKE_JWT = "INSERT INTO revoked_jwts (tenant_id, jti, expires_at) VALUES (?1, ?2, ?3) \
        ON CONFLICT (tenant_id, jti) DO NOTHING";
    IS_REVOKED = "SELECT 1 FROM revoked_jwts WHERE tenant_id = ?1 AND jti = ?2";
}

/// Stores the token, if there is one.
pub(super) fn insert_if(access: &Access<'_>, token: Option<&StoredAccessToken>) -> StorageResult<()> {
    let Some(token) = token else { return Ok(()) };
    let row = params![
        access.tenant(),
        token.hash.as_bytes(),
        token.grant_id.map(|id| id.as_uuid().into_bytes()),
        token.client_id.as_str(),
        to_json(&token.claims)?,
        token.created_at.as_micros(),
        token.expires_at.as_micros(),
        token.revoked_at.map(Timestamp::as_micros),
    ];
    taken(access.execute(INSERT, row), || "access token".to_owned())?;
    Ok(())
}

/// A grant and its person.
fn person(access: &Access<'_>, id: GrantId) -> StorageResult<Option<(Arc<Grant>, Arc<User>)>> {
    let Some(grant) = grants::find(access, id)? else {
        return Ok(None);
    };
    let user = users::find(access, grant.user_id)?;
    Ok(user.map(|user| (Arc::new(grant), Arc::new(user))))
}

#[async_trait]
impl AccessTokenStore for SqliteTenant {
    async fn store_access_token(&self, token: &StoredAccessToken, effects: Effects) -> StorageResult<()> {
        let token = token.clone();
        self.write(move |access| {
            insert_if(access, Some(&token))?;
            effects::store(access, &effects)
        })
        .await
    }

    async fn load_access_token(&self, hash: &TokenHash) -> StorageResult<Option<StoredAccessToken>> {
        let hash = *hash;
        self.look_up(move |access| {
            access.find(LOAD, params![access.tenant(), hash.as_bytes()], |row| {
                rows::access_token(row)
            })
        })
        .await
    }

    async fn revoke_access_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool> {
        let hash = *hash;
        self.write(move |access| {
            let row = params![access.tenant(), hash.as_bytes(), now.as_micros()];
            let revoked = access.execute(REVOKE, row)?;
            access.store_if(revoked > 0, &effects)
        })
        .await
    }

    async fn revoke_jti(&self, jti: &str, expires_at: Timestamp, effects: Effects) -> StorageResult<bool> {
        let jti = jti.to_owned();
        self.write(move |access| {
            let row = params![access.tenant(), jti, expires_at.as_micros()];
            let revoked = access.execute(REVOKE_JWT, row)?;
            access.store_if(revoked > 0, &effects)
        })
        .await
    }

    async fn load_standing(&self, jti: Option<&str>, grant: Option<GrantId>) -> StorageResult<Standing> {
        let jti = jti.map(str::to_owned);
        self.look_up(move |access| {
            let is_revoked =
                |jti: &String| access.find(IS_REVOKED, params![access.tenant(), jti], |_| Ok(()));
            Ok(Standing {
                is_jti_revoked: jti.as_ref().map(is_revoked).transpose()?.flatten().is_some(),
                person: grant.map(|id| person(access, id)).transpose()?.flatten(),
            })
        })
        .await
    }
}
