//! Remembered consent.

use async_trait::async_trait;
use authly_core::{
    ClientId, UserId,
    grant::Consent,
    ports::{ConsentStore, StorageResult},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements},
};
use crate::rows::{self, consent_columns};

statements! {
    LOAD = "SELECT ", consent_columns!(), " FROM consents \
        WHERE tenant_id = ?1 AND user_id = ?2 AND client_id = ?3";
    REMEMBER = "INSERT INTO consents (tenant_id, ", consent_columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5) \
        ON CONFLICT (tenant_id, user_id, client_id) \
        DO UPDATE SET scope = excluded.scope, updated_at = excluded.updated_at";
}

/// Replaces what was agreed to before.
pub(super) fn remember(access: &Access<'_>, consent: &Consent) -> StorageResult<()> {
    let row = params![
        access.tenant(),
        consent.user_id.as_uuid().into_bytes(),
        consent.client_id.as_str(),
        consent.scope.to_string(),
        consent.updated_at.as_micros(),
    ];
    access.execute(REMEMBER, row)?;
    Ok(())
}

#[async_trait]
impl ConsentStore for SqliteTenant {
    async fn load_consent(&self, user_id: UserId, client_id: &ClientId) -> StorageResult<Option<Consent>> {
        let client_id = client_id.clone();
        self.read(move |access| {
            let key = params![
                access.tenant(),
                user_id.as_uuid().into_bytes(),
                client_id.as_str()
            ];
            access.find(LOAD, key, |row| rows::consent(row))
        })
        .await
    }
}
