//! Browser sessions.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{SessionId, UserId},
    secret::TokenHash,
    time::Timestamp,
};

/// A person signed in to one browser. The cookie holds a [`PlainToken`](crate::PlainToken); storage its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Public identifier.
    pub id: SessionId,
    /// SHA-256 of the cookie's value.
    pub hash: TokenHash,
    /// Who.
    pub user_id: UserId,
    /// When they proved it.
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// When the session began.
    pub created_at: Timestamp,
    /// Absolute end.
    pub expires_at: Timestamp,
}
