//! Answers by redirect: only a checked client and redirect URI make a [`RedirectTarget`].

use authly_core::{OAuthError, StorageError, authorization::AuthorizationRequest};
use url::form_urlencoded::Serializer;

use crate::{Issuer, Params, discovery::AUTHORIZATION_PATH};

/// Where answers go: a redirect URI that is known to be the client's, and what every answer carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectTarget {
    pub(super) redirect_uri: String,
    pub(super) redirect_uri_given: bool,
    state: Option<String>,
    issuer: String,
}

/// An error that may be sent to the client by redirect (RFC 6749 §4.1.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectableError {
    /// Where to.
    pub target: RedirectTarget,
    /// What to say.
    pub error: OAuthError,
}

impl RedirectTarget {
    /// For `check_redirect_uri` alone: the URI has been compared with the registered ones.
    pub(super) fn checked(redirect_uri: String, given: bool, params: &Params, issuer: &Issuer) -> Self {
        // A repeated or over-long state cannot be returned byte for byte, so the error goes without one.
        let state = params
            .get("state")
            .filter(|s| !params.is_duplicate("state") && s.len() <= STATE_LENGTH_MAX);
        Self {
            redirect_uri,
            redirect_uri_given: given,
            state: state.map(str::to_owned),
            issuer: issuer.as_str().to_owned(),
        }
    }

    /// The target of a request that passed every check before it was persisted.
    pub(crate) fn of(request: &AuthorizationRequest, issuer: &Issuer) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            redirect_uri_given: request.redirect_uri_given,
            state: request.state.clone(),
            issuer: issuer.as_str().to_owned(),
        }
    }

    /// An error for this client.
    pub(crate) fn error(&self, error: OAuthError) -> RedirectableError {
        RedirectableError {
            target: self.clone(),
            error,
        }
    }

    /// Storage failed after the target was known: `temporarily_unavailable` exists because a 503 cannot travel
    /// through a redirect (RFC 6749 §4.1.2.1).
    pub(crate) fn storage_failed(&self, cause: &StorageError) -> RedirectableError {
        tracing::error!(
            error = cause as &dyn std::error::Error,
            "storage failed during an authorization request"
        );
        self.error(OAuthError::unavailable())
    }

    /// The URL that delivers a code (RFC 6749 §4.1.2; `iss` RFC 9207 §2).
    pub(crate) fn code_location(&self, code: &str) -> String {
        self.location(&[("code", code)])
    }

    /// Appends the answer to the redirect URI, keeping a registered query (RFC 6749 §3.1.2).
    fn location(&self, answer: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(answer);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &self.issuer);
        // `+` for a space is right for form decoding only; %20 is right for every decoder, and a real plus is %2B.
        let query = query.finish().replace('+', "%20");
        let separator = match self.redirect_uri.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{separator}{query}", self.redirect_uri)
    }
}

impl RedirectableError {
    /// The URL that delivers the error (RFC 6749 §4.1.2.1; `iss` RFC 9207 §2).
    pub fn location(&self) -> String {
        self.target.location(&[
            ("error", self.error.code.as_str()),
            ("error_description", self.error.description),
        ])
    }
}

/// The URL of the same authorization request, to begin again when its interaction has expired.
pub(crate) fn request_url(request: &AuthorizationRequest, issuer: &Issuer) -> String {
    let mut query = Serializer::new(String::new());
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", request.client_id.as_str());
    query.append_pair("scope", &request.scope.to_string());
    let max_age = request.max_age.map(|secs| secs.to_string());
    let prompt = request
        .prompt
        .iter()
        .map(|p| p.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    let ui_locales = request.ui_locales.join(" ");
    let optional = [
        (
            "redirect_uri",
            Some(request.redirect_uri.as_str()).filter(|_| request.redirect_uri_given),
        ),
        ("state", request.state.as_deref()),
        ("nonce", request.nonce.as_deref()),
        ("code_challenge", request.code_challenge.as_deref()),
        (
            "code_challenge_method",
            request.code_challenge.as_ref().map(|_| "S256"),
        ),
        ("prompt", Some(prompt.as_str()).filter(|p| !p.is_empty())),
        ("max_age", max_age.as_deref()),
        ("login_hint", request.login_hint.as_deref()),
        ("ui_locales", Some(ui_locales.as_str()).filter(|l| !l.is_empty())),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    issuer.url(&format!("{AUTHORIZATION_PATH}?{}", query.finish()))
}

/// The longest `state` that is returned, in bytes.
pub(super) const STATE_LENGTH_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str, query: &str) -> RedirectTarget {
        let params = Params::parse(query.as_bytes()).unwrap();
        RedirectTarget::checked(
            uri.into(),
            true,
            &params,
            &Issuer::parse("https://op.example").unwrap(),
        )
    }

    #[test]
    fn location_returns_state_byte_for_byte_and_iss() {
        let location = target("https://c.example/cb", "state=a%20b%2Bc%C3%A9%26").code_location("X");
        assert_eq!(
            location,
            "https://c.example/cb?code=X&state=a%20b%2Bc%C3%A9%26&iss=https%3A%2F%2Fop.example"
        );
    }

    #[test]
    fn location_keeps_a_registered_query() {
        let with = target("https://c.example/cb?x=1", "").code_location("X");
        assert_eq!(
            with,
            "https://c.example/cb?x=1&code=X&iss=https%3A%2F%2Fop.example"
        );
        let empty = target("https://c.example/cb?", "").code_location("X");
        assert_eq!(empty, "https://c.example/cb?code=X&iss=https%3A%2F%2Fop.example");
    }

    #[test]
    fn a_repeated_or_endless_state_is_not_returned() {
        assert!(
            !target("https://c.example/cb", "state=a&state=b")
                .code_location("X")
                .contains("state")
        );
        let long = format!("state={}", "x".repeat(STATE_LENGTH_MAX + 1));
        assert!(
            !target("https://c.example/cb", &long)
                .code_location("X")
                .contains("state")
        );
    }
}
