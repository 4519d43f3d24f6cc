//! How a request to an endpoint of clients says who sends it.

use authly_core::{ErrorCode, OAuthError};
use axum::http::{HeaderMap, HeaderValue, header};

/// The one `Authorization` header. Two would be two authentications (RFC 6749 §2.3).
pub(super) fn authorization(headers: &HeaderMap) -> Result<Option<&[u8]>, OAuthError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value.map(HeaderValue::as_bytes)),
        _ => Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "The Authorization header is given more than once.",
        )),
    }
}
