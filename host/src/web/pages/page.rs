//! A rendered page and its Content-Security-Policy.

use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use url::Url;

use crate::web::error::RETRY_AFTER_OUTAGE;

/// A page, ready to be sent.
#[derive(Clone, Debug)]
pub struct Page {
    /// The status it is sent with.
    pub status: StatusCode,
    /// The document.
    pub html: String,
    /// The `Content-Security-Policy`; made for this response, never to be replaced by a general one.
    pub csp: String,
    /// `Retry-After`, in seconds; on a 503 without one, as after an outage.
    pub retry_after_seconds: Option<u32>,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.html).into_response();
        let headers = response.headers_mut();
        let csp = HeaderValue::try_from(self.csp).unwrap_or_else(|_| HeaderValue::from_static(LOCKED));
        headers.insert(header::CONTENT_SECURITY_POLICY, csp);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // `no-referrer` would make forms send `Origin: null`, which the CSRF check refuses.
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        let unavailable = self.status == StatusCode::SERVICE_UNAVAILABLE;
        let retry_after = self.retry_after_seconds.map(u64::from);
        if let Some(seconds) = retry_after.or(unavailable.then_some(RETRY_AFTER_OUTAGE.as_secs())) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Nothing may load, run or be sent.
const LOCKED: &str = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/// What a page may do beyond showing text, its stylesheet and images of this server.
#[derive(Default)]
pub(super) struct Csp<'a> {
    /// Scripts with this nonce.
    pub(super) nonce: Option<&'a str>,
    /// `fetch` to this server.
    pub(super) connect: bool,
    /// The page has a form, and its answer may redirect here.
    pub(super) form: Option<&'a str>,
}

impl Csp<'_> {
    /// The header's value (CSP Level 3).
    pub(super) fn header(&self) -> String {
        let form_action = match self.form {
            Some(redirect_uri) => match redirect_source(redirect_uri) {
                Some(source) => format!("'self' {source}"),
                None => "'self'".to_owned(),
            },
            None => "'none'".to_owned(),
        };
        self.with_form_action(&form_action)
    }

    /// For a page whose one form goes to the client and not to this server: what the client redirects to is its own
    /// affair here too.
    pub(super) fn leaving_for(&self, redirect_uri: &str) -> String {
        let source = redirect_source(redirect_uri);
        self.with_form_action(source.as_deref().unwrap_or("'none'"))
    }

    fn with_form_action(&self, form_action: &str) -> String {
        let mut policy = "default-src 'none'; style-src 'self'; img-src 'self' data:".to_owned();
        if let Some(nonce) = self.nonce {
            // Writing to a String cannot fail.
            let _ = write!(policy, "; script-src 'nonce-{nonce}'");
        }
        if self.connect {
            policy.push_str("; connect-src 'self'");
        }
        let _ = write!(
            policy,
            "; form-action {form_action}; frame-ancestors 'none'; base-uri 'none'"
        );
        policy
    }
}

/// The source expression that lets a form's answer reach a redirect URI.
///
/// Chromium applies `form-action` to every redirect that follows a form (CSP Level 3 §6.4.1.1), the client's own
/// included: a callback on one host that leads on to the application on another is common, and would be blocked if
/// only the callback's origin were named. So the scheme is named, and `https:` is never shut out.
fn redirect_source(redirect_uri: &str) -> Option<String> {
    let uri = Url::parse(redirect_uri).ok()?;
    Some(match uri.scheme() {
        "https" => "https:".to_owned(),
        scheme => format!("{scheme}: https:"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_action_lets_the_client_redirect_on() {
        let action = |redirect_uri| {
            Csp {
                form: Some(redirect_uri),
                ..Csp::default()
            }
            .header()
        };
        for (uri, source) in [
            ("https://notes.example/cb?x=;'", "'self' https:;"),
            ("http://127.0.0.1:7777/cb", "'self' http: https:;"),
            ("http://[::1]:7777/cb", "'self' http: https:;"),
            ("com.example.notes:/cb", "'self' com.example.notes: https:;"),
            ("nonsense", "'self';"),
        ] {
            assert!(
                action(uri).contains(&format!("form-action {source}")),
                "{}",
                action(uri)
            );
        }
    }

    #[test]
    fn a_page_without_form_or_script_may_do_neither() {
        let policy = Csp::default().header();
        assert_eq!(
            policy,
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; \
             frame-ancestors 'none'; base-uri 'none'"
        );
    }
}
