//! What may be used once.

use async_trait::async_trait;
use authly_core::{
    Timestamp, TokenHash,
    ports::{ReplayNamespace, ReplayStore, StorageResult},
};

use super::{Tenant, statements::statements};

statements! {
    /// Whoever changes a row was the first: one that has expired counts as none. A second claim waits for the first
    /// one's commit and then for its verdict on the row as it is.
    CLAIM = "INSERT INTO used_once (tenant_id, namespace, hash, expires_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (tenant_id, namespace, hash) DO UPDATE SET expires_at = EXCLUDED.expires_at \
         WHERE used_once.expires_at <= $5 RETURNING 1";
}

#[async_trait]
impl ReplayStore for Tenant {
    async fn claim_once(
        &self,
        namespace: ReplayNamespace,
        key: &TokenHash,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> StorageResult<bool> {
        let claimed = self
            .db
            .write(
                CLAIM,
                &[
                    &self.id(),
                    &namespace.as_str(),
                    &key.as_bytes().as_slice(),
                    &expires_at.as_micros(),
                    &now.as_micros(),
                ],
            )
            .await?;
        Ok(!claimed.is_empty())
    }
}
