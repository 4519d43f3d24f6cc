//! `nonce` goes into the ID token unchanged (OIDC Core §3.1.2.1), so it only has a length.
//!
//! It is optional in the code flow. A confidential client that the operator lets do without PKCE should send one, or
//! nothing lets it notice an injected code (RFC 9700 §2.1.1); whether it checks what it sent only the client knows.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonce_is_optional_and_has_at_most_512_bytes() {
        let of = |query: &str| check_nonce(&Params::parse(query.as_bytes()).unwrap());
        assert_eq!(of("nonce="), Ok(None));
        assert_eq!(of("nonce=n"), Ok(Some("n".to_owned())));
        let long = |n: usize| of(&format!("nonce={}", "n".repeat(n))).is_ok();
        assert!(long(NONCE_LENGTH_MAX) && !long(NONCE_LENGTH_MAX + 1));
    }
}
