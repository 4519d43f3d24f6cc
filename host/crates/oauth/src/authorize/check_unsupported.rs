//! What is not built is refused by name, never ignored (OIDC Core §3.1.2.6, §6.1, §6.2; RFC 8707 §2).

use authly_core::{ErrorCode, OAuthError};

use crate::Params;

/// Parameters that change what a client is promised and are not built, with the standard's answer.
pub const UNSUPPORTED_PARAMETERS: [(&str, OAuthError); 6] = [
    (
        "request",
        OAuthError::new(
            ErrorCode::RequestNotSupported,
            "Request objects are not supported. Send plain parameters.",
        ),
    ),
    (
        "request_uri",
        OAuthError::new(
            ErrorCode::RequestUriNotSupported,
            "request_uri is not supported. Send plain parameters.",
        ),
    ),
    (
        "registration",
        OAuthError::new(
            ErrorCode::RegistrationNotSupported,
            "The registration parameter is not supported.",
        ),
    ),
    (
        "resource",
        OAuthError::new(
            ErrorCode::InvalidTarget,
            "The resource parameter is not supported. Audiences are the client's.",
        ),
    ),
    // RFC 9396 §2: a narrower or finer grant than scopes can say.
    (
        "authorization_details",
        OAuthError::new(
            ErrorCode::InvalidRequest,
            "authorization_details is not supported. Ask for access by scope.",
        ),
    ),
    // RFC 9449 §10: a code that is not bound to the key would be weaker than the client believes.
    (
        "dpop_jkt",
        OAuthError::new(
            ErrorCode::InvalidRequest,
            "dpop_jkt is not supported: codes are not bound to a DPoP key. Leave it out.",
        ),
    ),
];

/// Refuses unsupported parameters.
///
/// # Errors
/// The standard's error for the first one found.
pub(super) fn check_unsupported(params: &Params) -> Result<(), OAuthError> {
    UNSUPPORTED_PARAMETERS
        .iter()
        .find(|(name, _)| params.get(name).is_some())
        .map_or(Ok(()), |(_, error)| Err(*error))
}
