//! The client credentials grant (RFC 6749 §4.4): a confidential client acts for itself. No person, so no ID token, no
//! refresh token (§4.4.3) and no scope that is about one; nothing is written for a JWT.

use authly_core::{
    Effects, ErrorCode, OAuthError, Scope, ScopeSet, StorageError,
    client::{Client, GrantType},
    ports::ScopeDefinition,
};

use super::{
    GrantRequest, IssueError,
    issue::{Actor, Issue, issue},
};
use crate::{scopes, token::TokenResponse};

/// Why a client was given no token of its own.
#[derive(Debug, thiserror::Error)]
pub enum ClientCredentialsError {
    /// A public client proves nothing, so it may not act for itself (RFC 6749 §4.4).
    #[error("a public client asked for a token of its own")]
    PublicClient,
    /// `scope` is not a scope (RFC 6749 §3.3).
    #[error("scope is malformed")]
    MalformedScope,
    /// A requested scope is not registered for the client.
    #[error("a requested scope is not the client's")]
    ForeignScope,
    /// A requested scope is about a person, or for administrators.
    #[error("a requested scope needs a person")]
    ScopeNeedsPerson,
    /// No scope was requested and the client has no default one that it may hold for itself.
    #[error("the client has no default scope for itself")]
    NoScope,
    /// Hook or signature.
    #[error("no token was issued")]
    Issue(#[source] IssueError),
    /// The database did not answer.
    #[error("storage failed during the client credentials grant")]
    Storage(#[source] StorageError),
}

impl ClientCredentialsError {
    /// What the client is told (RFC 6749 §5.2).
    pub fn oauth(&self) -> OAuthError {
        match self {
            Self::PublicClient => OAuthError::new(
                ErrorCode::UnauthorizedClient,
                "client_credentials is for confidential clients. Register an authentication method other than none.",
            ),
            Self::MalformedScope => OAuthError::new(
                ErrorCode::InvalidScope,
                "scope must be at most 100 scope tokens of printable ASCII, separated by spaces.",
            ),
            Self::ForeignScope => OAuthError::new(
                ErrorCode::InvalidScope,
                "A requested scope is not registered for this client. Ask its operator to add it.",
            ),
            Self::ScopeNeedsPerson => OAuthError::new(
                ErrorCode::InvalidScope,
                "A requested scope needs a person: openid, profile, email, address, phone, offline_access and admin \
                 scopes are granted through the authorization code flow only.",
            ),
            Self::NoScope => OAuthError::new(
                ErrorCode::InvalidScope,
                "The request names no scope, and no default scope is one that this client may hold for itself. Name at \
                 least one that it is registered for.",
            ),
            Self::Issue(error) => error.oauth(),
            Self::Storage(_) => OAuthError::unavailable(),
        }
    }
}

/// Issues an access token to the client itself.
///
/// # Errors
/// [`ClientCredentialsError`].
pub(super) async fn grant(request: GrantRequest<'_>) -> Result<TokenResponse, ClientCredentialsError> {
    check_confidential(request.client)?;
    let storage = request.provider.storage.as_ref();
    let defined = storage
        .list_scopes()
        .await
        .map_err(ClientCredentialsError::Storage)?;
    let scope = check_scope(request.params.get("scope"), request.client, &defined)?;
    let what = Issue {
        grant_type: GrantType::ClientCredentials,
        actor: Actor::Client,
        scope: &scope,
    };
    let issued = issue(request, what)
        .await
        .map_err(ClientCredentialsError::Issue)?;
    if let Some(opaque) = &issued.opaque {
        storage
            .store_access_token(opaque, Effects::none())
            .await
            .map_err(ClientCredentialsError::Storage)?;
    }
    Ok(TokenResponse::new(issued, &scope, None))
}

/// "MUST only be used by confidential clients" (RFC 6749 §4.4).
fn check_confidential(client: &Client) -> Result<(), ClientCredentialsError> {
    if client.is_public() {
        Err(ClientCredentialsError::PublicClient)
    } else {
        Ok(())
    }
}

/// What the client is granted: what it asks for within its registration, or the default scopes that it may hold for
/// itself when it asks for nothing (RFC 6749 §3.3). A scope that is defined no longer is nobody's. A scope about a person is refused by name rather than dropped: OpenID Connect's
/// scopes ask for claims about an end-user (OIDC Core §5.4), and `admin` is an administrator's.
fn check_scope(
    requested: Option<&str>,
    client: &Client,
    defined: &[ScopeDefinition],
) -> Result<ScopeSet, ClientCredentialsError> {
    let is_defined = |scope: &Scope| defined.iter().find(|d| d.name == scope.as_str());
    let Some(text) = requested else {
        let own: ScopeSet = client
            .scopes
            .iter()
            .filter(|s| is_defined(s).is_some_and(|d| d.is_default) && !scopes::needs_person(s.as_str()))
            .cloned()
            .collect();
        return if own.is_empty() {
            Err(ClientCredentialsError::NoScope)
        } else {
            Ok(own)
        };
    };
    let requested = ScopeSet::parse(text).map_err(|_| ClientCredentialsError::MalformedScope)?;
    if !requested.is_subset(&client.scopes) || requested.iter().any(|s| is_defined(s).is_none()) {
        return Err(ClientCredentialsError::ForeignScope);
    }
    if requested.iter().any(|s| scopes::needs_person(s.as_str())) {
        return Err(ClientCredentialsError::ScopeNeedsPerson);
    }
    // Nothing but spaces.
    if requested.is_empty() {
        Err(ClientCredentialsError::MalformedScope)
    } else {
        Ok(requested)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn scope_of(registered: &str, requested: Option<&str>) -> Result<String, ErrorCode> {
        let mut client = testing::client("service");
        client.scopes = ScopeSet::parse(registered).unwrap();
        let mut defined = scopes::seeded();
        for scope in &mut defined {
            // Of those that need no person one is a default here.
            scope.is_default |= scope.name == "read";
        }
        check_scope(requested, &client, &defined)
            .map(|s| s.to_string())
            .map_err(|e| e.oauth().code)
    }

    #[test]
    fn scope_is_within_the_registration_and_about_no_person() {
        let registered = "openid profile offline_access admin:users:read read write";
        assert_eq!(scope_of(registered, None), Ok("read".into()), "the default ones");
        assert_eq!(scope_of(registered, Some("read")), Ok("read".into()));
        for refused in [
            "openid",
            "read profile",
            "offline_access",
            "admin:users:read",
            "other",
            "a\"b",
            " ",
        ] {
            assert_eq!(
                scope_of(registered, Some(refused)),
                Err(ErrorCode::InvalidScope),
                "{refused}"
            );
        }
        assert_eq!(scope_of("openid", None), Err(ErrorCode::InvalidScope));
        assert_eq!(
            scope_of("write", None),
            Err(ErrorCode::InvalidScope),
            "no default is the client's"
        );
        assert_eq!(
            scope_of("gone", Some("gone")),
            Err(ErrorCode::InvalidScope),
            "nobody defines it"
        );
    }

    #[test]
    fn public_clients_are_refused() {
        let mut client = testing::client("service");
        assert!(check_confidential(&client).is_ok());
        client.token_endpoint_auth_method = authly_core::client::AuthMethod::None;
        let error = check_confidential(&client).unwrap_err();
        assert_eq!(error.oauth().code, ErrorCode::UnauthorizedClient);
    }
}
