//! `max_age` (OIDC Core §3.1.2.1): whole seconds.

use authly_core::{ErrorCode, OAuthError, client::Client};

use crate::Params;

/// Checks `max_age`; a request without one has the client's `default_max_age` (OIDC Registration §2).
///
/// # Errors
/// `invalid_request` when it is not a whole number of seconds from 0 to 4294967295.
pub(super) fn check_max_age(params: &Params, client: &Client) -> Result<Option<u32>, OAuthError> {
    let Some(text) = params.get("max_age") else {
        return Ok(client.default_max_age);
    };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits)
        .map(Some)
        .ok_or(OAuthError::new(
            ErrorCode::InvalidRequest,
            "max_age must be a whole number of seconds, 0 or more.",
        ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn max_age_is_a_whole_number_of_seconds() {
        let mut client = testing::client("c");
        let check = |q: &str, client: &Client| check_max_age(&Params::parse(q.as_bytes()).unwrap(), client);
        assert_eq!(check("max_age=0", &client), Ok(Some(0)));
        assert_eq!(check("max_age=3600", &client), Ok(Some(3600)));
        assert_eq!(check("", &client), Ok(None));
        for bad in ["-1", "%2B1", "1.5", "abc", "4294967296", "99999999999999999999"] {
            assert!(check(&format!("max_age={bad}"), &client).is_err(), "{bad}");
        }
        client.default_max_age = Some(60);
        assert_eq!(check("", &client), Ok(Some(60)));
        assert_eq!(
            check("max_age=3600", &client),
            Ok(Some(3600)),
            "the request's own wins"
        );
    }
}
