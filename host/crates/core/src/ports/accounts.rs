//! People and their browser sessions.

use async_trait::async_trait;

use super::{Page, StorageResult};
use crate::{
    effects::Effects,
    ids::{SessionId, UserId},
    secret::{SecretText, TokenHash},
    session::Session,
    time::Timestamp,
    user::{LoginRecord, User},
};

/// People's accounts.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// The account, enabled or not.
    async fn load_user(&self, id: UserId) -> StorageResult<Option<User>>;
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
    /// A session that is neither ended nor expired at `now`.
    async fn load_session(&self, hash: &TokenHash, now: Timestamp) -> StorageResult<Option<Session>>;
    /// Starts a session and, in the same transaction, ends the one the browser had before: the id changes at login,
    /// so a planted cookie is worth nothing afterwards.
    async fn start_session(
        &self,
        session: &Session,
        replaces: Option<&TokenHash>,
        effects: Effects,
    ) -> StorageResult<()>;
    /// Ends a session; `false` when it was not alive.
    async fn end_session(&self, id: SessionId, now: Timestamp, effects: Effects) -> StorageResult<bool>;
}
