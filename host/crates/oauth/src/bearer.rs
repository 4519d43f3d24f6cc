//! Who asks with an access token, at UserInfo and at Authly's own APIs (RFC 6750).

use std::sync::Arc;

use authly_core::{
    ErrorCode, OAuthError, RequestContext, ScopeSet, client::Client, grant::Grant, user::User,
};

use crate::{Provider, presented};

pub use crate::presented::TokenProblem;

/// What a resource needs of an access token, beside the issuer in its `aud`.
#[derive(Clone, Copy, Debug)]
pub struct Needs<'a> {
    /// A scope that the token must have, and its client and person must still be granted.
    pub scope: &'a str,
}

/// A person who asks through a client. Each was loaded now.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// What the person allowed the client.
    pub grant: Arc<Grant>,
    /// Who asks.
    pub client: Arc<Client>,
    /// For whom.
    pub user: Arc<User>,
    /// What the token may be used for today.
    pub scope: ScopeSet,
    /// `aud` of the token.
    pub audience: Vec<String>,
}

/// Why a bearer of an access token is refused (RFC 6750 §3.1).
#[derive(Debug, thiserror::Error)]
pub enum BearerError {
    /// The token does not stand, or is not for this server.
    #[error("the access token is refused")]
    Token(#[source] TokenProblem),
    /// The issuer is not in `aud`: it was issued for another resource (RFC 9068 §4).
    #[error("the access token is for another audience")]
    Audience,
    /// It was issued to a client for itself, and this resource is about a person.
    #[error("the access token is not a person's")]
    NoPerson,
    /// It lacks the scope of the resource, or its client or person may not have that scope any more.
    #[error("the access token lacks the scope of the resource")]
    InsufficientScope,
}

impl BearerError {
    /// What the client is told (RFC 6750 §3.1).
    pub fn oauth(&self) -> OAuthError {
        match self {
            Self::Token(TokenProblem::Storage(_)) => OAuthError::unavailable(),
            Self::Token(_) | Self::Audience | Self::NoPerson => OAuthError::new(
                ErrorCode::InvalidToken,
                "The access token is malformed, expired, revoked, or not meant for this resource.",
            ),
            Self::InsufficientScope => OAuthError::new(
                ErrorCode::InsufficientScope,
                "The access token lacks the scope that this resource needs.",
            ),
        }
    }
}

/// Answers who asks.
///
/// # Errors
/// [`BearerError`].
///
/// Spec: RFC 6750 §2, §3; RFC 9068 §4.
pub async fn authenticate(
    provider: &Provider,
    access_token: &str,
    needs: Needs<'_>,
    ctx: &RequestContext,
) -> Result<Bearer, BearerError> {
    let token = presented::read(provider, access_token, ctx)
        .await
        .map_err(BearerError::Token)?;
    if !token.audience().contains(&provider.issuer.as_str()) {
        return Err(BearerError::Audience);
    }
    // Before anything is loaded: a token without the scope is refused whatever else it is.
    if !token.scope().contains(needs.scope) {
        return Err(BearerError::InsufficientScope);
    }
    let living = presented::living(provider, &token, ctx)
        .await
        .map_err(BearerError::Token)?;
    let (grant, user) = living.person.ok_or(BearerError::NoPerson)?;
    if !living.scope.contains(needs.scope) {
        return Err(BearerError::InsufficientScope);
    }
    Ok(Bearer {
        grant,
        client: living.client,
        user,
        scope: living.scope,
        audience: token.audience().into_iter().map(str::to_owned).collect(),
    })
}
