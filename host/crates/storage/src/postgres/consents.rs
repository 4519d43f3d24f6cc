//! Remembered consent; written by the completion of an interaction, withdrawn by the person.

use async_trait::async_trait;
use authly_core::{
    ClientId, Effects, Timestamp, UserId,
    grant::Consent,
    ports::{ConsentStore, StorageResult},
};

use super::{
    Tenant,
    effects::{effects, killed},
    statements::statements,
};
use crate::rows::{self, Columns as _, consent_columns};

statements! {
    LOAD = concat!(
        "SELECT ", consent_columns!(), " FROM consents WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3"
    );
    LIST = concat!(
        "SELECT ", consent_columns!(), " FROM consents WHERE tenant_id = $1 AND user_id = $2 ORDER BY client_id"
    );
    WITHDRAW = concat!(
        "WITH forgotten AS (DELETE FROM consents WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3 \
           RETURNING 1), ",
        killed!("user_id = $2 AND client_id = $3" at "$4"),
        ", withdrawn AS (SELECT 1 FROM forgotten UNION ALL SELECT 1 FROM killed)",
        effects!("$5" if "withdrawn" telling "killed"),
        ", (SELECT count(*) FROM killed)"
    );
}

#[async_trait]
impl ConsentStore for Tenant {
    async fn load_consent(&self, user_id: UserId, client_id: &ClientId) -> StorageResult<Option<Consent>> {
        self.db
            .find(
                LOAD,
                &[&self.id(), &user_id.as_uuid(), &client_id.as_str()],
                |row| rows::consent(row),
            )
            .await
    }

    async fn list_consents(&self, user_id: UserId) -> StorageResult<Vec<Consent>> {
        self.db
            .list(LIST, &[&self.id(), &user_id.as_uuid()], |row| rows::consent(row))
            .await
    }

    async fn withdraw_consent(
        &self,
        user_id: UserId,
        client_id: &ClientId,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<Option<u64>> {
        let (withdrawn, revoked) = self
            .decide_alone(
                user_id,
                WITHDRAW,
                &[
                    &self.id(),
                    &user_id.as_uuid(),
                    &client_id.as_str(),
                    &now.as_micros(),
                    &self.effects(effects)?,
                ],
                |row| row.count(),
            )
            .await?;
        Ok(withdrawn.then_some(revoked))
    }
}
