//! Answers to the client: only a checked client and redirect URI make a [`RedirectTarget`].

use authly_core::{
    OAuthError, StorageError,
    authorization::{AuthorizationRequest, Display, ResponseMode},
    claims_request::RequestedClaim,
};
use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use super::check_response_mode::mode_for_errors;
use crate::{Issuer, Params, discovery::AUTHORIZATION_PATH};

/// Where answers go: a redirect URI that is known to be the client's, and what every answer carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectTarget {
    pub(super) redirect_uri: String,
    pub(super) redirect_uri_given: bool,
    response_mode: ResponseMode,
    state: Option<String>,
    issuer: String,
}

/// What the browser carries to the client, and how (OAuth Multiple Response Types §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAnswer {
    /// `query`: a redirect.
    Redirect {
        /// The whole URL.
        location: String,
    },
    /// `form_post`: a form that the browser posts (OAuth Form Post Response Mode §2).
    Form {
        /// Where to, as registered.
        redirect_uri: String,
        /// Names and values, unescaped.
        fields: Vec<(&'static str, String)>,
    },
}

/// An error that may be sent to the client (RFC 6749 §4.1.2.1).
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
            response_mode: mode_for_errors(params),
            state: state.map(str::to_owned),
            issuer: issuer.as_str().to_owned(),
        }
    }

    /// The target of a request that passed every check before it was persisted.
    pub(crate) fn of(request: &AuthorizationRequest, issuer: &Issuer) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            redirect_uri_given: request.redirect_uri_given,
            response_mode: request.response_mode,
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

    /// What delivers a code (RFC 6749 §4.1.2; `iss` RFC 9207 §2).
    pub(crate) fn code(&self, code: &str) -> ClientAnswer {
        self.answer(&[("code", code)])
    }

    /// An answer by the request's mode, with `state` and `iss`.
    fn answer(&self, answer: &[(&'static str, &str)]) -> ClientAnswer {
        let state = self.state.as_deref().map(|state| ("state", state));
        let iss = ("iss", self.issuer.as_str());
        let fields = answer.iter().copied().chain(state).chain([iss]);
        match self.response_mode {
            ResponseMode::Query => ClientAnswer::Redirect {
                location: self.location(fields),
            },
            ResponseMode::FormPost => ClientAnswer::Form {
                redirect_uri: self.redirect_uri.clone(),
                fields: fields.map(|(name, value)| (name, value.to_owned())).collect(),
            },
        }
    }

    /// Appends the answer to the redirect URI, keeping a registered query (RFC 6749 §3.1.2).
    fn location<'a>(&self, answer: impl Iterator<Item = (&'static str, &'a str)>) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(answer);
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
    /// What delivers the error (RFC 6749 §4.1.2.1; `iss` RFC 9207 §2).
    pub fn answer(&self) -> ClientAnswer {
        self.target.answer(&[
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
    let list = |words: &[String]| Some(words.join(" ")).filter(|words| !words.is_empty());
    let prompt: Vec<String> = request.prompt.iter().map(|p| p.as_str().to_owned()).collect();
    let given = |text: &str| Some(text.to_owned());
    let optional = [
        (
            "redirect_uri",
            request.redirect_uri_given.then(|| request.redirect_uri.clone()),
        ),
        (
            "response_mode",
            (request.response_mode != ResponseMode::default())
                .then(|| request.response_mode.as_str().to_owned()),
        ),
        ("state", request.state.clone()),
        ("nonce", request.nonce.clone()),
        ("code_challenge", request.code_challenge.clone()),
        (
            "code_challenge_method",
            request.code_challenge.as_ref().and_then(|_| given("S256")),
        ),
        ("prompt", list(&prompt)),
        ("max_age", request.max_age.map(|secs| secs.to_string())),
        ("claims", claims_parameter(request)),
        ("claims_locales", list(&request.claims.locales)),
        ("acr_values", list(&request.acr_values)),
        (
            "display",
            (request.display != Display::default()).then(|| request.display.as_str().to_owned()),
        ),
        ("login_hint", request.login_hint.clone()),
        ("ui_locales", list(&request.ui_locales)),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    issuer.url(&format!("{AUTHORIZATION_PATH}?{}", query.finish()))
}

/// `claims` as it was asked. The person of an `id_token_hint` is asked for by `sub`, which says the same (OIDC Core
/// §5.5.1): the token itself is not kept.
fn claims_parameter(request: &AuthorizationRequest) -> Option<String> {
    let asked = &request.claims;
    let mut id_token = asked.id_token.clone();
    if let Some(subject) = &request.hinted_subject {
        let wanted = RequestedClaim {
            value: Some(json!(subject)),
            ..RequestedClaim::default()
        };
        id_token.insert("sub".to_owned(), wanted);
    }
    let members = [("userinfo", &asked.userinfo), ("id_token", &id_token)];
    let members: Map<String, Value> = members
        .into_iter()
        .filter(|(_, claims)| !claims.is_empty())
        .map(|(name, claims)| (name.to_owned(), json!(claims)))
        .collect();
    (!members.is_empty()).then(|| Value::Object(members).to_string())
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
        let location = location(&target("https://c.example/cb", "state=a%20b%2Bc%C3%A9%26"));
        assert_eq!(
            location,
            "https://c.example/cb?code=X&state=a%20b%2Bc%C3%A9%26&iss=https%3A%2F%2Fop.example"
        );
    }

    #[test]
    fn location_keeps_a_registered_query() {
        let with = location(&target("https://c.example/cb?x=1", ""));
        assert_eq!(
            with,
            "https://c.example/cb?x=1&code=X&iss=https%3A%2F%2Fop.example"
        );
        let empty = location(&target("https://c.example/cb?", ""));
        assert_eq!(empty, "https://c.example/cb?code=X&iss=https%3A%2F%2Fop.example");
    }

    #[test]
    fn a_repeated_or_endless_state_is_not_returned() {
        let long = format!("state={}", "x".repeat(STATE_LENGTH_MAX + 1));
        for query in ["state=a&state=b", &long] {
            assert!(!location(&target("https://c.example/cb", query)).contains("state"));
        }
    }

    #[test]
    fn a_form_has_the_same_values_and_the_redirect_uri_as_registered() {
        let answer = target(
            "https://c.example/cb?x=1",
            "state=a%20b%22&response_mode=form_post",
        )
        .code("X");
        let fields = [("code", "X"), ("state", "a b\""), ("iss", "https://op.example")];
        assert_eq!(
            answer,
            ClientAnswer::Form {
                redirect_uri: "https://c.example/cb?x=1".to_owned(),
                fields: fields.map(|(name, value)| (name, value.to_owned())).to_vec(),
            }
        );
    }

    /// A request with every parameter that there is.
    const WHOLE: &str = "response_type=code&client_id=c&redirect_uri=https%3A%2F%2Fc.example%2Fcb&scope=openid&\
        response_mode=form_post&state=s%2B+%26&nonce=n&code_challenge_method=S256&\
        code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&prompt=login+select_account&max_age=7&\
        claims=%7B%22userinfo%22%3A%7B%22email%22%3A%7B%22essential%22%3Atrue%7D%2C%22name%22%3Anull%7D%2C\
        %22id_token%22%3A%7B%22acr%22%3A%7B%22values%22%3A%5B%22urn%3Ax%22%5D%7D%7D%7D&claims_locales=de+en&\
        acr_values=urn%3Ax&display=popup&login_hint=alice&ui_locales=de";

    #[test]
    fn to_begin_again_is_the_same_request() {
        let issuer = Issuer::parse("https://op.example").unwrap();
        let client = crate::testing::client("c");
        let check = |query: &str| {
            let params = Params::parse(query.as_bytes()).unwrap();
            let target = super::super::check_redirect_uri(&issuer, &params, &client).unwrap();
            let settings = crate::Settings::default();
            super::super::check_request(&params, &client, &target, &settings, &crate::scopes::seeded())
                .unwrap()
        };
        let mut request = check(WHOLE);
        let url = |request: &AuthorizationRequest| request_url(request, &issuer);
        let again = |url: &str| check(url.split_once('?').unwrap().1);
        assert_eq!(again(&url(&request)), request);
        // What an ID token hinted at, and what the client's registration said, is asked for by name.
        request.hinted_subject = Some("alice".to_owned());
        let hinted = again(&url(&request));
        assert_eq!(hinted.hinted_subject, request.hinted_subject);
        assert_eq!(again(&url(&hinted)), hinted);
    }

    fn location(target: &RedirectTarget) -> String {
        match target.code("X") {
            ClientAnswer::Redirect { location } => location,
            ClientAnswer::Form { .. } => panic!("not a redirect"),
        }
    }
}
