//! What a person may say about themselves, through a client they allowed to.

use authly_core::{UserId, ports::UserStore, user::User};
use serde_json::{Map, Value};

use super::{Origin, UpdateUserError, UserChanges, update_user};
use crate::claims::ClaimError;

/// The claims a person may change (OIDC Core §5.1). Not among them: what somebody else vouches for (`email` and both
/// `…_verified`), and `preferred_username`, which clients take for the name of an account although they must not.
pub const PROFILE_CLAIMS: [&str; 14] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "address",
];

/// Claims that are links. Others show them, so they must not lead anywhere unprotected.
const LINKS: [&str; 3] = ["profile", "picture", "website"];

/// Why a profile was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No member.
    #[error("the body names no claim to change")]
    Empty,
    /// A member is refused.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The account cannot be changed.
    #[error("the account was not changed")]
    Update(#[source] UpdateUserError),
}

/// Changes a person's own claims: each member is the new value, null removes. All of them or none. Another
/// `phone_number` is no longer verified.
///
/// # Errors
/// [`ProfileError`]; nothing was stored.
pub async fn update_profile(
    storage: &dyn UserStore,
    id: UserId,
    members: Map<String, Value>,
    origin: Origin<'_>,
) -> Result<User, ProfileError> {
    let changes = changes(members)?;
    update_user(storage, id, &changes, origin)
        .await
        .map_err(|error| match error {
            UpdateUserError::Claim(error) => ProfileError::Claim(error),
            other => ProfileError::Update(other),
        })
}

fn changes(members: Map<String, Value>) -> Result<UserChanges, ProfileError> {
    if members.is_empty() {
        return Err(ProfileError::Empty);
    }
    let mut changes = UserChanges::default();
    for (name, value) in members {
        if !PROFILE_CLAIMS.contains(&name.as_str()) {
            let reason = "it cannot be changed here";
            return Err(ClaimError { name, reason }.into());
        }
        if value.is_null() {
            changes.remove_claims.push(name);
            continue;
        }
        let is_open_link =
            LINKS.contains(&name.as_str()) && !value.as_str().is_some_and(|url| url.starts_with("https://"));
        if is_open_link {
            let reason = "it must be an https URL";
            return Err(ClaimError { name, reason }.into());
        }
        changes.set_claims.insert(name, value);
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(members: Value) -> String {
        changes(serde_json::from_value(members).unwrap())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn null_removes_and_a_value_sets() {
        let members = json!({ "name": "Ada", "nickname": null });
        let changes = changes(serde_json::from_value(members).unwrap()).unwrap();
        assert_eq!(Value::Object(changes.set_claims), json!({ "name": "Ada" }));
        assert_eq!(changes.remove_claims, ["nickname"]);
    }

    #[test]
    fn nobody_vouches_for_themselves() {
        for name in [
            "email",
            "email_verified",
            "phone_number_verified",
            "preferred_username",
            "sub",
            "groups",
            "is_admin",
            "department",
            "updated_at",
        ] {
            let text = refused(json!({ "name": "Ada", name: true }));
            assert_eq!(text, format!("claim {name}: it cannot be changed here"));
            // Nor do they take it away.
            refused(json!({ name: null }));
        }
        assert_eq!(refused(json!({})), "the body names no claim to change");
    }

    #[test]
    fn links_are_protected_ones() {
        assert_eq!(
            refused(json!({ "picture": "http://example.com/a" })),
            "claim picture: it must be an https URL"
        );
        refused(json!({ "website": 1 }));
        refused(json!({ "profile": "javascript:alert(1)" }));
    }
}
