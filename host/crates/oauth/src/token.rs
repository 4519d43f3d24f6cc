//! The token endpoint (RFC 6749 §3.2, §5).
//!
//! 1. `grant_type` names a grant that is built; no parameter twice.
//! 2. [`client_auth`](crate::client_auth) answers who asks.
//! 3. The client is registered for the grant, and no parameter is used that would change its meaning unheard.
//! 4. [`grants`](crate::grants) does the rest.

use authly_core::{
    ClientId, ErrorCode, OAuthError, PlainToken, RequestContext, ScopeSet, SecretText,
    client::{Client, GrantType},
    ports::ClaimOrigin,
};
use serde::{Serialize, Serializer};

use crate::{
    Params, Provider,
    client_auth::{self, ClientAuthError, ClientCredentials, Refusal},
    discovery::TOKEN_PATH,
    grants::{self, GrantError, GrantRequest, Issued},
};

/// A successful answer (RFC 6749 §5.1, OIDC Core §3.1.3.3). Its JSON has no nulls, its `Debug` no secrets.
#[derive(Debug, Serialize)]
pub struct TokenResponse {
    /// The access token.
    #[serde(serialize_with = "expose_text")]
    pub access_token: SecretText,
    /// `Bearer` (RFC 6750).
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    pub expires_in: i64,
    /// The refresh token to use from now on.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "expose_token")]
    pub refresh_token: Option<PlainToken>,
    /// The ID token, when `openid` was granted.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "expose_some_text")]
    pub id_token: Option<SecretText>,
    /// What was granted; always told, so that nobody need compare (RFC 6749 §5.1).
    pub scope: String,
    /// Which plugin set which claim. For the server's own pages and logs, never sent.
    #[serde(skip)]
    pub origins: Vec<ClaimOrigin>,
}

impl TokenResponse {
    pub(crate) fn new(issued: Issued, scope: &ScopeSet, refresh_token: Option<PlainToken>) -> Self {
        Self {
            access_token: issued.access_token,
            token_type: "Bearer",
            expires_in: issued.expires_in,
            refresh_token,
            id_token: issued.id_token,
            scope: scope.to_string(),
            origins: issued.origins,
        }
    }
}

fn expose_text<S: Serializer>(text: &SecretText, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text.expose())
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn expose_some_text<S: Serializer>(text: &Option<SecretText>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_ref().map(SecretText::expose).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn expose_token<S: Serializer>(token: &Option<PlainToken>, serializer: S) -> Result<S::Ok, S::Error> {
    token.as_ref().map(PlainToken::expose).serialize(serializer)
}

/// Why the token endpoint answers with an error.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The request is malformed, or asks for what is not built.
    #[error("the token request is refused: {0}")]
    Request(OAuthError),
    /// The client is not authenticated.
    #[error("the client is not authenticated")]
    Client(#[source] ClientAuthError),
    /// The client did not register the grant type (RFC 6749 §5.2).
    #[error("client {client_id} is not registered for {}", grant_type.as_str())]
    NotRegistered {
        /// Who asked.
        client_id: ClientId,
        /// For what.
        grant_type: GrantType,
    },
    /// The grant gave no tokens.
    #[error("client {client_id} was given no tokens")]
    Grant {
        /// Who asked.
        client_id: ClientId,
        /// Why not.
        #[source]
        source: GrantError,
    },
}

impl TokenError {
    /// What the client is told.
    pub fn oauth(&self) -> OAuthError {
        match self {
            Self::Request(error) => *error,
            Self::Client(error) => error.oauth(),
            Self::NotRegistered { .. } => OAuthError::new(
                ErrorCode::UnauthorizedClient,
                "The client is not registered for this grant_type. Ask its operator to add it.",
            ),
            Self::Grant { source, .. } => source.oauth(),
        }
    }
}

/// How a token request went: for metrics, in the few words they may use as labels, and for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenReport {
    /// The grant type, or `other`: what a caller invents must not become a label.
    pub grant_type: &'static str,
    /// `ok`, or the error code.
    pub outcome: &'static str,
    /// The client, for the log alone. Only one that is registered: what nobody registered may be a secret that was sent
    /// in the wrong place.
    pub client_id: Option<ClientId>,
}

