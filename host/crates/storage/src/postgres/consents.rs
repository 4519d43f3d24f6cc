//! Remembered consent; written by the completion of an interaction.

use async_trait::async_trait;
use authly_core::{
    ClientId, UserId,
    grant::Consent,
    ports::{ConsentStore, StorageResult},
};

use super::{Tenant, statements::statements};
use crate::rows::{self, consent_columns};

statements! {
    LOAD = concat!(
        "SELECT ", consent_columns!(), " FROM consents WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3"
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
}
