//! Browser sessions.

use std::net::IpAddr;

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
    /// When the browser last used it, give or take the step in which that is written down: the idle lifetime counts
    /// from here.
    pub last_seen_at: Timestamp,
    /// `User-Agent` of the browser at sign-in, so that its owner recognises it in a list. As sent: never trusted.
    pub user_agent: Option<String>,
    /// The address it signed in from, for the same list.
    pub address: Option<IpAddr>,
}
