//! Client authentication at the token endpoint (RFC 6749 §2.3): one method per request, and it must be the
//! registered one.
//!
//! 1. Every method says whether the request uses it; exactly one may.
//! 2. The client is loaded; an unknown one costs the same comparison as a known one.
//! 3. Method, state and secret are judged together, so that one answer covers every way to be wrong.

mod assertion;
mod client_keys;
mod client_secret_basic;
mod client_secret_post;
mod none;

use std::sync::Arc;

use authly_core::{
    ClientId, ErrorCode, OAuthError, RequestContext, SecretText, StorageError, TokenHash,
    client::{AuthMethod, Client},
    ports::FetchError,
};
use authly_jose::UnverifiedJws;

pub use assertion::AssertionError;
pub use client_keys::ClientKeys;
pub use client_secret_basic::parse as parse_basic;

use crate::{Params, Provider};

/// How a request says who sends it: the header and the body, untouched.
#[derive(Clone, Copy)]
pub struct ClientCredentials<'a> {
    /// The value of the one `Authorization` header, if there was one. Bytes, because a header need not be UTF-8.
    pub authorization: Option<&'a [u8]>,
    /// The form body.
    pub params: &'a Params,
}

impl ClientCredentials<'_> {
    /// The client that the request names, whoever sent it; `None` when it does not name exactly one, in one way.
    pub fn client_id(self) -> Option<ClientId> {
        ClientId::parse(&present(self).ok()?.client_id).ok()
    }
}

/// What a method found in a request. Untrusted.
struct Presented<'a> {
    method: AuthMethod,
    client_id: String,
    proof: Proof<'a>,
}

/// By what the client wants to be believed.
enum Proof<'a> {
    /// A public client has none.
    Nothing,
    /// Its secret.
    Secret(SecretText),
    /// A signed statement.
    Assertion(UnverifiedJws<'a>),
}

