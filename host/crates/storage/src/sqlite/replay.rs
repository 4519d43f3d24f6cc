//! What may be used once.

use async_trait::async_trait;
use authly_core::{
    Timestamp, TokenHash,
    ports::{ReplayNamespace, ReplayStore, StorageResult},
};
use rusqlite::params;

use super::{SqliteTenant, access::statements};

statements! {
    // Whoever changes a row was the first: one that has expired counts as none.
    CLAIM = "INSERT INTO used_once (tenant_id, namespace, hash, expires_at) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (tenant_id, namespace, hash) DO UPDATE SET expires_at = excluded.expires_at \
        WHERE used_once.expires_at <= ?5";
}

#[async_trait]
impl ReplayStore for SqliteTenant {
    async fn claim_once(
        &self,
        namespace: ReplayNamespace,
        key: &TokenHash,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> StorageResult<bool> {
        let key = *key;
        self.write(move |access| {
            let row = params![
                access.tenant(),
                namespace.as_str(),
                key.as_bytes(),
                expires_at.as_micros(),
                now.as_micros()
            ];
            Ok(access.execute(CLAIM, row)? > 0)
        })
        .await
    }
}
