//! Browser sessions.

use async_trait::async_trait;
use authly_core::{
    Effects, SessionId, Timestamp, TokenHash,
    ports::{SessionStore, StorageResult},
    session::Session,
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements, taken},
    effects,
};
use crate::{
    codec::to_json,
    rows::{self, session_columns},
};

statements! {
    LOAD = "SELECT ", session_columns!(), " FROM sessions \
        WHERE tenant_id = ?1 AND hash = ?2 AND ended_at IS NULL AND expires_at > ?3";
    START = "INSERT INTO sessions (tenant_id, ", session_columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    END_REPLACED = "UPDATE sessions SET ended_at = ?3 WHERE tenant_id = ?1 AND hash = ?2 AND ended_at IS NULL";
    END = "UPDATE sessions SET ended_at = ?3 \
        WHERE tenant_id = ?1 AND id = ?2 AND ended_at IS NULL AND expires_at > ?3";
}

fn start(access: &Access<'_>, session: &Session) -> StorageResult<()> {
    let row = params![
        access.tenant(),
        session.id.as_uuid().into_bytes(),
        session.hash.as_bytes(),
        session.user_id.as_uuid().into_bytes(),
        session.auth_time.as_micros(),
        to_json(&session.amr)?,
        session.created_at.as_micros(),
        session.expires_at.as_micros(),
    ];
    taken(access.execute(START, row), || "session".to_owned())?;
    Ok(())
}

#[async_trait]
impl SessionStore for SqliteTenant {
    async fn load_session(&self, hash: &TokenHash, now: Timestamp) -> StorageResult<Option<Session>> {
        let hash = *hash;
        self.read(move |access| {
            let key = params![access.tenant(), hash.as_bytes(), now.as_micros()];
            access.find(LOAD, key, |row| rows::session(row))
        })
        .await
    }

    async fn start_session(
        &self,
        session: &Session,
        replaces: Option<&TokenHash>,
        effects: Effects,
    ) -> StorageResult<()> {
        let (session, replaces) = (session.clone(), replaces.copied());
        self.write(move |access| {
            if let Some(old) = replaces {
                let row = params![access.tenant(), old.as_bytes(), session.created_at.as_micros()];
                access.execute(END_REPLACED, row)?;
            }
            start(access, &session)?;
            effects::store(access, &effects)
        })
        .await
    }

    async fn end_session(&self, id: SessionId, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        self.write(move |access| {
            let row = params![access.tenant(), id.as_uuid().into_bytes(), now.as_micros()];
            let ended = access.execute(END, row)?;
            access.store_if(ended > 0, &effects)
        })
        .await
    }
}
