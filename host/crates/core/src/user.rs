//! People's accounts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{ids::UserId, secret::SecretText, time::Timestamp};

/// A person's account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Never reused; its text is `sub`.
    pub id: UserId,
    /// What the person types; unique within the tenant in its [`normalized`](normalize_username) form.
    pub username: String,
    /// Standard claims (OIDC Core §5.1) and the operator's own attributes, as one JSON object.
    pub claims: Map<String, Value>,
    /// Group names, for claim plugins.
    pub groups: Vec<String>,
    /// May be granted `admin:*` scopes.
    pub is_admin: bool,
    /// A disabled person is refused at every step: login, code, refresh, userinfo.
    pub enabled: bool,
    /// How audit events name this person; erasing the account destroys the link.
    pub pseudonym: Uuid,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the account last changed: `updated_at` of OIDC Core §5.1.
    pub updated_at: Timestamp,
}

/// A user with what login needs beside it. Never leaves the login use case.
#[derive(Clone, Debug)]
pub struct LoginRecord {
    /// The account.
    pub user: User,
    /// Argon2id hash in PHC form; `None` when the account has no password.
    pub password_hash: Option<SecretText>,
}

/// The form under which user names are unique and looked up: trimmed, lower case.
pub fn normalize_username(text: &str) -> String {
    text.trim().to_lowercase()
}
