//! CORS, for the rows that say so: scripts of any origin may read the answer, never with credentials (RFC 9700 §2.6).

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use crate::web::routes::{Cors, Route};

/// `authorization` must be named: the wildcard does not cover it.
const ALLOWED_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, x-correlation-id");
/// What a script may read beside the body.
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("x-correlation-id, www-authenticate, retry-after");
/// Seconds a browser may remember a preflight; Chromium keeps it for two hours at most.
const PREFLIGHT_MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
const ANY_ORIGIN: HeaderValue = HeaderValue::from_static("*");

/// The answer to a preflight (Fetch §3.2.2), when the request is one and the row allows it.
pub fn preflight(route: &Route, request: &Request<Body>) -> Option<Response> {
    let headers = request.headers();
    let is_preflight = request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if route.cors != Cors::Public || !is_preflight {
        return None;
    }
    let methods: Vec<&str> = route.methods.iter().map(Method::as_str).collect();
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answer = response.headers_mut();
    if let Ok(methods) = HeaderValue::from_str(&methods.join(", ")) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
    answer.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE);
    Some(response)
}

/// Marks an answer, errors included, as readable from any origin where the row says so.
pub fn apply(cors: Cors, headers: &mut HeaderMap) {
    if cors == Cors::Public {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY_ORIGIN);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    }
}
