//! From an HTTP request to what the use cases take. Anything odd is refused before it is believed.

use authly_core::{ErrorCode, OAuthError, RequestContext};
use authly_oauth::{Params, params::ParamsError};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, Method, Uri, header, request::Parts},
};
use zeroize::Zeroizing;

use super::error::Failure;

/// The request's context, made by the edge.
pub struct Context(pub RequestContext);

impl<S: Send + Sync> FromRequestParts<S> for Context {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        parts
            .extensions
            .get::<RequestContext>()
            .cloned()
            .map(Self)
            .ok_or_else(Failure::internal)
    }
}

/// The parameters of the query.
pub struct Query(pub Params);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        Ok(Self(query(&parts.uri)?))
    }
}

/// Proof that the URL has no query: endpoints whose parameters must not end up in logs (RFC 6749 §3.2, §2.3.1).
pub struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        match parts.uri.query() {
            None | Some("") => Ok(Self),
            Some(_) => Err(OAuthError::new(
                ErrorCode::InvalidRequest,
                "Parameters must not be in the URL. Send them in the body.",
            )
            .into()),
        }
    }
}

/// The parameters of a form body.
pub struct Form(pub Params);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|_| Failure::body_broken())?;
        Ok(Self(form(&headers, &body)?))
    }
}

/// The parameters of a form body, or of a JSON object of texts where the predecessor's clients send that.
pub struct FormOrJson(pub Params);

impl<S: Send + Sync> FromRequest<S> for FormOrJson {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|_| Failure::body_broken())?;
        if is_of_type(&headers, "application/json") {
            return Ok(Self(Params::parse_json(&body).map_err(ParamsError::oauth)?));
        }
        Ok(Self(form(&headers, &body)?))
    }
}

/// Decodes the query of a URL.
///
/// # Errors
/// `invalid_request` for too many parameters or a foreign encoding.
pub fn query(uri: &Uri) -> Result<Params, OAuthError> {
    Params::parse(uri.query().unwrap_or_default().as_bytes()).map_err(ParamsError::oauth)
}

/// Decodes a form body, which must say that it is one (RFC 6749 §4.1.3, App. B).
///
/// # Errors
/// `invalid_request` for another content type or encoding, or too many parameters.
pub fn form(headers: &HeaderMap, body: &[u8]) -> Result<Params, OAuthError> {
    if !is_form(headers) {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "Send the parameters in the body as Content-Type: application/x-www-form-urlencoded.",
        ));
    }
    Params::parse(body).map_err(ParamsError::oauth)
}

fn is_form(headers: &HeaderMap) -> bool {
    is_of_type(headers, "application/x-www-form-urlencoded")
}

/// Whether the body is exactly of this type, in UTF-8, not compressed.
pub fn is_of_type(headers: &HeaderMap, wanted: &str) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next().and_then(|value| value.to_str().ok()), types.next())
    else {
        return false;
    };
    if headers.contains_key(header::CONTENT_ENCODING) {
        return false;
    }
    let mut parts = content_type.split(';').map(str::trim);
    let is_wanted = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(wanted));
    let is_utf8 = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    };
    is_wanted && parts.all(is_utf8)
}

/// The value of a cookie; `None` when it is absent or given twice with different values, since nobody can say which
/// of the two is ours (RFC 6265 §5.4 has no order to rely on).
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let mut values = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(given, _)| *given == name)
        .map(|(_, value)| value);
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

/// The bearer token of a request: from the header (RFC 6750 §2.1) or from a POSTed form (§2.2).
///
/// # Errors
/// 401 without a code when there is none; `invalid_request` for two, a token in the URL (§2.3, which OAuth 2.1
/// §5.1.1 removes) or a malformed header.
pub struct BearerToken(pub Zeroizing<String>);

impl<S: Send + Sync> FromRequest<S> for BearerToken {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let in_form = if parts.method == Method::POST && is_form(&parts.headers) {
            let body = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await;
            Some(form(&parts.headers, &body.map_err(|_| Failure::body_broken())?).map_err(bearer_failure)?)
        } else {
            None
        };
        bearer(&parts, in_form.as_ref())
    }
}

fn bearer_failure(error: OAuthError) -> Failure {
    Failure::of_bearer(error, None)
}

/// Decides between the places a token may be in.
fn bearer(parts: &Parts, form: Option<&Params>) -> Result<BearerToken, Failure> {
    let refuse = |text| Err(bearer_failure(OAuthError::new(ErrorCode::InvalidRequest, text)));
    let in_url = query(&parts.uri).map_err(bearer_failure)?;
    if in_url.get("access_token").is_some() {
        return refuse("An access token must not be in the URL. Send it in the Authorization header.");
    }
    let in_header = match bearer_header(&parts.headers) {
        Ok(token) => token,
        Err(Malformed) => {
            return refuse("The Authorization header is malformed. Send: Bearer and one token.");
        }
    };
    if form.is_some_and(|form| form.is_duplicate("access_token")) {
        return refuse("The access token is given more than once.");
    }
    match (in_header, form.and_then(|form| form.get("access_token"))) {
        (Some(_), Some(_)) => {
            refuse("The access token is given in the header and in the body. Use one of them.")
        }
        (Some(token), None) | (None, Some(token)) => Ok(BearerToken(Zeroizing::new(token.to_owned()))),
        (None, None) => Err(Failure::no_bearer()),
    }
}

