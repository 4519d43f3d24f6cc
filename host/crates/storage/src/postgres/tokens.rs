//! Access tokens that storage knows: opaque ones, and JWTs that were revoked.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    Effects, GrantId, Timestamp, TokenHash,
    grant::StoredAccessToken,
    ports::{AccessTokenStore, Standing, StorageResult},
};
use uuid::Uuid;

use super::{
    Tenant,
    effects::effects,
    many::{Column, Many, column, found},
    pool::Param,
    statements::statements,
    tenant::taken,
};
use crate::{
    codec,
    rows::{self, Columns as _, access_token_columns, grant_columns, joined_user_columns},
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
    IS_REVOKED = "SELECT k.n FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k(tenant, jti, n) \
         JOIN revoked_jwts j ON j.tenant_id = k.tenant AND j.jti = k.jti";
    STANDING = concat!(
        "SELECT k.n, EXISTS (SELECT 1 FROM revoked_jwts j WHERE j.tenant_id = k.tenant AND j.jti = k.jti), ",
        grant_columns!(), ", ", joined_user_columns!(), " \
         FROM unnest($1::text[], $2::text[], $3::uuid[]) WITH ORDINALITY AS k(tenant, jti, grant_id, n) \
         JOIN grants g ON g.tenant_id = k.tenant AND g.id = k.grant_id \
         JOIN users u ON u.tenant_id = g.tenant_id AND u.id = g.user_id"
    );
}

/// Which of many `jti`s are revoked: those have a row.
pub(super) struct FindRevoked;

impl Many for FindRevoked {
    type Ask = String;
    const SQL: &'static str = IS_REVOKED;
    const CHANGES: bool = false;

    fn columns(asks: &[String]) -> Vec<Column<'_>> {
        vec![column(asks, String::as_str)]
    }
}

/// A token whose standing is asked for.
pub(super) struct StandingOf {
    jti: Option<String>,
    grant: Uuid,
}

/// The standings of many tokens.
pub(super) struct LoadStandings;

impl Many for LoadStandings {
    type Ask = StandingOf;
    const SQL: &'static str = STANDING;
    const CHANGES: bool = false;

    fn columns(asks: &[StandingOf]) -> Vec<Column<'_>> {
        vec![column(asks, |of| of.jti.as_deref()), column(asks, |of| of.grant)]
    }
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
            let is_jti_revoked = match jti {
                Some(jti) => self.lines.revoked.ask(jti.to_owned()).await?.is_some(),
                None => false,
            };
            return Ok(Standing {
                is_jti_revoked,
                person: None,
            });
        };
        let of = StandingOf {
            jti: jti.map(ToOwned::to_owned),
            grant: grant.as_uuid(),
        };
        let standing = found(self.lines.standings.ask(of).await?, |row| {
            Ok(Standing {
                is_jti_revoked: row.flag()?,
                person: Some((Arc::new(rows::grant(row)?), Arc::new(rows::user(row)?))),
            })
        });
        Ok(standing?.unwrap_or_default())
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
