//! Claims about people: the standard ones by scope (OIDC Core §5.1, §5.4), and the claim-mapper hook that shapes a
//! response without touching what the protocol owns.

use std::collections::BTreeMap;

use authly_core::{
    ScopeSet,
    claim::PROTOCOL_CLAIMS,
    claims_request::RequestedClaim,
    ports::{ClaimMapInput, ClaimMapper, ClaimOrigin, ClaimTarget, HookError},
    user::User,
};
use serde_json::{Map, Value};

/// The scopes that ask for claims, and the claims each asks for (OIDC Core §5.4).
const BY_SCOPE: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("phone", &["phone_number", "phone_number_verified"]),
    ("address", &["address"]),
];

/// Every standard claim that can be supplied, for discovery.
pub(crate) fn standard() -> impl Iterator<Item = &'static str> {
    BY_SCOPE.into_iter().flat_map(|(_, names)| names.iter().copied())
}

/// The scope that holds a standard claim; `None` for any other name.
pub(crate) fn scope_of(claim: &str) -> Option<&'static str> {
    let holds = |(_, names): &(&str, &[&str])| names.contains(&claim);
    BY_SCOPE.into_iter().find(holds).map(|(scope, _)| scope)
}

/// The person's standard claims for the granted scope, absent ones left out (OIDC Core §5.3.2).
///
/// Where a claim exists in a language that was asked for, it is told in that one too (OIDC Core §5.2).
pub(crate) fn by_scope(user: &User, scope: &ScopeSet, locales: &[String]) -> Map<String, Value> {
    BY_SCOPE
        .into_iter()
        .filter(|(name, _)| scope.contains(name))
        .flat_map(|(_, names)| names.iter())
        .flat_map(|name| in_languages(user, name, locales))
        .collect()
}

/// The claims that were asked for one by one (OIDC Core §5.5), as far as they are standard claims and the person has
/// them. Which values were asked for changes nothing here: the claim says what is so (§5.5.1).
///
/// Only with a scope in `may` that holds it, from [`still_the_clients`](crate::scopes::still_the_clients): what the
/// client could not be granted by scope any more, it is not told by name.
pub(crate) fn requested(
    user: &User,
    asked: &BTreeMap<String, RequestedClaim>,
    locales: &[String],
    may: &ScopeSet,
) -> Map<String, Value> {
    asked
        .keys()
        .filter(|name| scope_of(name).is_some_and(|scope| may.contains(scope)))
        .flat_map(|name| in_languages(user, name, locales))
        .collect()
}

/// A claim and its versions in the languages asked for (`family_name#ja`).
fn in_languages(user: &User, name: &str, locales: &[String]) -> Vec<(String, Value)> {
    let plain = standard_claim(user, name).map(|value| (name.to_owned(), value));
    let tagged = locales.iter().filter_map(|locale| {
        let tagged = format!("{name}#{locale}");
        let stored = user
            .claims
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(&tagged));
        stored.map(|(key, value)| (key.clone(), value.clone()))
    });
    plain.into_iter().chain(tagged).collect()
}

/// One claim; `None` when there is no value. A null or an empty text is no value (OIDC Core §5.3.2).
fn standard_claim(user: &User, name: &str) -> Option<Value> {
    let stored = user
        .claims
        .get(name)
        .filter(|v| !v.is_null() && v.as_str() != Some(""));
    match name {
        // The type is a number (OIDC Core §5.1).
        "updated_at" => Some(
            stored
                .filter(|v| v.is_number())
                .cloned()
                .unwrap_or_else(|| Value::from(user.updated_at.as_secs())),
        ),
        "preferred_username" => Some(
            stored
                .cloned()
                .unwrap_or_else(|| Value::from(user.username.as_str())),
        ),
        _ => stored.cloned(),
    }
}

/// The claims of a response after the hook.
pub(crate) struct Shaped {
    claims: BTreeMap<ClaimTarget, Map<String, Value>>,
    /// Which plugin set or removed what.
    pub(crate) origins: Vec<ClaimOrigin>,
}

impl Shaped {
    /// Takes the claims of one target out.
    pub(crate) fn take(&mut self, target: ClaimTarget) -> Map<String, Value> {
        self.claims.remove(&target).unwrap_or_default()
    }
}