/// An `Authorization: Bearer` header that holds no single token.
struct Malformed;

/// The token of the header; `None` when there is no such header or it has another scheme.
fn bearer_header(headers: &HeaderMap) -> Result<Option<&str>, Malformed> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Malformed);
    }
    let value = value.to_str().map_err(|_| Malformed)?.trim();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    // b68token, RFC 6750 §2.1.
    let token = token.trim_start();
    let b68 = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(b68) {
        return Err(Malformed);
    }
    Ok(Some(token))
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::StatusCode};

    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_form_must_say_so() {
        for good in [
            FORM,
            "Application/X-WWW-Form-Urlencoded",
            &format!("{FORM}; charset=UTF-8"),
            &format!("{FORM};charset=\"utf-8\""),
        ] {
            assert!(
                form(&headers(&[("content-type", good)]), b"a=1").is_ok(),
                "{good}"
            );
        }
        for bad in [
            "application/json",
            "multipart/form-data; boundary=x",
            "text/plain",
            &format!("{FORM}; charset=latin1"),
            &format!("{FORM}x"),
            &format!("{FORM}; a"),
        ] {
            assert!(form(&headers(&[("content-type", bad)]), b"a=1").is_err(), "{bad}");
        }
        assert!(form(&headers(&[]), b"a=1").is_err());
        assert!(
            form(
                &headers(&[("content-type", FORM), ("content-type", FORM)]),
                b"a=1"
            )
            .is_err()
        );
        assert!(
            form(
                &headers(&[("content-type", FORM), ("content-encoding", "gzip")]),
                b"a=1"
            )
            .is_err()
        );
    }

    #[test]
    fn cookie_finds_one_value_or_none() {
        let many = headers(&[
            ("cookie", "a=1; __Host-authly-default=tok=en; b=2"),
            ("cookie", "c=3"),
        ]);
        assert_eq!(cookie(&many, "__Host-authly-default"), Some("tok=en"));
        assert_eq!(cookie(&many, "c"), Some("3"));
        assert_eq!(cookie(&many, "authly-default"), None);
        assert_eq!(cookie(&headers(&[("cookie", "a=1; a=1")]), "a"), Some("1"));
        assert_eq!(cookie(&headers(&[("cookie", "a=1; a=2")]), "a"), None);
    }

    /// The token, or the status and whether an error code is told.
    async fn token_of(
        method: Method,
        uri: &str,
        sent: &[(&'static str, &str)],
        body: &str,
    ) -> Result<String, (u16, bool)> {
        let mut request = Request::new(Body::from(body.to_owned()));
        *request.method_mut() = method;
        *request.uri_mut() = uri.parse().unwrap();
        *request.headers_mut() = headers(sent);
        match BearerToken::from_request(request, &()).await {
            Ok(BearerToken(token)) => Ok(token.to_string()),
            Err(failure) => Err((failure.status().as_u16(), failure.code().is_some())),
        }
    }

    #[tokio::test]
    async fn a_bearer_token_comes_from_the_header_or_a_posted_form() {
        let header = [("authorization", "bEARER abc.-_~+/=")];
        assert_eq!(
            token_of(Method::GET, "/", &header, "").await.unwrap(),
            "abc.-_~+/="
        );
        assert_eq!(
            token_of(Method::POST, "/", &[("content-type", FORM)], "access_token=abc")
                .await
                .unwrap(),
            "abc"
        );
        assert_eq!(
            token_of(Method::GET, "/", &[("content-type", FORM)], "access_token=abc").await,
            Err((401, false))
        );
        assert_eq!(token_of(Method::GET, "/", &[], "").await, Err((401, false)));
        assert_eq!(
            token_of(Method::GET, "/", &[("authorization", "Basic YTpi")], "").await,
            Err((401, false))
        );
    }

    #[tokio::test]
    async fn two_tokens_and_malformed_ones_are_invalid_requests() {
        let invalid = Err((StatusCode::BAD_REQUEST.as_u16(), true));
        let bearer = ("authorization", "Bearer abc");
        assert_eq!(
            token_of(
                Method::POST,
                "/",
                &[bearer, ("content-type", FORM)],
                "access_token=abc"
            )
            .await,
            invalid
        );
        assert_eq!(
            token_of(
                Method::POST,
                "/",
                &[("content-type", FORM)],
                "access_token=a&access_token=a"
            )
            .await,
            invalid
        );
        assert_eq!(
            token_of(Method::GET, "/?access_token=abc", &[], "").await,
            invalid
        );
        assert_eq!(token_of(Method::GET, "/", &[bearer, bearer], "").await, invalid);
        for malformed in ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b"] {
            assert_eq!(
                token_of(Method::GET, "/", &[("authorization", malformed)], "").await,
                invalid,
                "{malformed}"
            );
        }
    }
}
