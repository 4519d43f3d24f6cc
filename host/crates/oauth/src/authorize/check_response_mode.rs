//! `response_mode` (OAuth Multiple Response Types §2.1).

use authly_core::{ErrorCode, OAuthError, authorization::ResponseMode};

use crate::Params;

/// Checks `response_mode`; a code goes by query unless asked otherwise.
///
/// # Errors
/// `invalid_request` for modes that are not built. `fragment` is never used for a code.
pub(super) fn check_response_mode(params: &Params) -> Result<ResponseMode, OAuthError> {
    match params.get("response_mode") {
        None | Some("query") => Ok(ResponseMode::Query),
        Some(_) => Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "Only response_mode=query is supported.",
        )),
    }
}
