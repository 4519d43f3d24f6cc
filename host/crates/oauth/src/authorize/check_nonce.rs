//! `nonce` goes into the ID token unchanged (OIDC Core §3.1.2.1), so it only has a length; and it must be there where
//! nothing else lets the client notice an injected code (RFC 9700 §2.1.1, §4.5.3.2).

use authly_core::{ErrorCode, OAuthError, ScopeSet};

use crate::{Params, scopes};

/// The longest `nonce`, in bytes: it must fit every ID token.
const NONCE_LENGTH_MAX: usize = 512;

/// Checks `nonce`.
///
/// # Errors
/// `invalid_request` beyond 512 bytes, and without one in an `openid` request that has no `code_challenge` either.
pub(super) fn check_nonce(
    params: &Params,
    scope: &ScopeSet,
    code_challenge: Option<&str>,
) -> Result<Option<String>, OAuthError> {
    match params.get("nonce") {
        None if code_challenge.is_none() && scope.contains(scopes::OPENID) => Err(UNDEFENDED),
        Some(nonce) if nonce.len() > NONCE_LENGTH_MAX => Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "nonce is longer than 512 bytes.",
        )),
        nonce => Ok(nonce.map(str::to_owned)),
    }
}

const UNDEFENDED: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "An openid request needs code_challenge with code_challenge_method=S256 (PKCE), or at least nonce.",
);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, scope: &str, challenge: Option<&str>) -> Result<Option<String>, OAuthError> {
        let params = Params::parse(query.as_bytes()).unwrap();
        check_nonce(&params, &ScopeSet::parse(scope).unwrap(), challenge)
    }

    #[test]
    fn openid_needs_a_nonce_where_there_is_no_challenge() {
        assert_eq!(check("", "openid", None), Err(UNDEFENDED));
        assert_eq!(check("nonce=", "openid read", None), Err(UNDEFENDED));
        assert_eq!(check("nonce=n", "openid", None), Ok(Some("n".to_owned())));
        assert_eq!(check("", "openid", Some("challenge")), Ok(None));
        // No ID token will carry it.
        assert_eq!(check("", "read", None), Ok(None));
    }

    #[test]
    fn nonce_has_at_most_512_bytes() {
        let of = |n: usize| check(&format!("nonce={}", "n".repeat(n)), "openid", None).is_ok();
        assert!(of(NONCE_LENGTH_MAX) && !of(NONCE_LENGTH_MAX + 1));
    }
}
