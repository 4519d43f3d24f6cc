//! Access tokens that storage knows: opaque ones, and JWTs that were revoked.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    Effects, GrantId, Timestamp, TokenHash,
    grant::StoredAccessToken,
    ports::{AccessTokenStore, Standing, StorageResult},
};
use uuid::Uuid;

use super::{Tenant, effects::effects, pool::Param, statements::statements, tenant::taken};
use crate::{
    codec,
    rows::{self, Columns as _, access_token_columns, grant_columns, user_columns},
};

statements! {
    LOAD = concat!("SELECT ", access_token_columns!(), " FROM access_tokens WHERE tenant_id = $1 AND hash = $2");
    INSERT = concat!(
        "WITH made AS (INSERT INTO access_tokens \
           (tenant_id, hash, grant_id, client_id, claims, created_at, expires_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING 1)",
        effects!("$8" if "made")
    );
    REVOKE = concat!(
        "WITH refused AS (UPDATE access_tokens SET revoked_at = $3 \
           WHERE tenant_id = $1 AND hash = $2 AND revoked_at IS NULL RETURNING 1)",
        effects!("$4" if "refused")
    );
    REVOKE_JWT = concat!(
        "WITH made AS (INSERT INTO revoked_jwts (tenant_id, jti, expires_at) VALUES ($1, $2, $3) \
           ON CONFLICT DO NOTHING RETURNING 1)",
        effects!("$4" if "made")
    );
    IS_REVOKED = "SELECT 1 FROM revoked_jwts WHERE tenant_id = $1 AND jti = $2";
    STANDING = concat!(
        "SELECT EXISTS (SELECT 1 FROM revoked_jwts WHERE tenant_id = $1 AND jti = $2), ", grant_columns!(), ", p.* \
         FROM grants g JOIN LATERAL (SELECT ", user_columns!(), " FROM users u \
           WHERE u.tenant_id = g.tenant_id AND u.id = g.user_id) p ON true \
         WHERE g.tenant_id = $1 AND g.id = $3"
    );
}

/// The columns of an opaque token as parameters, all NULL when there is none.
#[derive(Default)]
pub(super) struct Opaque {
    hash: Option<Vec<u8>>,
    grant_id: Option<Uuid>,
    client_id: Option<String>,
    claims: Option<String>,
    created_at: Option<i64>,
    expires_at: Option<i64>,
}

impl Opaque {
    pub(super) fn of(token: Option<&StoredAccessToken>) -> StorageResult<Self> {
        let Some(token) = token else {
            return Ok(Self::default());
        };
        Ok(Self {
            hash: Some(token.hash.as_bytes().to_vec()),
            grant_id: token.grant_id.map(GrantId::as_uuid),
            client_id: Some(token.client_id.to_string()),
            claims: Some(codec::to_json(&token.claims)?),
            created_at: Some(token.created_at.as_micros()),
            expires_at: Some(token.expires_at.as_micros()),
        })
    }

    pub(super) fn is_none(&self) -> bool {
        self.hash.is_none()
    }

    /// Hash, grant, client, claims, times.
    pub(super) fn params(&self) -> [Param<'_>; 6] {
        [
            &self.hash,
            &self.grant_id,
            &self.client_id,
            &self.claims,
            &self.created_at,
            &self.expires_at,
        ]
    }
}

#[async_trait]
impl AccessTokenStore for Tenant {
    async fn store_access_token(&self, token: &StoredAccessToken, effects: Effects) -> StorageResult<()> {
        self.insert_access_token(token, effects).await
    }

    async fn load_access_token(&self, hash: &TokenHash) -> StorageResult<Option<StoredAccessToken>> {
        self.db
            .find(LOAD, &[&self.id(), &hash.as_bytes().as_slice()], |row| {
                rows::access_token(row)
            })
            .await
    }

    async fn revoke_access_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool> {
        let effects = self.effects(effects)?;
        self.db
            .decide(
                REVOKE,
                &[
                    &self.id(),
                    &hash.as_bytes().as_slice(),
                    &now.as_micros(),
                    &effects,
                ],
            )
            .await
    }

    async fn revoke_jti(&self, jti: &str, expires_at: Timestamp, effects: Effects) -> StorageResult<bool> {
        let effects = self.effects(effects)?;
        self.db
            .decide(REVOKE_JWT, &[&self.id(), &jti, &expires_at.as_micros(), &effects])
            .await
    }

    async fn load_standing(&self, jti: Option<&str>, grant: Option<GrantId>) -> StorageResult<Standing> {
        // What PostgreSQL cannot store was never revoked.
        let jti = jti.filter(|jti| !jti.contains('\0'));
        let Some(grant) = grant else {
            let revoked = match jti {
                Some(_) => self.db.read(IS_REVOKED, &[&self.id(), &jti]).await?,
                None => Vec::new(),
            };
            return Ok(Standing {
                is_jti_revoked: !revoked.is_empty(),
                person: None,
            });
        };
        let key: [Param<'_>; 3] = [&self.id(), &jti, &grant.as_uuid()];
        let found = self.db.find(STANDING, &key, |row| {
            Ok(Standing {
                is_jti_revoked: row.flag()?,
                person: Some((Arc::new(rows::grant(row)?), Arc::new(rows::user(row)?))),
            })
        });
        Ok(found.await?.unwrap_or_default())
    }
}

impl Tenant {
    pub(super) async fn insert_access_token(
        &self,
        token: &StoredAccessToken,
        effects: Effects,
    ) -> StorageResult<()> {
        let opaque = Opaque::of(Some(token))?;
        let [hash, grant_id, client_id, claims, created, expires] = opaque.params();
        let effects = self.effects(effects)?;
        let row: [Param<'_>; 8] = [
            &self.id(),
            hash,
            grant_id,
            client_id,
            claims,
            created,
            expires,
            &effects,
        ];
        taken(self.db.decide(INSERT, &row).await, || "access token".to_owned())
    }
}
