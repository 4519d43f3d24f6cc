//! UserInfo (OIDC Core §5.3): the standard claims of the person behind an access token.

use std::collections::BTreeMap;

use authly_core::{
    ClientId, ErrorCode, OAuthError, RequestContext, ScopeSet, StorageError,
    client::Client,
    grant::Grant,
    key::SigningAlg,
    ports::{ClaimMapInput, ClaimTarget, HookError, HookSubject},
    user::User,
};
use authly_jose::{Expectation, JwtError, VerifiedJwt, verify_jwt};
use serde_json::{Map, Value};

use crate::{Provider, access_token, claims, grants, scopes, subject};

/// Why a bearer of an access token is refused (RFC 6750 §3.1).
#[derive(Debug, thiserror::Error)]
pub enum BearerError {
    /// Not an access token of ours for this resource, or at its end (RFC 9068 §4).
    #[error("the access token is not believed")]
    Token(#[source] JwtError),
    /// A signed token that lacks what our access tokens have, or whose grant says otherwise.
    #[error("the access token does not fit its grant: {0}")]
    Mismatch(&'static str),
    /// Without `openid` (OIDC Core §5.3).
    #[error("the access token has no openid scope")]
    InsufficientScope,
    /// The grant is revoked, at its end or gone.
    #[error("the grant of the access token is no longer alive")]
    GrantDead,
    /// The account or the client is gone or disabled.
    #[error("the person or the client of the access token is disabled")]
    Disabled,
    /// A claim mapper that is not optional did not answer.
    #[error("the claim mapper did not answer")]
    Hook(#[source] HookError),
    /// The database did not answer: not a "no".
    #[error("storage failed while an access token was checked")]
    Storage(#[source] StorageError),
}

impl BearerError {
    /// What the client is told (RFC 6750 §3.1).
    pub fn oauth(&self) -> OAuthError {
        match self {
            Self::Token(_) | Self::Mismatch(_) | Self::GrantDead | Self::Disabled => OAuthError::new(
                ErrorCode::InvalidToken,
                "The access token is malformed, expired, revoked, or not meant for this resource.",
            ),
            Self::InsufficientScope => OAuthError::new(
                ErrorCode::InsufficientScope,
                "UserInfo needs an access token with the scope openid.",
            ),
            Self::Hook(HookError::Unavailable { .. }) | Self::Storage(_) => OAuthError::unavailable(),
            Self::Hook(HookError::Failed { .. }) => OAuthError::server_error(),
        }
    }
}

/// Answers the claims for an access token; `sub` is always among them.
///
/// # Errors
/// [`BearerError`].
///
/// Spec: OIDC Core §5.3.1–5.3.3, RFC 9068 §4.
pub async fn userinfo(
    provider: &Provider,
    access_token: &str,
    ctx: &RequestContext,
) -> Result<Map<String, Value>, BearerError> {
    let token = verify(provider, access_token, ctx)?;
    let scope = check_scope(&token)?;
    let bearer = load_bearer(provider, &token, ctx).await?;
    check_subject(&token, &bearer)?;
    let scope = scopes::still_grantable(&scope, &bearer.client, &bearer.user, &provider.issuer);
    let input = mapper_input(provider, &token, &bearer, scope, ctx);
    let mut shaped = claims::shape(provider.mapper.as_ref(), input)
        .await
        .map_err(BearerError::Hook)?;
    Ok(shaped.take(ClaimTarget::Userinfo))
}

/// Signature, type, issuer, audience and time, before any claim is believed. An ID token fails by its `typ`.
fn verify(provider: &Provider, access_token: &str, ctx: &RequestContext) -> Result<VerifiedJwt, BearerError> {
    let issuer = provider.issuer.as_str();
    let expect = Expectation {
        typ: access_token::TYP,
        algs: &SigningAlg::ALL,
        issuer,
        audience: issuer,
    };
    verify_jwt(access_token, &provider.keys.load(), &expect, ctx.now).map_err(BearerError::Token)
}

/// UserInfo is for tokens of an OpenID Connect request (OIDC Core §5.3).
fn check_scope(token: &VerifiedJwt) -> Result<ScopeSet, BearerError> {
    let scope = token
        .text("scope")
        .and_then(|text| ScopeSet::parse(text).ok())
        .unwrap_or_default();
    if scope.contains(scopes::OPENID) {
        Ok(scope)
    } else {
        Err(BearerError::InsufficientScope)
    }
}

/// The living parties of a token.
struct Bearer {
    grant: Grant,
    client: Client,
    user: User,
}

/// Loads the grant the token came from, its client and its person; each may have been revoked or disabled since.
async fn load_bearer(
    provider: &Provider,
    token: &VerifiedJwt,
    ctx: &RequestContext,
) -> Result<Bearer, BearerError> {
    let storage = provider.storage.as_ref();
    let grant_id = token
        .text("jti")
        .and_then(access_token::grant_of_jti)
        .ok_or(BearerError::Mismatch("jti names no grant"))?;
    let grant = storage.load_grant(grant_id).await.map_err(BearerError::Storage)?;
    let grant = grant
        .filter(|g| g.is_alive(ctx.now))
        .ok_or(BearerError::GrantDead)?;
    let client_id = token.text("client_id").and_then(|id| ClientId::parse(id).ok());
    if client_id.as_ref() != Some(&grant.client_id) {
        return Err(BearerError::Mismatch("client_id is not the grant's"));
    }
    let client = storage
        .load_client(&grant.client_id)
        .await
        .map_err(BearerError::Storage)?;
    let client = client.filter(|c| c.enabled).ok_or(BearerError::Disabled)?;
    let user = storage
        .load_user(grant.user_id)
        .await
        .map_err(BearerError::Storage)?;
    let user = user.filter(|u| u.enabled).ok_or(BearerError::Disabled)?;
    Ok(Bearer { grant, client, user })
}

/// `sub` must be the one the grant's person has for this client.
fn check_subject(token: &VerifiedJwt, bearer: &Bearer) -> Result<(), BearerError> {
    if token.text("sub") == Some(&subject::of_user(&bearer.user, &bearer.client)) {
        Ok(())
    } else {
        Err(BearerError::Mismatch("sub is not the grant's"))
    }
}

/// Everything the hook is told.
fn mapper_input(
    provider: &Provider,
    token: &VerifiedJwt,
    bearer: &Bearer,
    scope: ScopeSet,
    ctx: &RequestContext,
) -> ClaimMapInput {
    let mut claims = claims::by_scope(&bearer.user, &scope);
    claims.insert(
        "sub".to_owned(),
        Value::from(subject::of_user(&bearer.user, &bearer.client)),
    );
    ClaimMapInput {
        request: ctx.clone(),
        issuer: provider.issuer.as_str().to_owned(),
        client: bearer.client.clone(),
        subject: HookSubject::User(bearer.user.clone()),
        session: Some(grants::session_of(&bearer.grant)),
        grant_type: "userinfo",
        scope,
        audience: audience_of(token),
        claims: BTreeMap::from([(ClaimTarget::Userinfo, claims)]),
    }
}

/// `aud` of a verified token, as a list.
fn audience_of(token: &VerifiedJwt) -> Vec<String> {
    match token.claims().get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}
