//! `max_age` (OIDC Core §3.1.2.1): whole seconds.

use authly_core::{ErrorCode, OAuthError};

use crate::Params;

/// Checks `max_age`.
///
/// # Errors
/// `invalid_request` when it is not a whole number of seconds from 0 to 4294967295.
pub(super) fn check_max_age(params: &Params) -> Result<Option<u32>, OAuthError> {
    let Some(text) = params.get("max_age") else {
        return Ok(None);
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

    #[test]
    fn max_age_is_a_whole_number_of_seconds() {
        let check = |q: &str| check_max_age(&Params::parse(q.as_bytes()).unwrap());
        assert_eq!(check("max_age=0"), Ok(Some(0)));
        assert_eq!(check("max_age=3600"), Ok(Some(3600)));
        assert_eq!(check(""), Ok(None));
        for bad in ["-1", "%2B1", "1.5", "abc", "4294967296", "99999999999999999999"] {
            assert!(check(&format!("max_age={bad}")).is_err(), "{bad}");
        }
    }
}
