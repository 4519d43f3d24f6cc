//! THE map from what went wrong to what the client sees: status, headers, body.
//!
//! | what | status | specification |
//! |---|---|---|
//! | any OAuth error not named below | 400 | RFC 6749 §5.2 |
//! | `invalid_client` | 401, with a Basic challenge when the client used the header | RFC 6749 §5.2 |
//! | `invalid_token`, and no token at all (then without a code) | 401 with a Bearer challenge | RFC 6750 §3, §3.1 |
//! | `insufficient_scope` | 403 with a Bearer challenge | RFC 6750 §3.1 |
//! | too many requests of one address | 429 with `Retry-After` | RFC 6585 §4 |
//! | `server_error` | 500 | |
//! | `temporarily_unavailable` | 503 with `Retry-After` | |

use std::{borrow::Cow, error::Error, time::Duration};

use authly_core::{ErrorCode, OAuthError};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

pub(super) use self::page::{Rendering, wants_html};

mod page;

/// When to come back after an outage: failovers and restarts take seconds.
pub(super) const RETRY_AFTER_OUTAGE: Duration = Duration::from_secs(2);

/// An answer that is an error.
///
/// As a response it is JSON, `{"error", "error_description"}`; the policy of a row for people turns it into a page.
#[derive(Clone, Debug)]
pub struct Failure {
    status: StatusCode,
    /// `None`: the caller sent no credentials at all, and gets no error code (RFC 6750 §3.1).
    code: Option<&'static str>,
    description: Cow<'static, str>,
    challenge: Option<HeaderValue>,
    retry_after: Option<Duration>,
}

/// The status of an error code.
const fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidClient | ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
        ErrorCode::InsufficientScope => StatusCode::FORBIDDEN,
        ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::InvalidRequest
        | ErrorCode::InvalidGrant
        | ErrorCode::UnauthorizedClient
        | ErrorCode::UnsupportedGrantType
        | ErrorCode::UnsupportedResponseType
        | ErrorCode::InvalidScope
        | ErrorCode::AccessDenied
        | ErrorCode::LoginRequired
        | ErrorCode::ConsentRequired
        | ErrorCode::UnmetAuthenticationRequirements
        | ErrorCode::RequestNotSupported
        | ErrorCode::RequestUriNotSupported
        | ErrorCode::RegistrationNotSupported
        | ErrorCode::InvalidTarget => StatusCode::BAD_REQUEST,
    }
}

impl From<OAuthError> for Failure {
    fn from(error: OAuthError) -> Self {
        let status = status_of(error.code);
        Self {
            status,
            code: Some(error.code.as_str()),
            description: Cow::Borrowed(error.description),
            challenge: None,
            retry_after: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_OUTAGE),
        }
    }
}

impl Failure {
    /// An error of the token endpoint. A client that failed to authenticate is told of Basic, whether it used the
    /// `Authorization` header (RFC 6749 §5.2) or not: a 401 must carry a challenge (RFC 9110 §15.5.2).
    pub fn of_client(error: OAuthError) -> Self {
        let basic = HeaderValue::from_static("Basic realm=\"authly\", charset=\"UTF-8\"");
        let failure = Self::from(error);
        Self {
            challenge: (failure.status == StatusCode::UNAUTHORIZED).then_some(basic),
            ..failure
        }
    }

    /// An error of a request with a bearer token (RFC 6750 §3.1). `scope` is what the resource needs; told when the
    /// token lacks it.
    pub fn of_bearer(error: OAuthError, scope: Option<&str>) -> Self {
        let failure = Self::from(error);
        if failure.status.is_server_error() {
            return failure;
        }
        let mut challenge = format!(
            "Bearer realm=\"authly\", error=\"{}\", error_description=\"{}\"",
            error.code, error.description
        );
        if let Some(scope) = scope.filter(|_| error.code == ErrorCode::InsufficientScope) {
            challenge.push_str(", scope=\"");
            challenge.push_str(scope);
            challenge.push('"');
        }
        Self {
            challenge: HeaderValue::from_str(&challenge).ok(),
            ..failure
        }
    }

    /// No token was sent: a challenge without an error code (RFC 6750 §3.1).
    pub fn no_bearer() -> Self {
        Self {
            code: None,
            challenge: Some(HeaderValue::from_static("Bearer realm=\"authly\"")),
            ..Self::plain(
                StatusCode::UNAUTHORIZED,
                "",
                "This resource needs an access token.",
            )
        }
    }

    /// Too many requests of one address: come back after `wait`, rounded up to whole seconds.
    pub fn too_many_requests(wait: Duration) -> Self {
        let slow = "Too many requests from this address. Wait as long as Retry-After says.";
        Self {
            retry_after: Some(wait),
            ..Self::plain(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", slow)
        }
    }

    /// An answer of our own APIs that no specification words: the text says what to change.
    pub fn told(status: StatusCode, code: ErrorCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            description: text.into(),
            ..Self::plain(status, code.as_str(), "")
        }
    }