/// Runs the claim-mapper hook once for all targets of a response and restores what the protocol owns, whatever the
/// hook answered.
///
/// # Errors
/// [`HookError`]: nothing of the response may be sent, and nothing is spent.
pub(crate) async fn shape(hook: &dyn ClaimMapper, input: ClaimMapInput) -> Result<Shaped, HookError> {
    let computed = input.claims.clone();
    let mut mapped = hook.map_claims(input).await?;
    let claims = computed
        .into_iter()
        .map(|(target, computed)| {
            let answered = mapped.claims.remove(&target).unwrap_or_default();
            (target, protect(&computed, answered))
        })
        .collect();
    Ok(Shaped {
        claims,
        origins: mapped.origins,
    })
}

/// `answered`, with every protected claim as it was computed, or absent where none was.
fn protect(computed: &Map<String, Value>, mut answered: Map<String, Value>) -> Map<String, Value> {
    for name in PROTOCOL_CLAIMS {
        match (computed.get(name), answered.get(name)) {
            // As it nearly always is: nothing to copy.
            (was, is) if was == is => {}
            (Some(value), _) => drop(answered.insert(name.to_owned(), value.clone())),
            (None, _) => drop(answered.remove(name)),
        }
    }
    answered
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing;

    fn claims_of(user: &User, scope: &str) -> Value {
        Value::Object(by_scope(user, &ScopeSet::parse(scope).unwrap(), &[]))
    }

    #[test]
    fn standard_claims_are_nineteen() {
        assert_eq!(standard().count(), 19);
        assert_eq!(BY_SCOPE[0].1.len(), 14);
    }

    #[test]
    fn claims_follow_the_scope_and_absent_ones_are_left_out() {
        let mut user = testing::user("alice");
        user.claims = testing::object(json!({
            "name": "Alice", "nickname": null, "website": "", "email": "a@example.com", "email_verified": true,
            "address": { "country": "NL" }, "phone_number": "+31", "department": "x",
        }));
        assert_eq!(claims_of(&user, "openid"), json!({}));
        assert_eq!(
            claims_of(&user, "openid profile"),
            json!({ "name": "Alice", "preferred_username": "alice", "updated_at": user.updated_at.as_secs() })
        );
        assert_eq!(
            claims_of(&user, "email phone address"),
            json!({ "email": "a@example.com", "email_verified": true, "phone_number": "+31",
                    "address": { "country": "NL" } })
        );
    }

    #[test]
    fn requested_claims_are_the_standard_ones_the_person_has() {
        let mut user = testing::user("alice");
        user.claims = testing::object(json!({
            "name": "Alice", "name#de": "Liese", "name#ja": "\u{30a2}", "email": "a@example.com", "department": "x",
        }));
        let asked =
            ["name", "phone_number", "department", "sub"].map(|n| (n.to_owned(), RequestedClaim::default()));
        let asked = BTreeMap::from(asked);
        let may = ScopeSet::parse("openid profile email phone").unwrap();
        assert_eq!(
            Value::Object(requested(
                &user,
                &asked,
                &["DE".to_owned(), "fr".to_owned()],
                &may
            )),
            json!({ "name": "Alice", "name#de": "Liese" })
        );
        assert!(requested(&user, &BTreeMap::new(), &["de".to_owned()], &may).is_empty());
        let lost = may.without("profile");
        assert!(
            requested(&user, &asked, &[], &lost).is_empty(),
            "nor without its scope"
        );
    }

    #[test]
    fn stored_values_win_over_the_accounts_own_when_their_type_is_right() {
        let mut user = testing::user("alice");
        user.claims = testing::object(json!({ "preferred_username": "ally", "updated_at": 5 }));
        assert_eq!(
            claims_of(&user, "profile"),
            json!({ "preferred_username": "ally", "updated_at": 5 })
        );
        user.claims = testing::object(json!({ "updated_at": "yesterday" }));
        assert_eq!(
            claims_of(&user, "profile")["updated_at"],
            json!(user.updated_at.as_secs())
        );
    }

    #[test]
    fn protected_claims_survive_any_answer() {
        let computed = testing::object(json!({ "sub": "s", "iss": "i", "name": "A" }));
        let hostile =
            testing::object(json!({ "sub": "root", "scope": "admin", "name": "B", "https://x/y": 1 }));
        let sealed = Value::Object(protect(&computed, hostile));
        assert_eq!(
            sealed,
            json!({ "sub": "s", "iss": "i", "name": "B", "https://x/y": 1 })
        );
        assert_eq!(
            Value::Object(protect(&computed, Map::new())),
            json!({ "sub": "s", "iss": "i" })
        );
    }
}
