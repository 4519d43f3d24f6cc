//! Browser sessions.

use async_trait::async_trait;
use authly_core::{
    ClientId, Effects, SessionId, StorageError, Timestamp, TokenHash, UserId,
    ports::{EndEffects, Ended, LoadedSession, Page, SessionStore, StartOutcome, StorageResult},
    session::Session,
};

use super::{
    Tenant,
    effects::{effects, killed},
    many::{Column, Many, column, found},
    pool::Param,
    statements::statements,
};
use crate::{
    codec,
    rows::{self, Columns as _, loaded_session_columns, session_columns},
};

statements! {
    LOAD = concat!(
        "SELECT k.n, ", loaded_session_columns!(), " \
         FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::text[]) WITH ORDINALITY \
           AS k(tenant, hash, asked_at, client_id, n) \
         JOIN sessions s ON s.tenant_id = k.tenant AND s.hash = k.hash \
           AND (s.ended_at IS NULL) IS TRUE AND (s.expires_at > k.asked_at) IS TRUE \
         JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id \
         LEFT JOIN consents c ON c.tenant_id = s.tenant_id AND c.user_id = s.user_id AND c.client_id = k.client_id"
    );
    FIND = concat!(
        "SELECT ", session_columns!(), " FROM sessions \
         WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL AND expires_at > $3"
    );
    /// The person's row before any session's: the order of whoever ends all of a person's sessions. Whoever changes the
    /// row first is waited for, and its change judged.
    START = concat!(
        "WITH noted AS (UPDATE users SET last_login_at = $5 WHERE tenant_id = $1 AND id = $4 AND enabled \
           AND password_changed_at IS NOT DISTINCT FROM $14::bigint RETURNING 1), \
         replaced AS (UPDATE sessions SET ended_at = $7 \
           WHERE tenant_id = $1 AND hash = $12 AND ended_at IS NULL AND EXISTS (SELECT 1 FROM noted)), \
         made AS (INSERT INTO sessions (tenant_id, ", session_columns!(), ") \
           SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM noted RETURNING 1)",
        effects!("$13" if "made")
    );
    LIST = concat!(
        "SELECT ", session_columns!(), " FROM sessions WHERE tenant_id = $1 AND ended_at IS NULL AND expires_at > $2 \
         ORDER BY created_at DESC, id DESC LIMIT $3"
    );
    /// A statement of its own, so that its plan is that of one person's sessions.
    LIST_OF_USER = concat!(
        "SELECT ", session_columns!(), " FROM sessions \
         WHERE tenant_id = $1 AND user_id = $4 AND ended_at IS NULL AND expires_at > $2 \
         ORDER BY created_at DESC, id DESC LIMIT $3"
    );
    TOUCH = "UPDATE sessions SET last_seen_at = greatest(last_seen_at, $3) \
         WHERE tenant_id = $1 AND hash = $2 AND ended_at IS NULL";
    END_ALL = concat!(
        "WITH ended AS (UPDATE sessions SET ended_at = $3 \
           WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL AND expires_at > $3 \
           AND id IS DISTINCT FROM $4::uuid RETURNING 1)",
        effects!("$5" if "ended"),
        ", (SELECT count(*) FROM ended)"
    );
    END_EVERYTHING = concat!(
        "WITH ended AS (UPDATE sessions SET ended_at = $3 \
           WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL AND expires_at > $3 RETURNING 1), ",
        killed!("user_id = $2" at "$3"),
        ", over AS (SELECT 1 FROM ended UNION ALL SELECT 1 FROM killed)",
        effects!("(CASE WHEN NOT EXISTS (SELECT 1 FROM killed) THEN $4::text \
           WHEN NOT EXISTS (SELECT 1 FROM ended) THEN $5::text ELSE $6::text END)" if "over" telling "killed"),
        ", (SELECT count(*) FROM ended), (SELECT count(*) FROM killed)"
    );
    END = concat!(
        "WITH ended AS (UPDATE sessions SET ended_at = $3 \
           WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL AND expires_at > $3 RETURNING 1)",
        effects!("$4" if "ended")
    );
}

/// A session that is asked for.
pub(super) struct SessionOf {
    hash: TokenHash,
    client_id: Option<ClientId>,
    now: Timestamp,
}

