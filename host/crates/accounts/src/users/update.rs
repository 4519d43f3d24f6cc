//! Changing an account: its name, claims, groups and flags.

use authly_core::{
    AuditAction, StorageError, UserId,
    ports::{UpdateOutcome, UserStore},
    user::User,
};
use serde_json::{Map, Value};

use super::{Origin, collect_groups, is_new_username};
use crate::claims::{ClaimError, check_claims};

/// How often a change is tried again on the account as somebody else has just left it.
const ATTEMPTS: u32 = 5;

/// What to change; what is not named stays.
#[derive(Clone, Debug, Default)]
pub struct UserChanges {
    /// What the person types to sign in.
    pub username: Option<String>,
    /// Claims to add or replace. A `groups` among them replaces the groups, unless `groups` does.
    ///
    /// Another `email` or `phone_number` is not verified any more, unless the same change says that it is.
    pub set_claims: Map<String, Value>,
    /// Claims to remove; one that is not there is no error.
    pub remove_claims: Vec<String>,
    /// All groups, in place of those there are.
    pub groups: Option<Vec<String>>,
    /// May be granted `admin:*` scopes.
    pub is_admin: Option<bool>,
    /// Somebody vouches for the account.
    pub verified: Option<bool>,
    /// The password is to be changed by its owner.
    pub requires_password_change: Option<bool>,
}

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateUserError {
    /// There is no such person.
    #[error("there is no such user")]
    Unknown,
    /// Not a user name.
    #[error(
        "a user name has 1 to 64 characters, none of them invisible or a control character, and no white space but \
         single spaces inside"
    )]
    Username,
    /// The name is taken, perhaps in other capitals.
    #[error("the user name is taken")]
    Taken,
    /// A claim is refused.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// Others changed it again and again meanwhile; nothing was stored.
    #[error("the account was changed by somebody else at the same time; try again")]
    Stale,
    /// Storage could not answer.
    #[error("storage could not answer")]
    Storage(#[source] StorageError),
}

/// Changes an account; all of it or nothing. Answers the account as it is now.
///
/// # Errors
/// [`UpdateUserError`]; nothing was stored.
pub async fn update_user(
    storage: &dyn UserStore,
    id: UserId,
    changes: &UserChanges,
    origin: Origin<'_>,
) -> Result<User, UpdateUserError> {
    for _ in 0..ATTEMPTS {
        let loaded = storage.load_user(id).await.map_err(UpdateUserError::Storage)?;
        let before = loaded.ok_or(UpdateUserError::Unknown)?;
        let mut after = apply(User::clone(&before), changes)?;
        if after == *before {
            return Ok(after);
        }
        after.updated_at = origin.now();
        let effects = origin.effects(AuditAction::UserUpdated, &after);
        match storage.update_user(&after, effects).await {
            Ok(UpdateOutcome::Updated) => {
                after.version += 1;
                return Ok(after);
            }
            Ok(UpdateOutcome::Stale) => {}
            Ok(UpdateOutcome::Unknown) => return Err(UpdateUserError::Unknown),
            Err(StorageError::Conflict(_)) => return Err(UpdateUserError::Taken),
            Err(error) => return Err(UpdateUserError::Storage(error)),
        }
    }
    Err(UpdateUserError::Stale)
}

/// The account with the changes in it.
fn apply(mut user: User, changes: &UserChanges) -> Result<User, UpdateUserError> {
    if let Some(username) = &changes.username {
        let username = username.trim();
        if !is_new_username(username) {
            return Err(UpdateUserError::Username);
        }
        username.clone_into(&mut user.username);
    }
    let mut set = changes.set_claims.clone();
    let from_claim = set.remove("groups");
    match (&changes.groups, from_claim) {
        (Some(groups), _) => user.groups = collect_groups(groups.clone(), None)?,
        (None, Some(claim)) => user.groups = collect_groups(Vec::new(), Some(claim))?,
        (None, None) => {}
    }
    change_claims(&mut user.claims, set, &changes.remove_claims)?;
    user.is_admin = changes.is_admin.unwrap_or(user.is_admin);
    user.verified = changes.verified.unwrap_or(user.verified);
    user.requires_password_change = changes
        .requires_password_change
        .unwrap_or(user.requires_password_change);
    Ok(user)
}

/// Sets and removes claims. What vouches for a value goes with the value: otherwise a verified address would become
/// any address.
pub(super) fn change_claims(
    claims: &mut Map<String, Value>,
    set: Map<String, Value>,
    remove: &[String],
) -> Result<(), ClaimError> {
    const VOUCHED: [(&str, &str); 2] = [
        ("email", "email_verified"),
        ("phone_number", "phone_number_verified"),
    ];
    let before = VOUCHED.map(|(value, _)| claims.get(value).cloned());
    let vouched_now = VOUCHED.map(|(_, flag)| set.contains_key(flag));
    for name in remove {
        claims.remove(name);
    }
    claims.extend(set);
    for (((value, flag), before), vouched_now) in VOUCHED.into_iter().zip(before).zip(vouched_now) {
        if claims.get(value) == before.as_ref() || vouched_now {
            continue;
        }
        if claims.contains_key(value) {
            // Said, because many take an address of which nothing is said for a proved one.
            claims.insert(flag.to_owned(), Value::from(false));
        } else {
            claims.remove(flag);
        }
    }
    check_claims(claims)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    fn changed(set: Value, remove: &[&str]) -> Value {
        let mut claims = object(json!({
            "email": "a@example.com", "email_verified": true,
            "phone_number": "+31 20 1", "phone_number_verified": true,
        }));
        let remove: Vec<String> = remove.iter().map(|name| (*name).to_owned()).collect();
        change_claims(&mut claims, object(set), &remove).unwrap();
        Value::Object(claims)
    }

    #[test]
    fn another_address_is_not_verified_by_the_one_before() {
        let phone = json!({ "phone_number": "+31 20 1", "phone_number_verified": true });
        let with = |more: Value| {
            let mut all = object(phone.clone());
            all.extend(object(more));
            Value::Object(all)
        };
        assert_eq!(
            changed(json!({ "email": "b@example.com" }), &[]),
            with(json!({ "email": "b@example.com", "email_verified": false }))
        );
        let vouched = json!({ "email": "b@example.com", "email_verified": true });
        assert_eq!(changed(vouched.clone(), &[]), with(vouched));
        assert_eq!(changed(json!({}), &["email"]), phone);
        let same = json!({ "email": "a@example.com", "email_verified": true });
        assert_eq!(changed(json!({ "email": "a@example.com" }), &[]), with(same));
    }
}
