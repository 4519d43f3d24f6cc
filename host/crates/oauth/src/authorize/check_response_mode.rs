//! `response_mode` (OAuth Multiple Response Types §2.1, OAuth Form Post Response Mode §2).

use authly_core::{ErrorCode, OAuthError, authorization::ResponseMode};

use crate::Params;

/// Checks `response_mode`; a code goes by query unless asked otherwise.
///
/// # Errors
/// `invalid_request` for modes that are not built. `fragment` is never used for a code.
pub(super) fn check_response_mode(params: &Params) -> Result<ResponseMode, OAuthError> {
    let Some(mode) = params.get("response_mode") else {
        return Ok(ResponseMode::default());
    };
    ResponseMode::parse(mode).ok_or(OAuthError::new(
        ErrorCode::InvalidRequest,
        "response_mode may be query or form_post.",
    ))
}

/// How errors go back, the mode's own among them: as asked where that can be said (OAuth Multiple Response Types §2.1),
/// else by query.
pub(super) fn mode_for_errors(params: &Params) -> ResponseMode {
    if params.is_duplicate("response_mode") {
        return ResponseMode::default();
    }
    check_response_mode(params).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_goes_by_query_or_by_form_and_never_by_fragment() {
        let params = |q: &str| Params::parse(q.as_bytes()).unwrap();
        let check = |q: &str| check_response_mode(&params(q)).map_err(|e| e.code);
        assert_eq!(check(""), Ok(ResponseMode::Query));
        assert_eq!(check("response_mode=query"), Ok(ResponseMode::Query));
        assert_eq!(check("response_mode=form_post"), Ok(ResponseMode::FormPost));
        for other in ["fragment", "jwt", "web_message", "QUERY"] {
            let query = format!("response_mode={other}");
            assert_eq!(check(&query), Err(ErrorCode::InvalidRequest), "{other}");
            assert_eq!(mode_for_errors(&params(&query)), ResponseMode::Query, "{other}");
        }
        assert_eq!(
            mode_for_errors(&params("response_mode=form_post")),
            ResponseMode::FormPost
        );
        let twice = params("response_mode=form_post&response_mode=form_post");
        assert_eq!(mode_for_errors(&twice), ResponseMode::Query);
    }
}
