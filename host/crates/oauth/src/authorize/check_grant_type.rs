//! The client must be registered for the authorization code grant (RFC 6749 §4.1.2.1).

use authly_core::{
    ErrorCode, OAuthError,
    client::{Client, GrantType},
};

/// Checks the client's registration.
///
/// # Errors
/// `unauthorized_client`.
pub(super) fn check_grant_type(client: &Client) -> Result<(), OAuthError> {
    if client.allows(GrantType::AuthorizationCode) {
        return Ok(());
    }
    Err(OAuthError::new(
        ErrorCode::UnauthorizedClient,
        "The client is not registered for the grant type authorization_code.",
    ))
}
