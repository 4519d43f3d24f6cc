//! Refresh tokens. The reasoning of [`codes`](super::codes) holds here word for word, with `rotated` for `spent`.
//!
//! Beyond it: a replay revokes the grant in a statement of its own, which waits for a rotation that holds the grant
//! `FOR SHARE`. So a child of that rotation is either stored before the flag is set, and dead with it, or not stored.

use async_trait::async_trait;
use authly_core::{
    Effects, SecretBytes, Timestamp, TokenHash,
    grant::StoredAccessToken,
    ports::{LoadedRefresh, RefreshStore, RotateEffects, RotateOutcome, Rotation, StorageResult},
};

use super::{
    Tenant,
    effects::{self, Audit, effects},
    many::{Column, Many, column, found},
    pool::Param,
    rotations::{RotateToken, UseToken},
    statements::statements,
    tenant::{to_its_end, unsettled},
    tokens::Opaque,
};
use crate::{
    codec::corrupt,
    rows::{self, grant_columns, joined_user_columns, refresh_columns, refresh_fact_columns},
    rules::spend::RefreshVerdict,
};

// Using a token erases the nonce from which it was derived: `erased`.
statements! {
    LOAD = concat!(
        "SELECT k.n, ", refresh_columns!(), ", ", grant_columns!(), ", ", joined_user_columns!(), " \
         FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS k(tenant, hash, n) \
         JOIN refresh_tokens r ON r.tenant_id = k.tenant AND r.hash = k.hash \
         JOIN grants g ON g.tenant_id = r.tenant_id AND g.id = r.grant_id \
         JOIN users u ON u.tenant_id = g.tenant_id AND u.id = g.user_id"
    );
    ROTATE = concat!(
        "WITH live AS (SELECT g.id FROM grants g \
           WHERE g.tenant_id = $1 AND g.id = $7 AND g.revoked_at IS NULL AND g.expires_at > $3 FOR SHARE), \
         rotated AS (UPDATE refresh_tokens r SET consumed_at = $3, nonce_sealed = $4, grace_until = $5 FROM live \
           WHERE r.tenant_id = $1 AND r.hash = $2 AND r.grant_id = live.id \
           AND r.consumed_at IS NULL AND r.expires_at > $3 RETURNING r.hash, r.predecessor_hash), \
         erased AS (UPDATE refresh_tokens p SET nonce_sealed = NULL FROM rotated \
           WHERE p.tenant_id = $1 AND p.hash = rotated.predecessor_hash AND (p.nonce_sealed IS NOT NULL) IS TRUE), \
         stored AS (INSERT INTO refresh_tokens \
           (tenant_id, hash, grant_id, client_id, scope, created_at, expires_at, predecessor_hash) \
           SELECT $1::text, $6::bytea, $7::uuid, $8::text, $9::text, $10::bigint, $11::bigint, rotated.hash \
           FROM rotated), \
         opaque AS (INSERT INTO access_tokens \
           (tenant_id, hash, grant_id, client_id, claims, created_at, expires_at) \
           SELECT $1::text, $13::bytea, $14::uuid, $15::text, $16::text, $17::bigint, $18::bigint \
           FROM rotated WHERE $13::bytea IS NOT NULL)",
        effects!("$12" if "rotated")
    );
    /// Locks the token too, so that it cannot be rotated in the same moment.
    USE = concat!(
        "WITH used AS (SELECT r.predecessor_hash FROM refresh_tokens r \
           JOIN grants g ON g.tenant_id = r.tenant_id AND g.id = r.grant_id \
           WHERE r.tenant_id = $1 AND r.hash = $2 AND r.consumed_at IS NULL AND r.expires_at > $3 \
           AND g.revoked_at IS NULL AND g.expires_at > $3 FOR SHARE), \
         erased AS (UPDATE refresh_tokens p SET nonce_sealed = NULL FROM used \
           WHERE p.tenant_id = $1 AND p.hash = used.predecessor_hash AND (p.nonce_sealed IS NOT NULL) IS TRUE), \
         opaque AS (INSERT INTO access_tokens \
           (tenant_id, hash, grant_id, client_id, claims, created_at, expires_at) \
           SELECT $1::text, $5::bytea, $6::uuid, $7::text, $8::text, $9::bigint, $10::bigint \
           FROM used WHERE $5::bytea IS NOT NULL)",
        effects!("$4" if "used")
    );
    FACTS = concat!(
        "SELECT ", refresh_fact_columns!(), " FROM refresh_tokens r \
         JOIN grants g ON g.tenant_id = r.tenant_id AND g.id = r.grant_id \
         WHERE r.tenant_id = $1 AND r.hash = $2"
    );
}

#[async_trait]
impl RefreshStore for Tenant {
    async fn load_refresh(&self, hash: &TokenHash) -> StorageResult<Option<LoadedRefresh>> {
        let row = self.lines.refresh_tokens.ask(*hash).await?;
        found(row, |row| rows::loaded_refresh(row))
    }

    async fn rotate_refresh(
        &self,
        rotation: Rotation,
        effects: RotateEffects,
    ) -> StorageResult<RotateOutcome> {
        let tenant = self.clone();
        to_its_end(async move { tenant.rotate(rotation, effects).await }).await
    }

    async fn use_refresh(
        &self,
        hash: &TokenHash,
        access_token: Option<StoredAccessToken>,
        now: Timestamp,
        effects: RotateEffects,
    ) -> StorageResult<RotateOutcome> {
        let (tenant, hash) = (self.clone(), *hash);
        let verb = async move {
            tenant
                .use_once_more(&hash, access_token.as_ref(), now, effects)
                .await
        };
        to_its_end(verb).await
    }
}