/// Many sessions, each with its person and their consent for a client.
pub(super) struct LoadSessions;

impl Many for LoadSessions {
    type Ask = SessionOf;
    const SQL: &'static str = LOAD;
    const CHANGES: bool = false;

    fn columns(asks: &[SessionOf]) -> Vec<Column<'_>> {
        vec![
            column(asks, |of| of.hash.as_bytes().as_slice()),
            column(asks, |of| of.now.as_micros()),
            column(asks, |of| of.client_id.as_ref().map(ClientId::as_str)),
        ]
    }
}

#[async_trait]
impl SessionStore for Tenant {
    async fn load_session(
        &self,
        hash: &TokenHash,
        client_id: Option<&ClientId>,
        now: Timestamp,
    ) -> StorageResult<Option<LoadedSession>> {
        let of = SessionOf {
            hash: *hash,
            client_id: client_id.cloned(),
            now,
        };
        found(self.lines.sessions.ask(of).await?, |row| {
            rows::loaded_session(row)
        })
    }

    async fn find_session(&self, id: SessionId, now: Timestamp) -> StorageResult<Option<Session>> {
        self.db
            .find(FIND, &[&self.id(), &id.as_uuid(), &now.as_micros()], |row| {
                rows::session(row)
            })
            .await
    }

    async fn start_session(
        &self,
        session: &Session,
        password_changed_at: Option<Timestamp>,
        replaces: Option<&TokenHash>,
        effects: Effects,
    ) -> StorageResult<StartOutcome> {
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
                    &session.last_seen_at.as_micros(),
                    &session.user_agent,
                    &session.address.map(|address| address.to_string()),
                    &replaces.map(|hash| hash.as_bytes().as_slice()),
                    &self.effects(effects)?,
                    &password_changed_at.map(Timestamp::as_micros),
                ],
            )
            .await
            .map_err(|error| match error {
                StorageError::Conflict(_) => StorageError::Conflict(format!("session {}", session.id)),
                other => other,
            })?;
        Ok(if made {
            StartOutcome::Started
        } else {
            StartOutcome::Refused
        })
    }

    async fn list_sessions(
        &self,
        user_id: Option<UserId>,
        now: Timestamp,
        limit: u32,
    ) -> StorageResult<Vec<Session>> {
        let limit = i64::from(limit.min(Page::LIMIT_MAX));
        let (tenant, now) = (self.id(), now.as_micros());
        let Some(user_id) = user_id.map(UserId::as_uuid) else {
            let row: [Param<'_>; 3] = [&tenant, &now, &limit];
            return self.db.list(LIST, &row, |row| rows::session(row)).await;
        };
        let row: [Param<'_>; 4] = [&tenant, &now, &limit, &user_id];
        self.db.list(LIST_OF_USER, &row, |row| rows::session(row)).await
    }

    async fn touch_session(&self, hash: &TokenHash, now: Timestamp) -> StorageResult<()> {
        self.db
            .write(
                TOUCH,
                &[&self.id(), &hash.as_bytes().as_slice(), &now.as_micros()],
            )
            .await?;
        Ok(())
    }

    async fn end_sessions(
        &self,
        user_id: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<u64> {
        let (_, ended) = self
            .decide_alone(
                user_id,
                END_ALL,
                &[
                    &self.id(),
                    &user_id.as_uuid(),
                    &now.as_micros(),
                    &keep.map(SessionId::as_uuid),
                    &self.effects(effects)?,
                ],
                |row| row.count(),
            )
            .await?;
        Ok(ended)
    }

    async fn end_everything(
        &self,
        user_id: UserId,
        now: Timestamp,
        effects: EndEffects,
    ) -> StorageResult<Ended> {
        let EndEffects { sessions, grants } = effects;
        let both = sessions.clone().and(grants.clone());
        let (_, ended) = self
            .decide_alone(
                user_id,
                END_EVERYTHING,
                &[
                    &self.id(),
                    &user_id.as_uuid(),
                    &now.as_micros(),
                    &self.effects(sessions)?,
                    &self.effects(grants)?,
                    &self.effects(both)?,
                ],
                |row| {
                    Ok(Ended {
                        sessions: row.count()?,
                        grants: row.count()?,
                    })
                },
            )
            .await?;
        Ok(ended)
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