    /// Too many wrong passwords: come back after `wait`.
    pub fn too_many_attempts(wait: Duration) -> Self {
        let slow = "Too many wrong passwords. Wait as long as Retry-After says.";
        Self {
            retry_after: Some(wait),
            ..Self::plain(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", slow)
        }
    }

    /// A part that must answer did not.
    pub fn unavailable() -> Self {
        OAuthError::unavailable().into()
    }

    /// A broken invariant of ours.
    pub fn internal() -> Self {
        OAuthError::server_error().into()
    }

    /// No route has this path.
    pub fn not_found() -> Self {
        Self::plain(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is nothing at this address. Check the path.",
        )
    }

    /// The path exists, the method does not; `Allow` says which do (RFC 9110 §15.5.6).
    pub fn method_not_allowed() -> Self {
        let text = "This address does not answer this method. Use one that the Allow header names.";
        Self::plain(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", text)
    }

    /// Another site made a browser send it.
    pub fn cross_site() -> Self {
        let text = "The request comes from another site. Open the page again and use its own form.";
        Self::plain(StatusCode::FORBIDDEN, "access_denied", text)
    }

    pub(super) fn body_too_large() -> Self {
        let text = "The request body is larger than this address accepts.";
        Self::plain(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", text)
    }

    pub(super) fn body_too_slow() -> Self {
        let text = "The request body did not arrive in time. Send it at once.";
        Self::plain(StatusCode::REQUEST_TIMEOUT, "invalid_request", text)
    }

    pub(super) fn body_broken() -> Self {
        Self::plain(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The request body ended before it was complete.",
        )
    }

    const fn plain(status: StatusCode, code: &'static str, description: &'static str) -> Self {
        Self {
            status,
            code: Some(code),
            description: Cow::Borrowed(description),
            challenge: None,
            retry_after: None,
        }
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The error code, for metrics and logs; `None` when no credentials were sent.
    pub fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// The public text.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Gives a rendered answer the status and headers of this failure.
    fn finish(self, mut response: Response) -> Response {
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(challenge) = &self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge.clone());
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = match self.code {
            Some(code) => {
                Json(json!({ "error": code, "error_description": self.description })).into_response()
            }
            None => ().into_response(),
        };
        self.finish(body)
    }
}

/// Logs why a use case failed, its whole chain, once: `error` where a person must act, `info` for a client's mistake.
pub fn log(what: &'static str, error: &(dyn Error + 'static), failure: &Failure) {
    let chain = chain(error);
    let code = failure.code();
    if failure.status.is_server_error() {
        tracing::error!(error.code = code, error = %chain, "{what}");
    } else {
        tracing::info!(error.code = code, error = %chain, "{what}");
    }
}

/// An error and its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn error(code: ErrorCode) -> OAuthError {
        OAuthError::new(code, "Do this.")
    }

    /// Status, `WWW-Authenticate`, `Retry-After` and body.
    async fn shown(failure: Failure) -> (u16, String, String, String) {
        let (parts, body) = failure.into_response().into_parts();
        let header = |name| {
            parts
                .headers
                .get(name)
                .map_or("", |v: &HeaderValue| v.to_str().unwrap())
                .to_owned()
        };
        let body = body.collect().await.unwrap().to_bytes();
        (
            parts.status.as_u16(),
            header(header::WWW_AUTHENTICATE),
            header(header::RETRY_AFTER),
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    fn text(status: u16, challenge: &str, retry: &str, body: &str) -> (u16, String, String, String) {
        (status, challenge.to_owned(), retry.to_owned(), body.to_owned())
    }

    #[tokio::test]
    async fn token_errors_follow_rfc_6749_5_2() {
        let grant = r#"{"error":"invalid_grant","error_description":"Do this."}"#;
        let client = r#"{"error":"invalid_client","error_description":"Do this."}"#;
        let basic = "Basic realm=\"authly\", charset=\"UTF-8\"";
        assert_eq!(
            shown(Failure::of_client(error(ErrorCode::InvalidGrant))).await,
            text(400, "", "", grant)
        );
        assert_eq!(
            shown(Failure::of_client(error(ErrorCode::InvalidClient))).await,
            text(401, basic, "", client)
        );
    }

    #[tokio::test]
    async fn bearer_errors_follow_rfc_6750_3_1() {
        let (status, challenge, _, body) = shown(Failure::no_bearer()).await;
        assert_eq!(
            (status, challenge.as_str(), body.as_str()),
            (401, "Bearer realm=\"authly\"", "")
        );
        let (status, challenge, ..) = shown(Failure::of_bearer(error(ErrorCode::InvalidToken), None)).await;
        let said = "Bearer realm=\"authly\", error=\"invalid_token\", error_description=\"Do this.\"";
        assert_eq!((status, challenge.as_str()), (401, said));
        let (status, challenge, ..) = shown(Failure::of_bearer(
            error(ErrorCode::InsufficientScope),
            Some("openid"),
        ))
        .await;
        assert_eq!(status, 403);
        assert!(challenge.ends_with(", scope=\"openid\""), "{challenge}");
        let (status, ..) = shown(Failure::of_bearer(error(ErrorCode::InvalidRequest), None)).await;
        assert_eq!(status, 400);
    }

    #[tokio::test]
    async fn outages_and_throttles_say_when_to_come_back() {
        let (status, challenge, retry, _) = shown(Failure::of_bearer(OAuthError::unavailable(), None)).await;
        assert_eq!((status, challenge.as_str(), retry.as_str()), (503, "", "2"));
        let (status, _, retry, _) = shown(Failure::too_many_requests(Duration::from_millis(1_001))).await;
        assert_eq!((status, retry.as_str()), (429, "2"));
        let (status, _, retry, _) = shown(Failure::internal()).await;
        assert_eq!((status, retry.as_str()), (500, ""));
    }
}