impl Tenant {
    async fn rotate(&self, rotation: Rotation, effects: RotateEffects) -> StorageResult<RotateOutcome> {
        let (hash, now, access_token) = (rotation.hash, rotation.now, rotation.access_token.clone());
        if self.spend_refresh(rotation, effects.rotated).await? {
            return Ok(RotateOutcome::Rotated);
        }
        let outcome = self.judge_refresh(&hash, now, effects.replayed).await?;
        self.retried_with(outcome, access_token.as_ref()).await
    }

    /// Whoever tries again is answered, so the access token of that answer must be known too. It is dead with its grant,
    /// whatever comes between.
    async fn retried_with(
        &self,
        outcome: RotateOutcome,
        access_token: Option<&StoredAccessToken>,
    ) -> StorageResult<RotateOutcome> {
        if let (RotateOutcome::Retried { .. }, Some(token)) = (&outcome, access_token) {
            self.insert_access_token(token, Effects::none()).await?;
        }
        Ok(outcome)
    }

    async fn use_once_more(
        &self,
        hash: &TokenHash,
        access_token: Option<&StoredAccessToken>,
        now: Timestamp,
        effects: RotateEffects,
    ) -> StorageResult<RotateOutcome> {
        let used = self.mark_used(hash, access_token, now, effects.rotated).await;
        if used? {
            return Ok(RotateOutcome::Rotated);
        }
        let outcome = self.judge_refresh(hash, now, effects.replayed).await?;
        self.retried_with(outcome, access_token).await
    }

    async fn mark_used(
        &self,
        hash: &TokenHash,
        access_token: Option<&StoredAccessToken>,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool> {
        let effects = match effects::lone(effects) {
            Ok(event) if access_token.is_none() => {
                let event = Audit::of(event)?;
                let hash = *hash;
                let used = self.lines.uses.ask(UseToken { hash, now, event });
                return Ok(used.await?.is_some());
            }
            Ok(event) => Effects::audited(event),
            Err(effects) => effects,
        };
        let row: [Param<'_>; 4] = [
            &self.id(),
            &hash.as_bytes().as_slice(),
            &now.as_micros(),
            &self.effects(effects)?,
        ];
        let opaque = Opaque::of(access_token)?;
        let row: Vec<Param<'_>> = row.into_iter().chain(opaque.params()).collect();
        self.db.decide(USE, &row).await
    }

    async fn spend_refresh(&self, rotation: Rotation, effects: Effects) -> StorageResult<bool> {
        let sealed = self
            .sealer
            .seal(&rows::nonce_place(&self.name, &rotation.hash), &rotation.nonce)?;
        let effects = match effects::lone(effects) {
            Ok(event) if rotation.access_token.is_none() => {
                let rotation = RotateToken {
                    rotation,
                    sealed,
                    event: Audit::of(event)?,
                };
                return Ok(self.lines.rotations.ask(rotation).await?.is_some());
            }
            Ok(event) => Effects::audited(event),
            Err(effects) => effects,
        };
        let successor = &rotation.successor;
        let row: [Param<'_>; 12] = [
            &self.id(),
            &rotation.hash.as_bytes().as_slice(),
            &rotation.now.as_micros(),
            &sealed,
            &rotation.now.plus(rotation.grace).as_micros(),
            &successor.hash.as_bytes().as_slice(),
            &successor.grant_id.as_uuid(),
            &successor.client_id.as_str(),
            &successor.scope.to_string(),
            &successor.created_at.as_micros(),
            &successor.expires_at.as_micros(),
            &self.effects(effects)?,
        ];
        let opaque = Opaque::of(rotation.access_token.as_ref())?;
        let row: Vec<Param<'_>> = row.into_iter().chain(opaque.params()).collect();
        self.db.decide(ROTATE, &row).await
    }

    /// What a token is that was not spent, in a fresh snapshot; a replay kills its family.
    async fn judge_refresh(
        &self,
        hash: &TokenHash,
        now: Timestamp,
        replayed: Effects,
    ) -> StorageResult<RotateOutcome> {
        let found = self
            .db
            .find(FACTS, &[&self.id(), &hash.as_bytes().as_slice()], |row| {
                rows::refresh_facts(row)
            })
            .await?;
        let Some((facts, nonce)) = found else {
            return Ok(RotateOutcome::Unknown);
        };
        match facts.judge(now) {
            RefreshVerdict::Revoked => Ok(RotateOutcome::Revoked),
            RefreshVerdict::Expired => Ok(RotateOutcome::Expired),
            RefreshVerdict::Retry => Ok(RotateOutcome::Retried {
                nonce: self.open_nonce(hash, nonce)?,
            }),
            RefreshVerdict::Replayed => {
                let grant_id = facts.grant_id;
                let killed = self.kill_grant(grant_id, now, replayed).await?;
                Ok(if killed {
                    RotateOutcome::Replayed { grant_id }
                } else {
                    RotateOutcome::Revoked
                })
            }
            RefreshVerdict::Spendable => Err(unsettled()),
        }
    }

    fn open_nonce(&self, hash: &TokenHash, sealed: Option<Vec<u8>>) -> StorageResult<SecretBytes> {
        let sealed = sealed.ok_or_else(|| corrupt("refresh_tokens.nonce_sealed"))?;
        self.sealer.open(&rows::nonce_place(&self.name, hash), &sealed)
    }
}

/// Many refresh tokens, each with its grant and person.
pub(super) struct LoadRefreshTokens;

impl Many for LoadRefreshTokens {
    type Ask = TokenHash;
    const SQL: &'static str = LOAD;
    const CHANGES: bool = false;

    fn columns(asks: &[TokenHash]) -> Vec<Column<'_>> {
        vec![column(asks, |hash| hash.as_bytes().as_slice())]
    }
}
