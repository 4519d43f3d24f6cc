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

use super::{forgetting::Forgetting, tables::Tables, tenant::CachedTenant};

impl CachedTenant {
    /// To be held while a token is spent, which is a replay if it was before: that revokes the grant which the effects
    /// of a replay name.
    fn doubting(&self, replayed: &Effects) -> Forgetting<'_, impl FnMut(&Tables) + use<>> {
        let named = replayed.invalidations.clone();
        self.forgetting(move |tables| named.iter().for_each(|invalidation| tables.forget(invalidation)))
    }

    /// Ends the doubt: the database said whether a grant was revoked.
    fn settle(&self, doubt: Forgetting<'_, impl FnMut(&Tables)>, revoked: Option<GrantId>) {
        match revoked {
            Some(id) => self.tables.standings.forget_grant(id),
            None => doubt.call_off(),
        }
    }
}

fn revoked_by(outcome: &RotateOutcome) -> Option<GrantId> {
    match outcome {
        RotateOutcome::Replayed { grant_id } => Some(*grant_id),
        _ => None,
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
        let doubt = self.doubting(&effects.replayed);
        let outcome = self.inner.redeem_code(redemption, effects).await?;
        let revoked = match outcome {
            RedeemOutcome::Replayed { grant_id } => Some(grant_id),
            _ => None,
        };
        self.settle(doubt, revoked);
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
        let doubt = self.doubting(&effects.replayed);
        let outcome = self.inner.rotate_refresh(rotation, effects).await?;
        self.settle(doubt, revoked_by(&outcome));
        Ok(outcome)
    }

    async fn use_refresh(
        &self,
        hash: &TokenHash,
        access_token: Option<StoredAccessToken>,
        now: Timestamp,
        effects: RotateEffects,
    ) -> StorageResult<RotateOutcome> {
        let doubt = self.doubting(&effects.replayed);
        let outcome = self.inner.use_refresh(hash, access_token, now, effects).await?;
        self.settle(doubt, revoked_by(&outcome));
        Ok(outcome)
    }
}

#[async_trait]
impl GrantStore for CachedTenant {
    async fn load_grant(&self, id: GrantId) -> StorageResult<Option<Arc<Grant>>> {
        self.inner.load_grant(id).await
    }

    async fn revoke_grant(&self, id: GrantId, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        let _forgotten = self.forgetting(|tables| tables.standings.forget_grant(id));
        self.inner.revoke_grant(id, now, effects).await
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
        let _forgotten = self.forgetting(|tables| tables.standings.forget_jti(jti));
        self.inner.revoke_jti(jti, expires_at, effects).await
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
