//! Grants: the flag that kills a family.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    Effects, GrantId, Timestamp,
    grant::Grant,
    ports::{GrantStore, StorageResult},
};

use super::{Tenant, effects::effects, statements::statements};
use crate::rows::{self, grant_columns};

statements! {
    LOAD = concat!("SELECT ", grant_columns!(), " FROM grants g WHERE g.tenant_id = $1 AND g.id = $2");
    /// Waits for every redemption and rotation that has locked the row `FOR SHARE`; what they stored is dead with the
    /// flag, and what comes later sees it. Of two revocations one matches, so effects are stored once.
    REVOKE = concat!(
        "WITH killed AS (UPDATE grants SET revoked_at = $3 \
           WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING 1)",
        effects!("$4" if "killed")
    );
}

#[async_trait]
impl GrantStore for Tenant {
    async fn load_grant(&self, id: GrantId) -> StorageResult<Option<Arc<Grant>>> {
        let found = self
            .db
            .find(LOAD, &[&self.id(), &id.as_uuid()], |row| rows::grant(row))
            .await?;
        Ok(found.map(Arc::new))
    }

    async fn revoke_grant(&self, id: GrantId, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        self.kill_grant(id, now, effects).await
    }
}

impl Tenant {
    /// Sets the flag and stores the effects; `false`, and nothing stored, when it was set already.
    pub(super) async fn kill_grant(
        &self,
        id: GrantId,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool> {
        self.db
            .decide(
                REVOKE,
                &[
                    &self.id(),
                    &id.as_uuid(),
                    &now.as_micros(),
                    &self.effects(effects)?,
                ],
            )
            .await
    }
}
