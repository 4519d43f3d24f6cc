//! Browser sessions.

use async_trait::async_trait;
use authly_core::{
    Effects, SessionId, Timestamp, TokenHash,
    ports::{SessionStore, StorageResult},
    session::Session,
};

use super::{Tenant, effects::effects, statements::statements, tenant::taken};
use crate::{
    codec,
    rows::{self, session_columns},
};

statements! {
    LOAD = concat!(
        "SELECT ", session_columns!(), " FROM sessions \
         WHERE tenant_id = $1 AND hash = $2 AND ended_at IS NULL AND expires_at > $3"
    );
    START = concat!(
        "WITH replaced AS (UPDATE sessions SET ended_at = $7 \
           WHERE tenant_id = $1 AND hash = $9 AND ended_at IS NULL), \
         made AS (INSERT INTO sessions (tenant_id, ", session_columns!(), ") \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING 1)",
        effects!("$10" if "made")
    );
    END = concat!(
        "WITH ended AS (UPDATE sessions SET ended_at = $3 \
           WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL AND expires_at > $3 RETURNING 1)",
        effects!("$4" if "ended")
    );
}

#[async_trait]
impl SessionStore for Tenant {
    async fn load_session(&self, hash: &TokenHash, now: Timestamp) -> StorageResult<Option<Session>> {
        self.db
            .find(
                LOAD,
                &[&self.id(), &hash.as_bytes().as_slice(), &now.as_micros()],
                |row| rows::session(row),
            )
            .await
    }

    async fn start_session(
        &self,
        session: &Session,
        replaces: Option<&TokenHash>,
        effects: Effects,
    ) -> StorageResult<()> {
        let made = self
            .db
            .decide(
                START,
                &[
                    &self.id(),
                    &session.id.as_uuid(),
                    &session.hash.as_bytes().as_slice(),
                    &session.user_id.as_uuid(),
                    &session.auth_time.as_micros(),
                    &codec::to_json(&session.amr)?,
                    &session.created_at.as_micros(),
                    &session.expires_at.as_micros(),
                    &replaces.map(|hash| hash.as_bytes().as_slice()),
                    &self.effects(effects)?,
                ],
            )
            .await;
        taken(made, || format!("session {}", session.id))
    }

    async fn end_session(&self, id: SessionId, now: Timestamp, effects: Effects) -> StorageResult<bool> {
        self.db
            .decide(
                END,
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
