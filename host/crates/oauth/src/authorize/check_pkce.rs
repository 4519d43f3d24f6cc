//! PKCE (RFC 7636 §4.3, §4.4.1; RFC 9700 §2.1.1): S256 only.

use authly_core::{ErrorCode, OAuthError, client::Client};

use crate::{Params, PkcePolicy};

/// The code challenge methods that are built; discovery lists them.
pub const CODE_CHALLENGE_METHODS: [&str; 1] = ["S256"];

/// Checks `code_challenge` and `code_challenge_method`.
///
/// # Errors
/// `invalid_request` when a challenge is due and missing, malformed, or of another method than S256; a challenge
/// without a method means `plain` (RFC 7636 §4.3) and is refused too.
pub(super) fn check_pkce(
    params: &Params,
    client: &Client,
    policy: PkcePolicy,
) -> Result<Option<String>, OAuthError> {
    let method = params.get("code_challenge_method");
    let Some(challenge) = params.get("code_challenge") else {
        let required = client.is_public() || policy == PkcePolicy::Always;
        return if required || method.is_some() {
            Err(MISSING)
        } else {
            Ok(None)
        };
    };
    if !method.is_some_and(|m| CODE_CHALLENGE_METHODS.contains(&m)) {
        return Err(METHOD);
    }
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    if !(43..=128).contains(&challenge.len()) || !challenge.bytes().all(unreserved) {
        return Err(SHAPE);
    }
    Ok(Some(challenge.to_owned()))
}

const MISSING: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "The request needs code_challenge and code_challenge_method=S256 (PKCE, RFC 7636).",
);
const METHOD: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "code_challenge_method must be S256; leaving it out means plain, which is not accepted.",
);
const SHAPE: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "code_challenge must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~ (RFC 7636 section 4.2).",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn check(query: &str, public: bool, policy: PkcePolicy) -> Result<Option<String>, OAuthError> {
        let client = if public {
            testing::public_client("c")
        } else {
            testing::confidential_client("c", "secret")
        };
        check_pkce(&Params::parse(query.as_bytes()).unwrap(), &client, policy)
    }

    #[test]
    fn challenge_is_43_to_128_unreserved_characters() {
        let with = |n: usize| format!("code_challenge_method=S256&code_challenge={}", "a".repeat(n));
        for (length, accepted) in [(42, false), (43, true), (128, true), (129, false)] {
            assert_eq!(
                check(&with(length), true, PkcePolicy::Always).is_ok(),
                accepted,
                "{length}"
            );
        }
        let charset = format!("code_challenge_method=S256&code_challenge={}%2B", "a".repeat(42));
        assert_eq!(check(&charset, true, PkcePolicy::Always), Err(SHAPE));
    }

    #[test]
    fn plain_is_refused_by_name_and_by_omission() {
        let challenge = format!("code_challenge={}", "a".repeat(43));
        assert_eq!(check(&challenge, false, PkcePolicy::PublicClients), Err(METHOD));
        assert_eq!(
            check(
                &format!("{challenge}&code_challenge_method=plain"),
                true,
                PkcePolicy::Always
            ),
            Err(METHOD)
        );
    }

    #[test]
    fn only_confidential_clients_may_go_without_and_only_by_policy() {
        assert_eq!(check("", false, PkcePolicy::PublicClients), Ok(None));
        assert_eq!(check("", false, PkcePolicy::Always), Err(MISSING));
        assert_eq!(check("", true, PkcePolicy::PublicClients), Err(MISSING));
        assert_eq!(
            check("code_challenge_method=S256", false, PkcePolicy::PublicClients),
            Err(MISSING)
        );
    }
}
