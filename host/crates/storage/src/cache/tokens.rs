//! Tokens and grants: what stands is remembered, what is spent never. Whatever makes a token fall makes its node forget
//! it at once.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    Effects, GrantId, Timestamp, TokenHash,
    grant::{Grant, StoredAccessToken},
    ports::{
        AccessTokenStore, CodeStore, GrantStore, LoadedCode, LoadedRefresh, RedeemEffects, RedeemOutcome,
        Redemption, RefreshStore, RotateEffects, RotateOutcome, Rotation, Standing, StorageResult,
    },
};

use super::tenant::CachedTenant;

impl CachedTenant {
    /// A replay revoked its grant.
    fn after(&self, outcome: RotateOutcome) -> RotateOutcome {
        if let RotateOutcome::Replayed { grant_id } = outcome {
            self.tables.standings.forget_grant(grant_id);
        }
        outcome
    }
}

#[async_trait]
impl CodeStore for CachedTenant {
    async fn load_code(&self, hash: &TokenHash) -> StorageResult<Option<LoadedCode>> {
        self.inner.load_code(hash).await
    }

    async fn redeem_code(
        &self,
        redemption: Redemption,
        effects: RedeemEffects,
    ) -> StorageResult<RedeemOutcome> {
        let outcome = self.inner.redeem_code(redemption, effects).await?;
        if let RedeemOutcome::Replayed { grant_id } = outcome {
            self.tables.standings.forget_grant(grant_id);
        }
        Ok(outcome)
    }
}

#[async_trait]
impl RefreshStore for CachedTenant {
    async fn load_refresh(&self, hash: &TokenHash) -> StorageResult<Option<LoadedRefresh>> {
        self.inner.load_refresh(hash).await
    }

    async fn rotate_refresh(
        &self,
        rotation: Rotation,
        effects: RotateEffects,
    ) -> StorageResult<RotateOutcome> {
        let outcome = self.inner.rotate_refresh(rotation, effects).await?;
        Ok(self.after(outcome))
    }

    async fn use_refresh(
        &self,
        hash: &TokenHash,
        access_token: Option<StoredAccessToken>,
        now: Timestamp,
        effects: RotateEffects,
    ) -> StorageResult<RotateOutcome> {
        let outcome = self.inner.use_refresh(hash, access_token, now, effects).await?;
        Ok(self.after(outcome))
    }
}

#[async_trait]
impl GrantStore for CachedTenant {
    async fn load_grant(&self, id: GrantId) -> StorageResult<Option<Arc<Grant>>> {
        self.inner.load_grant(id).await
    }

    async fn revoke_grant(&self, id: GrantId, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        let result = self.inner.revoke_grant(id, now, effects).await;
        self.tables.standings.forget_grant(id);
        result
    }
}

#[async_trait]
impl AccessTokenStore for CachedTenant {
    async fn store_access_token(&self, token: &StoredAccessToken, effects: Effects) -> StorageResult<()> {
        self.inner.store_access_token(token, effects).await
    }

    async fn load_access_token(&self, hash: &TokenHash) -> StorageResult<Option<StoredAccessToken>> {
        self.inner.load_access_token(hash).await
    }

    async fn revoke_access_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool> {
        self.inner.revoke_access_token(hash, now, effects).await
    }

    async fn revoke_jti(&self, jti: &str, expires_at: Timestamp, effects: Effects) -> StorageResult<bool> {
        let result = self.inner.revoke_jti(jti, expires_at, effects).await;
        self.tables.standings.forget_jti(jti);
        result
    }

    async fn load_standing(&self, jti: Option<&str>, grant: Option<GrantId>) -> StorageResult<Standing> {
        if let Some(standing) = self.remembered(|tables| tables.standings.get(jti, grant)) {
            return Ok(standing);
        }
        let ticket = self.tables.standings.ticket();
        let standing = self.inner.load_standing(jti, grant).await?;
        self.tables.standings.keep(ticket, jti, &standing);
        Ok(standing)
    }
}
