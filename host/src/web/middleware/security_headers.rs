//! The headers that tell browsers what our answers may do.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};

use crate::web::routes::{Cors, Route, Surface};

/// Nothing may be loaded, run, framed or sent.
const DEFAULT_CSP: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
);
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), \
     geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=(), web-share=(), \
     xr-spatial-tracking=()",
);
static CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
static CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
static PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Sets the headers on any answer. `route` is its row, if one was found; `https` is whether the issuer is.
pub fn apply(response: &mut Response, route: Option<&Route>, https: bool) {
    let headers = response.headers_mut();
    // Pages bring their own, made for the response: with its nonce and the client that its form leads to.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(DEFAULT_CSP);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // For browsers that do not know frame-ancestors.
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // URLs of ours carry secrets. `no-referrer` would make our own forms send `Origin: null`.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    // Of scripts, which only a page could have: on the answers to programs it would be half of all bytes.
    if route.is_none_or(|route| matches!(route.surface, Surface::Flow | Surface::Page)) {
        headers.insert(PERMISSIONS_POLICY.clone(), PERMISSIONS);
    }
    apply_isolation(headers, route);
    if https {
        // Not `includeSubDomains`: other names below ours are not ours to decide about.
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
}

/// Who may load the answer, and whether an opener keeps its handle on the window.
fn apply_isolation(headers: &mut HeaderMap, route: Option<&Route>) {
    let cors = route.is_some_and(|route| route.cors == Cors::Public);
    let resource = if cors { "cross-origin" } else { "same-origin" };
    headers.insert(
        CROSS_ORIGIN_RESOURCE_POLICY.clone(),
        HeaderValue::from_static(resource),
    );
    // A client that signs people in through a pop-up keeps `window.closed` and its callback's `opener` only when the
    // pages on the way do not isolate themselves.
    let flow = route.is_some_and(|route| route.surface == Surface::Flow);
    let opener = if flow { "unsafe-none" } else { "same-origin" };
    headers.insert(
        CROSS_ORIGIN_OPENER_POLICY.clone(),
        HeaderValue::from_static(opener),
    );
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn the_policy_of_a_page_is_kept_and_anything_else_may_do_nothing() {
        let csp = |mut response: Response| {
            apply(&mut response, None, true);
            response.headers()[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(csp("text".into_response()), DEFAULT_CSP.to_str().unwrap());
        let page = (
            [(header::CONTENT_SECURITY_POLICY, "script-src 'nonce-x'")],
            "page",
        )
            .into_response();
        assert_eq!(csp(page), "script-src 'nonce-x'");
    }

    #[test]
    fn hsts_is_for_https_issuers_only() {
        for https in [true, false] {
            let mut response = "".into_response();
            apply(&mut response, None, https);
            assert_eq!(
                response.headers().contains_key(header::STRICT_TRANSPORT_SECURITY),
                https
            );
        }
    }
}
