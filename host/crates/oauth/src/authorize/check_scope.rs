//! `scope` is limited to what exists and what the client is registered for (RFC 6749 §3.3).

use authly_core::{
    ErrorCode, OAuthError, ScopeSet,
    client::{Client, GrantType},
    ports::ScopeDefinition,
};

use crate::Params;

/// Checks `scope` and answers what may be asked of the person.
///
/// A scope nobody defined is ignored (OIDC Core §3.1.2.1); one that exists but is not the client's is refused, so that
/// its developer learns of it. A request that names none asks for those of the default scopes that the client is
/// registered for. `offline_access` is dropped where the client has no refresh token grant, because it
/// would promise a token that cannot be used (OIDC Core §11).
///
/// # Errors
/// `invalid_scope`.
pub(super) fn check_scope(
    params: &Params,
    client: &Client,
    defined: &[ScopeDefinition],
) -> Result<ScopeSet, OAuthError> {
    let known = match params.get("scope") {
        Some(text) => {
            let requested = ScopeSet::parse(text).map_err(|_| MALFORMED)?;
            those_of(&requested, defined, |_| true)
        }
        None => those_of(&client.scopes, defined, |d| d.is_default),
    };
    if !known.is_subset(&client.scopes) {
        return Err(NOT_THE_CLIENTS);
    }
    let scope = if client.allows(GrantType::RefreshToken) {
        known
    } else {
        known.without("offline_access")
    };
    if scope.is_empty() { Err(NOTHING) } else { Ok(scope) }
}

/// The part of `scope` that is defined, and so that `fits`.
fn those_of(
    scope: &ScopeSet,
    defined: &[ScopeDefinition],
    fits: impl Fn(&ScopeDefinition) -> bool,
) -> ScopeSet {
    let known = |name: &str| defined.iter().any(|d| d.name == name && fits(d));
    scope.iter().filter(|s| known(s.as_str())).cloned().collect()
}

const MALFORMED: OAuthError = OAuthError::new(
    ErrorCode::InvalidScope,
    "scope must be at most 100 scope tokens of printable ASCII, separated by spaces.",
);
const NOT_THE_CLIENTS: OAuthError = OAuthError::new(
    ErrorCode::InvalidScope,
    "A requested scope is not registered for this client. Ask its operator to add it.",
);
const NOTHING: OAuthError = OAuthError::new(
    ErrorCode::InvalidScope,
    "The request names no scope that exists, and the client has no default scope. Name at least one.",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{scopes, testing};

    fn check(query: &str, client: &Client) -> Result<String, OAuthError> {
        let params = Params::parse(query.as_bytes()).unwrap();
        check_scope(&params, client, &scopes::seeded()).map(|s| s.to_string())
    }

    #[test]
    fn unknown_scopes_are_ignored_and_foreign_ones_refused() {
        let mut client = testing::public_client("c");
        client.scopes = ScopeSet::parse("openid email").unwrap();
        assert_eq!(
            check("scope=openid+email+nobody:knows", &client),
            Ok("email openid".into())
        );
        assert_eq!(check("scope=openid+phone", &client), Err(NOT_THE_CLIENTS));
        assert_eq!(check("scope=nobody:knows", &client), Err(NOTHING));
        assert_eq!(check("", &client), Err(NOTHING));
        assert_eq!(check("scope=open%0Aid", &client), Err(MALFORMED));
    }

    #[test]
    fn a_request_without_scope_asks_for_the_clients_default_scopes() {
        let mut client = testing::public_client("c");
        client.scopes = ScopeSet::parse("openid profile email").unwrap();
        for query in ["", "scope="] {
            assert_eq!(check(query, &client), Ok("profile".into()), "{query:?}");
        }
        assert_eq!(check("scope=email", &client), Ok("email".into()));
        assert_eq!(check("scope=nobody:knows", &client), Err(NOTHING));
        assert_eq!(check("scope=+", &client), Err(NOTHING));
        client.scopes = ScopeSet::parse("openid email").unwrap();
        assert_eq!(check("", &client), Err(NOTHING), "no default is the client's");
    }

    #[test]
    fn offline_access_needs_the_refresh_token_grant() {
        let mut client = testing::public_client("c");
        client.scopes = ScopeSet::parse("openid offline_access").unwrap();
        client.grant_types = vec![GrantType::AuthorizationCode];
        assert_eq!(check("scope=openid+offline_access", &client), Ok("openid".into()));
        client.grant_types.push(GrantType::RefreshToken);
        assert_eq!(
            check("scope=openid+offline_access", &client),
            Ok("offline_access openid".into())
        );
    }
}
