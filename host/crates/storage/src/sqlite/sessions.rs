//! Browser sessions.

use async_trait::async_trait;
use authly_core::{
    ClientId, Effects, SessionId, Timestamp, TokenHash, UserId,
    ports::{EndEffects, Ended, LoadedSession, Page, SessionStore, StartOutcome, StorageResult},
    session::Session,
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements, taken},
    grants,
};
use crate::{
    codec::to_json,
    rows::{self, loaded_session_columns, session_columns},
};

statements! {
    LOAD = "SELECT ", loaded_session_columns!(), " FROM sessions s \
        JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id \
        LEFT JOIN consents c ON c.tenant_id = s.tenant_id AND c.user_id = s.user_id AND c.client_id = ?4 \
        WHERE s.tenant_id = ?1 AND s.hash = ?2 AND s.ended_at IS NULL AND s.expires_at > ?3";
    FIND = "SELECT ", session_columns!(), " FROM sessions \
        WHERE tenant_id = ?1 AND id = ?2 AND ended_at IS NULL AND expires_at > ?3";
    START = "INSERT INTO sessions (tenant_id, ", session_columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    END_REPLACED = "UPDATE sessions SET ended_at = ?3 WHERE tenant_id = ?1 AND hash = ?2 AND ended_at IS NULL";
    NOTE_LOGIN = "UPDATE users SET last_login_at = ?3 \
        WHERE tenant_id = ?1 AND id = ?2 AND enabled AND password_changed_at IS ?4";
    LIST = "SELECT ", session_columns!(), " FROM sessions \
        WHERE tenant_id = ?1 AND ended_at IS NULL AND expires_at > ?2 ORDER BY created_at DESC, id DESC LIMIT ?3";
    // A statement of its own, so that its plan is that of one person's sessions.
    LIST_OF_USER = "SELECT ", session_columns!(), " FROM sessions \
        WHERE tenant_id = ?1 AND user_id = ?4 AND ended_at IS NULL AND expires_at > ?2 \
        ORDER BY created_at DESC, id DESC LIMIT ?3";
    TOUCH = "UPDATE sessions SET last_seen_at = max(last_seen_at, ?3) \
        WHERE tenant_id = ?1 AND hash = ?2 AND ended_at IS NULL";
    END_ALL = "UPDATE sessions SET ended_at = ?3 \
        WHERE tenant_id = ?1 AND user_id = ?2 AND ended_at IS NULL AND expires_at > ?3 AND id IS NOT ?4";
    END = "UPDATE sessions SET ended_at = ?3 \
        WHERE tenant_id = ?1 AND id = ?2 AND ended_at IS NULL AND expires_at > ?3";
}

fn start(
    access: &Access<'_>,
    session: &Session,
    password_changed_at: Option<Timestamp>,
    replaces: Option<TokenHash>,
) -> StorageResult<StartOutcome> {
    let login = params![
        access.tenant(),
        session.user_id.as_uuid().into_bytes(),
        session.auth_time.as_micros(),
        password_changed_at.map(Timestamp::as_micros),
    ];
    if access.execute(NOTE_LOGIN, login)? == 0 {
        return Ok(StartOutcome::Refused);
    }
    if let Some(old) = replaces {
        let row = params![access.tenant(), old.as_bytes(), session.created_at.as_micros()];
        access.execute(END_REPLACED, row)?;
    }
    let row = params![
        access.tenant(),
        session.id.as_uuid().into_bytes(),
        session.hash.as_bytes(),
        session.user_id.as_uuid().into_bytes(),
        session.auth_time.as_micros(),
        to_json(&session.amr)?,
        session.created_at.as_micros(),
        session.expires_at.as_micros(),
        session.last_seen_at.as_micros(),
        session.user_agent,
        session.address.map(|address| address.to_string()),
    ];
    taken(access.execute(START, row), || "session".to_owned())?;
    Ok(StartOutcome::Started)
}

/// Ends every living session of a person but one; answers how many.
pub(super) fn end_all(
    access: &Access<'_>,
    user_id: UserId,
    keep: Option<SessionId>,
    now: Timestamp,
) -> StorageResult<u64> {
    let row = params![
        access.tenant(),
        user_id.as_uuid().into_bytes(),
        now.as_micros(),
        keep.map(|id| id.as_uuid().into_bytes()),
    ];
    Ok(access.execute(END_ALL, row)? as u64)
}

#[async_trait]
impl SessionStore for SqliteTenant {
    async fn load_session(
        &self,
        hash: &TokenHash,
        client_id: Option<&ClientId>,
        now: Timestamp,
    ) -> StorageResult<Option<LoadedSession>> {
        let (hash, client_id) = (*hash, client_id.cloned());
        self.look_up(move |access| {
            let client_id = client_id.as_ref().map(ClientId::as_str);
            let key = params![access.tenant(), hash.as_bytes(), now.as_micros(), client_id];
            access.find(LOAD, key, |row| rows::loaded_session(row))
        })
        .await
    }

    async fn find_session(&self, id: SessionId, now: Timestamp) -> StorageResult<Option<Session>> {
        self.look_up(move |access| {
            let key = params![access.tenant(), id.as_uuid().into_bytes(), now.as_micros()];
            access.find(FIND, key, |row| rows::session(row))
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
        let (session, replaces) = (session.clone(), replaces.copied());
        self.write(move |access| {
            let outcome = start(access, &session, password_changed_at, replaces)?;
            access.store_if(outcome == StartOutcome::Started, &effects)?;
            Ok(outcome)
        })
        .await
    }

    async fn list_sessions(
        &self,
        user_id: Option<UserId>,
        now: Timestamp,
        limit: u32,
    ) -> StorageResult<Vec<Session>> {
        self.read(move |access| {
            let (now, limit) = (now.as_micros(), limit.min(Page::LIMIT_MAX));
            let Some(user_id) = user_id else {
                let key = params![access.tenant(), now, limit];
                return access.list(LIST, key, |row| rows::session(row));
            };
            let key = params![access.tenant(), now, limit, user_id.as_uuid().into_bytes()];
            access.list(LIST_OF_USER, key, |row| rows::session(row))
        })
        .await
    }

    async fn touch_session(&self, hash: &TokenHash, now: Timestamp) -> StorageResult<()> {
        let hash = *hash;
        self.write(move |access| {
            access.execute(TOUCH, params![access.tenant(), hash.as_bytes(), now.as_micros()])?;
            Ok(())
        })
        .await
    }

    async fn end_sessions(
        &self,
        user_id: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<u64> {
        self.write(move |access| {
            let ended = end_all(access, user_id, keep, now)?;
            access.store_if(ended > 0, &effects)?;
            Ok(ended)
        })
        .await
    }

    async fn end_everything(
        &self,
        user_id: UserId,
        now: Timestamp,
        effects: EndEffects,
    ) -> StorageResult<Ended> {
        self.write(move |access| {
            let ended = Ended {
                sessions: end_all(access, user_id, None, now)?,
                grants: grants::revoke_all(access, user_id, now)?,
            };
            access.store_if(ended.sessions > 0, &effects.sessions)?;
            access.store_if(ended.grants > 0, &effects.grants)?;
            Ok(ended)
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
