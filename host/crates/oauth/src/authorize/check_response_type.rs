//! `response_type=code` is the only one (RFC 9700 §2.1.2, OAuth 2.1 §4.1.1).

use authly_core::{ErrorCode, OAuthError};

use crate::Params;

/// The response types that are built; discovery lists them.
pub const RESPONSE_TYPES: [&str; 1] = ["code"];

/// Checks `response_type`.
///
/// # Errors
/// `invalid_request` when missing, `unsupported_response_type` for any other (RFC 6749 §4.1.2.1).
pub(super) fn check_response_type(params: &Params) -> Result<(), OAuthError> {
    match params.get("response_type") {
        None => Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "The request needs response_type=code.",
        )),
        Some(value) if RESPONSE_TYPES.contains(&value) => Ok(()),
        Some(_) => Err(OAuthError::new(
            ErrorCode::UnsupportedResponseType,
            "Only response_type=code is supported; tokens never travel through the browser's address bar.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_a_response_type() {
        let check = |q: &str| check_response_type(&Params::parse(q.as_bytes()).unwrap()).map_err(|e| e.code);
        assert_eq!(check("response_type=code"), Ok(()));
        assert_eq!(check(""), Err(ErrorCode::InvalidRequest));
        for other in ["token", "id_token", "id_token+token", "code+id_token", "CODE"] {
            let query = format!("response_type={other}");
            assert_eq!(check(&query), Err(ErrorCode::UnsupportedResponseType), "{other}");
        }
    }
}
