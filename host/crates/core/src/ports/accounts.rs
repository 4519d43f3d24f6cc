//! People and their browser sessions.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Page, StorageResult, UpdateOutcome};
use crate::{
    effects::Effects,
    grant::Consent,
    ids::{ClientId, SessionId, UserId},
    secret::{SecretText, TokenHash},
    session::Session,
    time::Timestamp,
    user::{LoginRecord, User},
};

/// A new password.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// Whose.
    pub user_id: UserId,
    /// The hash that the current password was checked against: if it is another one by now, nothing happens. `None`
    /// when an operator sets the password without knowing the current one.
    pub replaces: Option<SecretText>,
    /// The new Argon2id hash in PHC form.
    pub hash: SecretText,
    /// Whether its owner is to change it: somebody else knows it.
    pub requires_password_change: bool,
    /// What ends with the old password.
    pub ends: PasswordEnds,
    /// When.
    pub now: Timestamp,
}

/// What a password change ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordEnds {
    /// Every session but this one, and every grant: whoever got in with the old password is out.
    Others {
        /// The session in which the change was made.
        keep: Option<SessionId>,
    },
    /// Nothing.
    Nothing,
}

/// What became of a [`PasswordChange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordOutcome {
    /// It is the password now.
    Changed(Ended),
    /// The password was changed since it was checked; nothing was stored.
    Stale,
    /// There is no such person.
    Unknown,
}

/// A living session, read in one step.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedSession {
    /// The session.
    pub session: Session,
    /// Whose it is, enabled or not: a session goes with its person.
    pub user: Arc<User>,
    /// What they agreed to for the client that was named, if anything.
    pub consent: Option<Consent>,
}

/// What became of a session that was to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartOutcome {
    /// It lives.
    Started,
    /// The person's password was changed since it was checked, or they are disabled or gone: nothing was stored, and the
    /// session before lives on.
    Refused,
}

/// How much a step ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Browser sessions.
    pub sessions: u64,
    /// Grants, each with all its tokens.
    pub grants: u64,
}

/// Effects by what ended: those of both when both did.
#[derive(Clone, Debug, Default)]
pub struct EndEffects {
    /// Stored when a session ended.
    pub sessions: Effects,
    /// Stored when a grant ended.
    pub grants: Effects,
}

/// People's accounts.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// The account, enabled or not.
    async fn load_user(&self, id: UserId) -> StorageResult<Option<Arc<User>>>;
    /// The account and its password hash, by normalized user name.
    async fn load_login(&self, normalized_username: &str) -> StorageResult<Option<LoginRecord>>;
    /// Accounts in order of normalized user name.
    async fn list_users(&self, page: &Page) -> StorageResult<Vec<User>>;
    /// Makes an account. `Conflict` when the normalized user name is taken.
    async fn create_user(
        &self,
        user: &User,
        password_hash: Option<&SecretText>,
        effects: Effects,
    ) -> StorageResult<()>;
    /// The account and its password hash.
    async fn load_credentials(&self, id: UserId) -> StorageResult<Option<LoginRecord>>;
    /// Replaces an account, but for its password, its pseudonym and when it was made, if it still is at
    /// `user.version`, and raises that by one. `Conflict` when the normalized user name is taken.
    async fn update_user(&self, user: &User, effects: Effects) -> StorageResult<UpdateOutcome>;
    /// Sets the password and, in the same step, ends what was opened with the one before.
    async fn set_password(&self, change: PasswordChange, effects: Effects) -> StorageResult<PasswordOutcome>;
    /// Deletes an account with its sessions, consents and grants; `false` when there is none.
    async fn delete_user(&self, id: UserId, effects: Effects) -> StorageResult<bool>;
    /// Enables or disables; `false` when there is no such person.
    async fn set_user_enabled(
        &self,
        id: UserId,
        enabled: bool,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool>;
}

/// Browser sessions.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// A session that is neither ended nor expired at `now`, with its person, and with what they agreed to for
    /// `client_id` if one is named.
    async fn load_session(
        &self,
        hash: &TokenHash,
        client_id: Option<&ClientId>,
        now: Timestamp,
    ) -> StorageResult<Option<LoadedSession>>;
    /// The session by its id, for an operator who holds no cookie.
    async fn find_session(&self, id: SessionId, now: Timestamp) -> StorageResult<Option<Session>>;
    /// Starts a session and, in the same transaction, ends the one the browser had before: the id changes at login,
    /// so a planted cookie is worth nothing afterwards. Notes the person's `last_login_at`.
    ///
    /// `password_changed_at` is the person's at the time when the password was checked: a change that came in between
    /// ended every session, and the old password must not open another one.
    async fn start_session(
        &self,
        session: &Session,
        password_changed_at: Option<Timestamp>,
        replaces: Option<&TokenHash>,
        effects: Effects,
    ) -> StorageResult<StartOutcome>;
    /// Sessions that are neither ended nor expired at `now`, the newest first: of one person, or of everybody. They
    /// may have been idle for too long: whoever asks knows the limit.
    async fn list_sessions(
        &self,
        user_id: Option<UserId>,
        now: Timestamp,
        limit: u32,
    ) -> StorageResult<Vec<Session>>;
    /// Notes that the session was used at `now`. Not a write per request: the caller asks when the note is old.
    async fn touch_session(&self, hash: &TokenHash, now: Timestamp) -> StorageResult<()>;
    /// Ends a session; `false` when it was not alive.
    async fn end_session(&self, id: SessionId, now: Timestamp, effects: Effects) -> StorageResult<bool>;
    /// Ends every session of a person but `keep`; answers how many were alive.
    async fn end_sessions(
        &self,
        user_id: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<u64>;
    /// Ends every session and every grant of a person, in one step; answers how many were alive.
    async fn end_everything(
        &self,
        user_id: UserId,
        now: Timestamp,
        effects: EndEffects,
    ) -> StorageResult<Ended>;
}
