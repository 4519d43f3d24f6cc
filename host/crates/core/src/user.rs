//! People's accounts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use crate::{ids::UserId, secret::SecretText, time::Timestamp};

/// A person's account.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about an account, each with a column of its own"
)]
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
    /// Somebody vouched for the account: the original's `is_verified`. Where the operator requires it, an unverified
    /// person is refused like a disabled one.
    pub verified: bool,
    /// The password was set by somebody else, and is to be changed by its owner.
    pub requires_password_change: bool,
    /// When the password last changed; `None` when there is none.
    pub password_changed_at: Option<Timestamp>,
    /// When the person last signed in.
    pub last_login_at: Option<Timestamp>,
    /// How audit events name this person; erasing the account destroys the link.
    pub pseudonym: Uuid,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the account last changed: `updated_at` of OIDC Core §5.1.
    pub updated_at: Timestamp,
    /// Raised by every update, which compares-and-sets on it.
    pub version: i64,
}

/// A user with what login needs beside it. Never leaves the login use case.
#[derive(Clone, Debug)]
pub struct LoginRecord {
    /// The account.
    pub user: User,
    /// Argon2id hash in PHC form; `None` when the account has no password.
    pub password_hash: Option<SecretText>,
}

/// The form under which user names are unique and looked up: compatibility-composed, trimmed, lower case.
///
/// One keyboard writes é as one character and another as two, and there are wide and styled forms of the same letters
/// (UAX #15): whoever types the name means one account. Near RFC 8265 §3.3, which also folds case and width.
pub fn normalize_username(text: &str) -> String {
    let composed: String = text.nfkc().collect();
    // Lower case may come apart (İ), so it is composed again.
    composed.trim().to_lowercase().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_one() {
        for (spelling, name) in [
            (" Alice ", "alice"),
            ("Zo\u{eb}", "zo\u{eb}"),
            ("ZOE\u{308}", "zo\u{eb}"),
            ("\u{ff21}lice\u{3000}", "alice"),
            ("\u{fb01}nn", "finn"),
            ("\u{212a}im", "kim"),
        ] {
            assert_eq!(normalize_username(spelling), name, "{spelling}");
        }
        assert_ne!(normalize_username("zoe"), normalize_username("zo\u{eb}"));
    }

    #[test]
    fn normalized_name_stays_as_it_is() {
        for name in [
            "\u{130}stanbul",
            "\u{1e9e}",
            "\u{fdfa}",
            "e\u{301}\u{323}",
            "\u{a8}x",
        ] {
            let once = normalize_username(name);
            assert_eq!(normalize_username(&once), once, "{name}");
        }
    }
}