impl TokenReport {
    /// Of a request and its answer.
    pub fn of(credentials: ClientCredentials<'_>, answer: &Result<TokenResponse, TokenError>) -> Self {
        Self {
            grant_type: credentials
                .params
                .get("grant_type")
                .and_then(GrantType::parse)
                .map_or("other", GrantType::as_str),
            outcome: answer
                .as_ref()
                .map_or_else(|error| error.oauth().code.as_str(), |_| "ok"),
            client_id: registered_client(credentials, answer),
        }
    }
}

/// The client of a request whose answer shows that there is such a client.
fn registered_client(
    credentials: ClientCredentials<'_>,
    answer: &Result<TokenResponse, TokenError>,
) -> Option<ClientId> {
    match answer {
        Err(TokenError::NotRegistered { client_id, .. } | TokenError::Grant { client_id, .. }) => {
            Some(client_id.clone())
        }
        Ok(_)
        | Err(TokenError::Client(ClientAuthError::Refused(
            Refusal::Disabled | Refusal::OtherMethod | Refusal::WrongSecret | Refusal::Assertion(_),
        ))) => credentials.client_id(),
        Err(TokenError::Request(_) | TokenError::Client(_)) => None,
    }
}

/// Answers a token request.
///
/// # Errors
/// [`TokenError`]. Nothing was spent, except that a replay revoked its grant.
///
/// Spec: RFC 6749 §3.2, OAuth 2.1 §3.2, OIDC Core §3.1.3.
pub async fn token(
    provider: &Provider,
    credentials: ClientCredentials<'_>,
    ctx: &RequestContext,
) -> Result<TokenResponse, TokenError> {
    let params = credentials.params;
    let grant_type = check_shape(params).map_err(TokenError::Request)?;
    let client = client_auth::authenticate(provider, credentials, TOKEN_PATH, ctx)
        .await
        .map_err(TokenError::Client)?;
    check_registered(&client, grant_type)?;
    check_unsupported(params).map_err(TokenError::Request)?;
    let request = GrantRequest {
        provider,
        client: &client,
        params,
        ctx,
    };
    let answer = grants::run(grant_type, request).await;
    answer.map_err(|source| TokenError::Grant {
        client_id: client.id.clone(),
        source,
    })
}

/// Step 1: what can be said of a request before anybody asks who sent it.
///
/// # Errors
/// `invalid_request` for a parameter given twice or no `grant_type`, `unsupported_grant_type`.
pub fn check_shape(params: &Params) -> Result<GrantType, OAuthError> {
    params.check_no_duplicates()?;
    check_grant_type(params)
}

/// `grant_type` must name a grant that is built (RFC 6749 §5.2). `password` is none: OAuth 2.1 removed it (RFC 9700
/// §2.4).
fn check_grant_type(params: &Params) -> Result<GrantType, OAuthError> {
    let name = params.get("grant_type").ok_or(OAuthError::new(
        ErrorCode::InvalidRequest,
        "The request needs grant_type, in a body of type application/x-www-form-urlencoded.",
    ))?;
    GrantType::parse(name).ok_or(OAuthError::new(
        ErrorCode::UnsupportedGrantType,
        "This grant_type is not supported. The server metadata lists grant_types_supported.",
    ))
}

/// The client must be registered for the grant (RFC 6749 §5.2 `unauthorized_client`).
fn check_registered(client: &Client, grant_type: GrantType) -> Result<(), TokenError> {
    if client.allows(grant_type) {
        return Ok(());
    }
    Err(TokenError::NotRegistered {
        client_id: client.id.clone(),
        grant_type,
    })
}

