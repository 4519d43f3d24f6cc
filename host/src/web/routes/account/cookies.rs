//! The three cookies of a browser: its session, what binds interactions to it, and what makes it known to a person.
//!
//! `__Host-` makes browsers refuse the cookie unless it is Secure, of this host alone and for every path, so that a
//! sibling host cannot plant one. A loopback http issuer cannot have that; any other http issuer is refused.

use authly_accounts::devices::DEVICE_TOKEN_TTL;
use authly_core::{PlainToken, SecretText};
use authly_oauth::{Issuer, interaction::Browser};
use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
    response::Response,
};

use crate::web::{error::Failure, extract, state::SharedState};

/// The one tenant served so far is part of the names, so that tenants of one host never share a cookie.
const SESSION: &str = "authly-default";
/// Not an identity: it only tells whether an interaction was begun in this browser.
const BINDING: &str = "authly-default-browser";
/// No credential either: where failed sign-ins of its person are counted.
const DEVICE: &str = "authly-default-known";

/// What the request's cookies say.
pub struct BrowserCookies(pub Browser);

impl FromRequestParts<SharedState> for BrowserCookies {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &SharedState) -> Result<Self, Failure> {
        let issuer = &state.provider.issuer;
        let read =
            |name| extract::cookie(&parts.headers, &full_name(name, issuer)).and_then(PlainToken::presented);
        Ok(Self(Browser {
            session: read(SESSION),
            binding: read(BINDING),
            device: read(DEVICE),
        }))
    }
}

/// Adds the session cookie.
pub fn set_session(response: &mut Response, issuer: &Issuer, value: &PlainToken) {
    set(response, SESSION, issuer, value.expose(), BROWSER_SESSION);
}

/// Takes the session cookie back.
pub fn clear_session(response: &mut Response, issuer: &Issuer) {
    set(response, SESSION, issuer, "", "; Max-Age=0");
}

/// Adds the binding cookie when there is a new one.
pub fn set_binding(response: &mut Response, issuer: &Issuer, value: Option<&PlainToken>) {
    if let Some(value) = value {
        set(response, BINDING, issuer, value.expose(), BROWSER_SESSION);
    }
}

/// Adds the cookie by which the browser is known at the next sign-in; it outlives the session.
pub fn set_device(response: &mut Response, issuer: &Issuer, value: &SecretText) {
    let max_age = format!("; Max-Age={}", DEVICE_TOKEN_TTL.as_secs());
    set(response, DEVICE, issuer, value.expose(), &max_age);
}

fn full_name(name: &str, issuer: &Issuer) -> String {
    if issuer.is_https() {
        format!("__Host-{name}")
    } else {
        name.to_owned()
    }
}

/// No Max-Age: the cookie ends with the browser; the server ends what it stands for earlier.
const BROWSER_SESSION: &str = "";

fn set(response: &mut Response, name: &str, issuer: &Issuer, value: &str, max_age: &str) {
    let name = full_name(name, issuer);
    let secure = if issuer.is_https() { "; Secure" } else { "" };
    // Lax, so that a client's link to the authorization endpoint finds the person signed in.
    let line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{max_age}");
    let Ok(mut line) = HeaderValue::from_str(&line) else {
        // Tokens are base64url, or were presented in a header before.
        tracing::error!("a cookie is not a header value");
        return;
    };
    line.set_sensitive(true);
    response.headers_mut().append(header::SET_COOKIE, line);
}
