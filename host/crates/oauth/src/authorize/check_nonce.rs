//! `nonce` goes into the ID token unchanged (OIDC Core §3.1.2.1), so it only has a length.

use authly_core::{ErrorCode, OAuthError};

use crate::Params;

/// The longest `nonce`, in bytes: it must fit every ID token.
const NONCE_LENGTH_MAX: usize = 512;

/// Checks `nonce`.
///
/// # Errors
/// `invalid_request` beyond 512 bytes.
pub(super) fn check_nonce(params: &Params) -> Result<Option<String>, OAuthError> {
    match params.get("nonce") {
        Some(nonce) if nonce.len() > NONCE_LENGTH_MAX => Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "nonce is longer than 512 bytes.",
        )),
        nonce => Ok(nonce.map(str::to_owned)),
    }
}
