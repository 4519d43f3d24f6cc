//! `state` is returned byte for byte (RFC 6749 §4.1.2), so it only has a length.

use authly_core::{ErrorCode, OAuthError};

use super::redirect::STATE_LENGTH_MAX;
use crate::Params;

/// Checks `state`.
///
/// # Errors
/// `invalid_request` beyond 2048 bytes.
pub(super) fn check_state(params: &Params) -> Result<Option<String>, OAuthError> {
    match params.get("state") {
        Some(state) if state.len() > STATE_LENGTH_MAX => Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "state is longer than 2048 bytes.",
        )),
        state => Ok(state.map(str::to_owned)),
    }
}