/// Why a client is not authenticated.
#[derive(Debug, thiserror::Error)]
pub enum ClientAuthError {
    /// No `client_id` anywhere.
    #[error("the request names no client")]
    Missing,
    /// Two methods in one request (RFC 6749 §2.3).
    #[error("the request authenticates in more than one way")]
    SeveralMethods,
    /// `client_id` of the body is not the one that authenticates.
    #[error("client_id of the body and of the credentials differ")]
    ClientIdMismatch,
    /// A header of a kind that is not built, or that does not decode.
    #[error("the client credentials are malformed or of an unsupported kind")]
    Unreadable,
    /// `client_assertion` without its type, the type alone, or a type that is not built (RFC 7521 §4.2).
    #[error("the client assertion is of no supported type")]
    AssertionType,
    /// `client_assertion` is no signed JWT with a `sub`.
    #[error("the client assertion cannot be read")]
    UnreadableAssertion,
    /// Unknown, disabled, wrong secret or not the registered method: told apart for the log alone.
    #[error("the client is refused: {0}")]
    Refused(Refusal),
    /// The client's keys cannot be had for now: not a "no".
    #[error("the client's keys could not be fetched")]
    Keys(#[source] FetchError),
    /// The database did not answer: not a "no".
    #[error("storage failed while the client was looked up")]
    Storage(#[source] StorageError),
}

/// Why a client was refused, for the log alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such client.
    #[error("unknown client")]
    Unknown,
    /// Disabled by an operator.
    #[error("disabled client")]
    Disabled,
    /// It registered another method (OIDC Core §9).
    #[error("not the registered authentication method")]
    OtherMethod,
    /// The secret is not the client's.
    #[error("wrong secret")]
    WrongSecret,
    /// The assertion is not believed.
    #[error("the client assertion: {0}")]
    Assertion(#[source] AssertionError),
}

impl ClientAuthError {
    /// What the client is told (RFC 6749 §5.2).
    pub fn oauth(&self) -> OAuthError {
        match self {
            Self::Missing => OAuthError::new(
                ErrorCode::InvalidClient,
                "The request names no client. Send client_id, or authenticate with the registered method.",
            ),
            Self::SeveralMethods => OAuthError::new(
                ErrorCode::InvalidRequest,
                "The request authenticates the client in more than one way. Use only the registered method.",
            ),
            Self::ClientIdMismatch => OAuthError::new(
                ErrorCode::InvalidRequest,
                "client_id in the body is not the client that authenticates. Send the same one, or leave it out.",
            ),
            Self::Unreadable => OAuthError::new(
                ErrorCode::InvalidClient,
                "The client credentials cannot be read. Form-encode client_id and client_secret, join them with a \
                 colon and send them base64-encoded in Authorization: Basic, or use the registered method.",
            ),
            Self::AssertionType => OAuthError::new(
                ErrorCode::InvalidClient,
                "client_assertion needs client_assertion_type \
                 urn:ietf:params:oauth:client-assertion-type:jwt-bearer, and the other way round.",
            ),
            Self::UnreadableAssertion => OAuthError::new(
                ErrorCode::InvalidClient,
                "client_assertion must be a signed JWT with the client_id as iss and sub.",
            ),
            Self::Refused(Refusal::Assertion(_)) => OAuthError::new(
                ErrorCode::InvalidClient,
                "The client assertion is refused. It needs iss and sub (the client_id), aud (the issuer), a jti that \
                 was not used before, exp within an hour, and a signature by a registered key.",
            ),
            Self::Refused(_) => OAuthError::new(
                ErrorCode::InvalidClient,
                "Client authentication failed. Check client_id, secret and the registered authentication method.",
            ),
            Self::Keys(_) | Self::Storage(_) => OAuthError::unavailable(),
        }
    }
}

/// Answers the client that sent the request to the endpoint of this path.
///
/// # Errors
/// [`ClientAuthError`]; unknown, disabled, wrong secret and wrong method are one answer, at the price of one look-up
/// and one hash each.
pub(crate) async fn authenticate(
    provider: &Provider,
    credentials: ClientCredentials<'_>,
    endpoint: &str,
    ctx: &RequestContext,
) -> Result<Arc<Client>, ClientAuthError> {
    let presented = present(credentials)?;
    let client = match ClientId::parse(&presented.client_id) {
        Ok(id) => provider
            .storage
            .load_client(&id)
            .await
            .map_err(ClientAuthError::Storage)?,
        Err(_) => None,
    };
    if let Some(reason) = judge(client.as_deref(), &presented) {
        return Err(ClientAuthError::Refused(reason));
    }
    let client = client.ok_or(ClientAuthError::Refused(Refusal::Unknown))?;
    if let Proof::Assertion(jws) = presented.proof {
        assertion::verify(provider, &client, jws, endpoint, ctx).await?;
    }
    Ok(client)
}

/// Step 1: the one method the request uses.
fn present(credentials: ClientCredentials<'_>) -> Result<Presented<'_>, ClientAuthError> {
    let ways = [
        client_secret_basic::present(credentials)?,
        client_secret_post::present(credentials)?,
        assertion::present(credentials.params)?,
        none::present(credentials),
    ];
    let mut found = None;
    for presented in ways.into_iter().flatten() {
        if found.is_some() {
            return Err(ClientAuthError::SeveralMethods);
        }
        found = Some(presented);
    }
    let presented = found.ok_or(ClientAuthError::Missing)?;
    check_same_client_id(&presented, credentials.params)?;
    Ok(presented)
}

/// A `client_id` in the body must be the one of the credentials (RFC 6749 §3.2.1): tokens for another client than the
/// authenticated one would be a confusion.
fn check_same_client_id(presented: &Presented<'_>, params: &Params) -> Result<(), ClientAuthError> {
    match params.get("client_id") {
        Some(id) if id != presented.client_id => Err(ClientAuthError::ClientIdMismatch),
        _ => Ok(()),
    }
}

/// Step 3: why the client is refused, if it is, but for an assertion, which is proved afterwards. Everything is computed
/// before anything is decided, so that an unknown client and a known one cost the same.
fn judge(client: Option<&Client>, presented: &Presented<'_>) -> Option<Refusal> {
    let stored = client.and_then(|c| c.secret_hash);
    let secret = match &presented.proof {
        Proof::Secret(secret) => Some(secret),
        Proof::Nothing | Proof::Assertion(_) => None,
    };
    let secret_is_right = secret_verifies(stored, secret);
    let Some(client) = client else {
        return Some(Refusal::Unknown);
    };
    if !client.enabled {
        return Some(Refusal::Disabled);
    }
    if client.token_endpoint_auth_method != presented.method {
        return Some(Refusal::OtherMethod);
    }
    let by_secret = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];
    if by_secret.contains(&presented.method) && !secret_is_right {
        return Some(Refusal::WrongSecret);
    }
    None
}

/// Compares in constant time, against a hash nothing has when the client has no secret.
fn secret_verifies(stored: Option<TokenHash>, secret: Option<&SecretText>) -> bool {
    let candidate = secret.map(|s| s.expose().as_bytes()).unwrap_or_default();
    let known = stored.is_some() && secret.is_some();
    stored
        .unwrap_or(TokenHash::from_bytes([0; 32]))
        .verifies(candidate)
        && known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn credentials<'a>(header: Option<&'a str>, params: &'a Params) -> ClientCredentials<'a> {
        ClientCredentials {
            authorization: header.map(str::as_bytes),
            params,
        }
    }

    fn body(text: &str) -> Params {
        Params::parse(text.as_bytes()).unwrap()
    }

    const BASIC_WEB: &str = "Basic d2ViOnNlY3JldA=="; // web:secret

    #[test]
    fn exactly_one_method_per_request() {
        let both = body("client_id=web&client_secret=secret");
        let error = present(credentials(Some(BASIC_WEB), &both)).err().unwrap();
        assert!(matches!(error, ClientAuthError::SeveralMethods));
        assert_eq!(error.oauth().code, ErrorCode::InvalidRequest);
        assert!(present(credentials(Some(BASIC_WEB), &body(""))).is_ok());
        assert!(present(credentials(None, &both)).is_ok());
        let nothing = body("grant_type=x");
        assert!(matches!(
            present(credentials(None, &nothing)).err(),
            Some(ClientAuthError::Missing)
        ));
    }

    #[test]
    fn client_id_of_the_body_must_be_the_one_that_authenticates() {
        assert!(present(credentials(Some(BASIC_WEB), &body("client_id=web"))).is_ok());
        let error = present(credentials(Some(BASIC_WEB), &body("client_id=other")))
            .err()
            .unwrap();
        assert!(matches!(error, ClientAuthError::ClientIdMismatch));
    }

    #[test]
    fn an_assertion_that_cannot_be_read_is_refused_not_ignored() {
        let jwt = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        for bad in [
            "client_id=web&client_assertion=x".to_owned(),
            format!("client_id=web&client_assertion_type={jwt}"),
            format!("client_id=web&client_assertion_type={jwt}&client_assertion=x"),
            "client_id=web&client_assertion_type=saml&client_assertion=x".to_owned(),
        ] {
            let error = present(credentials(None, &body(&bad))).err().unwrap();
            assert_eq!(error.oauth().code, ErrorCode::InvalidClient, "{bad}");
        }
    }

    #[test]
    fn every_way_to_be_wrong_is_the_same_answer() {
        let mut client = testing::client("web");
        client.secret_hash = Some(TokenHash::of(b"secret"));
        let web = |method, secret: Option<&str>| Presented {
            method,
            client_id: "web".into(),
            proof: secret.map_or(Proof::Nothing, |s| Proof::Secret(SecretText::new(s.into()))),
        };
        let basic = AuthMethod::ClientSecretBasic;
        assert_eq!(judge(Some(&client), &web(basic, Some("secret"))), None);
        assert_eq!(
            judge(Some(&client), &web(basic, Some("Secret"))),
            Some(Refusal::WrongSecret)
        );
        assert_eq!(
            judge(Some(&client), &web(basic, None)),
            Some(Refusal::WrongSecret)
        );
        assert_eq!(judge(None, &web(basic, Some("secret"))), Some(Refusal::Unknown));
        for method in [AuthMethod::None, AuthMethod::ClientSecretPost] {
            assert_eq!(
                judge(Some(&client), &web(method, Some("secret"))),
                Some(Refusal::OtherMethod)
            );
        }
        client.enabled = false;
        assert_eq!(
            judge(Some(&client), &web(basic, Some("secret"))),
            Some(Refusal::Disabled)
        );
    }

    #[test]
    fn a_confidential_client_without_a_stored_secret_cannot_authenticate() {
        assert!(!secret_verifies(None, Some(&SecretText::new(String::new()))));
        assert!(!secret_verifies(None, None));
    }
}