/// Parameters that would change what the tokens are for, and are not built, with the standard's answer.
const UNSUPPORTED: [(&str, OAuthError); 2] = [
    (
        "resource",
        OAuthError::new(
            ErrorCode::InvalidTarget,
            "The resource parameter is not supported. Audiences are registered with the client.",
        ),
    ),
    (
        "authorization_details",
        OAuthError::new(
            ErrorCode::InvalidRequest,
            "authorization_details is not supported. Ask for access by scope.",
        ),
    ),
];

/// Refuses what is not built rather than issue a token with a wider audience or right than asked for (RFC 8707 §2.2,
/// RFC 9396 §6). Other unknown parameters are ignored (RFC 6749 §3.2).
fn check_unsupported(params: &Params) -> Result<(), OAuthError> {
    UNSUPPORTED
        .iter()
        .find(|(name, _)| params.get(name).is_some())
        .map_or(Ok(()), |(_, error)| Err(*error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Params {
        Params::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn grant_type_is_required_and_known() {
        let code = |text: &str| check_grant_type(&body(text)).map_err(|e| e.code);
        assert_eq!(
            code("grant_type=authorization_code"),
            Ok(GrantType::AuthorizationCode)
        );
        assert_eq!(code(""), Err(ErrorCode::InvalidRequest));
        assert_eq!(code("grant_type="), Err(ErrorCode::InvalidRequest));
        for unknown in ["password", "implicit", "Authorization_Code", "urn:x"] {
            assert_eq!(
                code(&format!("grant_type={unknown}")),
                Err(ErrorCode::UnsupportedGrantType)
            );
        }
    }

    #[test]
    fn what_is_not_built_is_refused_not_ignored() {
        let code = |text: &str| check_unsupported(&body(text)).map_err(|e| e.code);
        assert_eq!(
            code("resource=https%3A%2F%2Fapi.example"),
            Err(ErrorCode::InvalidTarget)
        );
        assert_eq!(
            code("authorization_details=%5B%5D"),
            Err(ErrorCode::InvalidRequest)
        );
        assert_eq!(code("resource=&unknown=1"), Ok(()));
    }

    #[test]
    fn response_json_has_no_nulls_and_debug_no_secrets() {
        let mut response = TokenResponse {
            access_token: SecretText::new("AT".into()),
            token_type: "Bearer",
            expires_in: 600,
            refresh_token: None,
            id_token: None,
            scope: "read".into(),
            origins: Vec::new(),
        };
        assert_eq!(
            serde_json::to_value(&response).unwrap(),
            serde_json::json!({ "access_token": "AT", "token_type": "Bearer", "expires_in": 600, "scope": "read" })
        );
        response.refresh_token = PlainToken::presented("RT");
        response.id_token = Some(SecretText::new("IT".into()));
        let json = serde_json::to_value(&response).unwrap();
        assert_eq!(
            (json["refresh_token"].as_str(), json["id_token"].as_str()),
            (Some("RT"), Some("IT"))
        );
        let debug = format!("{response:?}");
        assert!(
            !debug.contains("AT") && !debug.contains("\"RT") && !debug.contains("IT\""),
            "{debug}"
        );
    }

    #[test]
    fn report_never_takes_a_label_from_the_caller() {
        let error = Err(TokenError::Request(
            check_grant_type(&body("grant_type=evil")).unwrap_err(),
        ));
        let params = body("grant_type=evil&client_id=a");
        let credentials = ClientCredentials {
            authorization: None,
            params: &params,
        };
        let report = TokenReport::of(credentials, &error);
        assert_eq!(
            report,
            TokenReport {
                grant_type: "other",
                outcome: "unsupported_grant_type",
                client_id: None,
            }
        );
    }

    #[test]
    fn report_names_no_client_that_nobody_registered() {
        let params = body("grant_type=client_credentials&client_id=a");
        let credentials = ClientCredentials {
            authorization: None,
            params: &params,
        };
        let named = |refusal| {
            let error = Err(TokenError::Client(ClientAuthError::Refused(refusal)));
            TokenReport::of(credentials, &error).client_id
        };
        assert_eq!(named(Refusal::Unknown), None);
        assert_eq!(named(Refusal::WrongSecret), Some(ClientId::parse("a").unwrap()));
    }
}
