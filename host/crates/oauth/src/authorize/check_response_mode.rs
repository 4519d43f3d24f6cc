//! `response_mode` (OAuth Multiple Response Types §2.1, OAuth Form Post Response Mode §2).

use authly_core::{ErrorCode, OAuthError, authorization::ResponseMode};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

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
    if params.get("response_mode").is_none() {
        return params.get("request").and_then(mode_of_object).unwrap_or_default();
    }
    check_response_mode(params).unwrap_or_default()
}

/// A request object is refused (`request_not_supported`), but a client that puts everything into one listens for the
/// answer where the object says (OIDC Core §6.1). Nothing else of it is read, and nothing of it is believed: the answer
/// goes to the redirect URI that was checked in either case.
fn mode_of_object(request: &str) -> Option<ResponseMode> {
    let payload = URL_SAFE_NO_PAD.decode(request.split('.').nth(1)?).ok()?;
    let object: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    ResponseMode::parse(object.get("response_mode")?.as_str()?)
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
        let object = |claims: &str| params(&format!("request=e30.{}.", URL_SAFE_NO_PAD.encode(claims)));
        for (claims, mode) in [
            (r#"{"response_mode":"form_post"}"#, ResponseMode::FormPost),
            (r#"{"response_mode":"fragment"}"#, ResponseMode::Query),
            ("{}", ResponseMode::Query),
            ("[", ResponseMode::Query),
        ] {
            assert_eq!(mode_for_errors(&object(claims)), mode, "{claims}");
        }
        let twice = params("response_mode=form_post&response_mode=form_post");
        assert_eq!(mode_for_errors(&twice), ResponseMode::Query);
    }
}
