//! Remembered consent.

use async_trait::async_trait;
use authly_core::{
    ClientId, Effects, Timestamp, UserId,
    grant::Consent,
    ports::{ConsentStore, StorageResult},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements},
    grants,
};
use crate::rows::{self, consent_columns};

statements! {
    LOAD = "SELECT ", consent_columns!(), " FROM consents \
        WHERE tenant_id = ?1 AND user_id = ?2 AND client_id = ?3";
    LIST = "SELECT ", consent_columns!(), " FROM consents WHERE tenant_id = ?1 AND user_id = ?2 ORDER BY client_id";
    FORGET = "DELETE FROM consents WHERE tenant_id = ?1 AND user_id = ?2 AND client_id = ?3";
    REVOKE = "UPDATE grants SET revoked_at = ?4 \
        WHERE tenant_id = ?1 AND user_id = ?2 AND client_id = ?3 AND revoked_at IS NULL AND expires_at > ?4 \
        RETURNING id";
    REMEMBER = "INSERT INTO consents (tenant_id, ", consent_columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5) \
        ON CONFLICT (tenant_id, user_id, client_id) \
        DO UPDATE SET scope = excluded.scope, updated_at = max(updated_at, excluded.updated_at)";
}

/// Adds to what was agreed to before. The writer runs one job at a time, so nothing comes between reading and writing.
pub(super) fn remember(access: &Access<'_>, consent: &Consent) -> StorageResult<()> {
    let before = load(access, consent.user_id, &consent.client_id)?;
    let scope = before.map_or_else(|| consent.scope.clone(), |c| c.scope.union(&consent.scope));
    let row = params![
        access.tenant(),
        consent.user_id.as_uuid().into_bytes(),
        consent.client_id.as_str(),
        scope.to_string(),
        consent.updated_at.as_micros(),
    ];
    access.execute(REMEMBER, row)?;
    Ok(())
}

pub(super) fn load(
    access: &Access<'_>,
    user_id: UserId,
    client_id: &ClientId,
) -> StorageResult<Option<Consent>> {
    let key = params![
        access.tenant(),
        user_id.as_uuid().into_bytes(),
        client_id.as_str()
    ];
    access.find(LOAD, key, |row| rows::consent(row))
}

#[async_trait]
impl ConsentStore for SqliteTenant {
    async fn load_consent(&self, user_id: UserId, client_id: &ClientId) -> StorageResult<Option<Consent>> {
        let client_id = client_id.clone();
        self.look_up(move |access| load(access, user_id, &client_id))
            .await
    }

    async fn list_consents(&self, user_id: UserId) -> StorageResult<Vec<Consent>> {
        self.read(move |access| {
            let key = params![access.tenant(), user_id.as_uuid().into_bytes()];
            access.list(LIST, key, |row| rows::consent(row))
        })
        .await
    }

    async fn withdraw_consent(
        &self,
        user_id: UserId,
        client_id: &ClientId,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<Option<u64>> {
        let client_id = client_id.clone();
        self.write(move |access| {
            let user = user_id.as_uuid().into_bytes();
            let forgotten = access.execute(FORGET, params![access.tenant(), user, client_id.as_str()])?;
            let row = params![access.tenant(), user, client_id.as_str(), now.as_micros()];
            let revoked = grants::tell_each(access, REVOKE, row)?;
            let withdrawn = access.store_if(forgotten > 0 || revoked > 0, &effects)?;
            Ok(withdrawn.then_some(revoked))
        })
        .await
    }
}
