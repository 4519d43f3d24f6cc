//! `client_secret_basic`: HTTP Basic whose two halves are form-encoded (RFC 6749 §2.3.1, App. B; RFC 7617 §2).

use authly_core::{SecretText, client::AuthMethod};
use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use super::{ClientAuthError, ClientCredentials, Presented, Proof};
use crate::params::form_decode;

/// Standard base64; padding may be missing, as some client libraries leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether the request uses this method: any `Authorization` header.
///
/// # Errors
/// [`ClientAuthError::Unreadable`] for another scheme, bad base64, no colon, or an encoding that is not a form's.
pub(super) fn present(credentials: ClientCredentials<'_>) -> Result<Option<Presented<'_>>, ClientAuthError> {
    let Some(header) = credentials.authorization else {
        return Ok(None);
    };
    let (client_id, secret) = parse(header).ok_or(ClientAuthError::Unreadable)?;
    Ok(Some(Presented {
        method: AuthMethod::ClientSecretBasic,
        client_id,
        proof: Proof::Secret(secret),
    }))
}

/// The `client_id` and the secret of an `Authorization` value, both decoded; `None` when it is not Basic or not readable.
///
/// Spec: RFC 6749 §2.3.1, RFC 7617 §2.
pub fn parse(header: &[u8]) -> Option<(String, SecretText)> {
    let (scheme, rest) = header.split_at_checked(b"Basic ".len())?;
    // Schemes are case-insensitive (RFC 9110 §11.1).
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = Zeroizing::new(BASE64.decode(rest.trim_ascii()).ok()?);
    // The first colon separates; one inside a half is %3A, one inside an unencoded secret is harmless.
    let colon = decoded.iter().position(|b| *b == b':')?;
    let (id, secret) = decoded.split_at_checked(colon)?;
    let id = form_decode(id).ok()?;
    let secret = form_decode(secret.get(1..)?).ok()?;
    Some((id, SecretText::new(secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(credentials: &str) -> Vec<u8> {
        format!("Basic {}", BASE64.encode(credentials)).into_bytes()
    }

    fn parsed(credentials: &str) -> Option<(String, String)> {
        parse(&header(credentials)).map(|(id, secret)| (id, secret.expose().to_owned()))
    }

    #[test]
    fn both_halves_are_form_decoded() {
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(parsed("web:plain"), pair("web", "plain"));
        assert_eq!(
            parsed("my%3Aclient:a%3A%2B%25+b%20c%C3%A9"),
            pair("my:client", "a:+% b cé")
        );
        assert_eq!(parsed("web:a:b"), pair("web", "a:b"));
        assert_eq!(
            parsed("web:é"),
            pair("web", "é"),
            "unencoded UTF-8 is unambiguous"
        );
        assert_eq!(parsed("web:"), pair("web", ""));
    }

    #[test]
    fn malformed_credentials_are_unreadable() {
        for bad in ["no-colon", "web:%zz", "web:%f", "web:%ff"] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
        for bad in [
            &b"Basic"[..],
            b"Basic ",
            b"Basic !!!!",
            b"Bearer abc",
            b"Basic \xff\xfe",
            b"",
        ] {
            assert!(parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn scheme_is_case_insensitive_and_padding_optional() {
        assert!(parse(b"bAsIc d2ViOnNlY3JldA==").is_some());
        assert!(parse(b"Basic d2ViOnNlY3JldA").is_some());
    }
}
