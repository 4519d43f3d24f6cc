//! Answers. Cache, CORS and security headers are not set here: the row's policy does.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use super::error::Failure;

/// A JSON answer (RFC 6749 §5.1: `application/json`, UTF-8 by definition).
pub fn json(value: &impl Serialize) -> Response {
    Json(value).into_response()
}

/// JSON that is text already, such as the JWK set.
pub fn json_text(text: &str) -> Response {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        text.to_owned(),
    )
        .into_response()
}

/// A JWT as the whole answer, such as a signed UserInfo response (OIDC Core §5.3.2).
pub fn jwt(text: String) -> Response {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/jwt"))],
        text,
    )
        .into_response()
}

/// 303: whatever the method was, the browser follows with GET, so a form's content never travels on
/// (RFC 9700 §4.12). Our own pages and clients alike.
pub fn see_other(location: &str) -> Response {
    if let Ok(location) = HeaderValue::from_str(location) {
        return (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    }
    // Redirect URIs and our own paths are ASCII by their checks.
    tracing::error!("a redirect target is not a header value");
    Failure::internal().into_response()
}
