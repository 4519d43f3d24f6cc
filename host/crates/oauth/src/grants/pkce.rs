//! The token endpoint's half of PKCE (RFC 7636 §4.5, §4.6).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq as _;

/// In which way PKCE does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PkceMismatch {
    /// A challenge was sent, a verifier was not.
    #[error("code_verifier is missing")]
    VerifierMissing,
    /// A verifier was sent, a challenge was not: a downgrade (RFC 9700 §4.8.2).
    #[error("code_verifier without a code_challenge")]
    ChallengeMissing,
    /// Not 43 to 128 unreserved characters (RFC 7636 §4.1).
    #[error("code_verifier is malformed")]
    Malformed,
    /// It does not hash to the challenge.
    #[error("code_verifier does not match")]
    Wrong,
    /// A public client's code without a challenge (RFC 9700 §2.1.1).
    #[error("a public client's code has no code_challenge")]
    Unprotected,
}

/// The verifier must hash to the challenge, and neither may come without the other (RFC 7636 §4.6; RFC 9700 §2.1.1,
/// §4.8.2). A public client's code must have a challenge.
///
/// # Errors
/// [`PkceMismatch`]: `invalid_grant` to the client.
pub(super) fn check_pkce(
    challenge: Option<&str>,
    verifier: Option<&str>,
    is_public: bool,
) -> Result<(), PkceMismatch> {
    match (challenge, verifier) {
        (None, None) if is_public => Err(PkceMismatch::Unprotected),
        (None, None) => Ok(()),
        (None, Some(_)) => Err(PkceMismatch::ChallengeMissing),
        (Some(_), None) => Err(PkceMismatch::VerifierMissing),
        (Some(_), Some(verifier)) if !is_code_verifier(verifier) => Err(PkceMismatch::Malformed),
        (Some(challenge), Some(verifier)) if verifies(challenge, verifier) => Ok(()),
        (Some(_), Some(_)) => Err(PkceMismatch::Wrong),
    }
}

/// `43*128unreserved` (RFC 7636 §4.1): a shorter one could be guessed.
fn is_code_verifier(text: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

/// S256 (RFC 7636 §4.6), in constant time.
fn verifies(challenge: &str, verifier: &str) -> bool {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    URL_SAFE_NO_PAD
        .encode(hash)
        .as_bytes()
        .ct_eq(challenge.as_bytes())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn pkce_is_rfc_7636_appendix_b() {
        assert_eq!(check_pkce(Some(CHALLENGE), Some(VERIFIER), true), Ok(()));
        let wrong = VERIFIER.replace('d', "e");
        assert_eq!(
            check_pkce(Some(CHALLENGE), Some(&wrong), true),
            Err(PkceMismatch::Wrong)
        );
        // The challenge is not a verifier: `plain` is nothing here.
        assert_eq!(
            check_pkce(Some(CHALLENGE), Some(CHALLENGE), true),
            Err(PkceMismatch::Wrong)
        );
    }

    #[test]
    fn pkce_cannot_be_downgraded_by_leaving_a_half_out() {
        assert_eq!(
            check_pkce(Some(CHALLENGE), None, false),
            Err(PkceMismatch::VerifierMissing)
        );
        assert_eq!(
            check_pkce(None, Some(VERIFIER), false),
            Err(PkceMismatch::ChallengeMissing)
        );
        assert_eq!(check_pkce(None, None, false), Ok(()));
        assert_eq!(check_pkce(None, None, true), Err(PkceMismatch::Unprotected));
    }

    #[test]
    fn code_verifier_has_43_to_128_unreserved_characters() {
        for (length, right) in [(42, false), (43, true), (128, true), (129, false)] {
            assert_eq!(is_code_verifier(&"a".repeat(length)), right, "{length}");
        }
        assert!(!is_code_verifier(&format!("{}+", "a".repeat(43))));
        assert_eq!(
            check_pkce(Some(CHALLENGE), Some("short"), true),
            Err(PkceMismatch::Malformed)
        );
    }
}
