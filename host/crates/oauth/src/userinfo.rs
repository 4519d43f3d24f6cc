//! UserInfo (OIDC Core §5.3): claims about the person behind an access token, as JSON or as a signed JWT.

use std::{collections::BTreeMap, sync::Arc};

use authly_core::{
    OAuthError, RequestContext, StorageError,
    key::SigningAlg,
    ports::{ClaimMapInput, ClaimTarget, HookError, HookSubject},
};
use authly_jose::{SignError, sign_jwt};
use serde_json::{Map, Value, json};

use crate::{
    Provider,
    bearer::{self, Bearer, BearerError, Needs},
    claims, grants, scopes, subject,
};

/// `typ` of a signed answer: a JWT and nothing more special (OIDC Core §5.3.2).
const TYP: &str = "JWT";

/// An answer in the form the client registered.
#[derive(Clone, Debug, PartialEq)]
pub enum Userinfo {
    /// `application/json`.
    Json(Map<String, Value>),
    /// `application/jwt`, for a client with `userinfo_signed_response_alg`.
    Jwt(String),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum UserinfoError {
    /// The bearer is refused.
    #[error("the bearer is refused")]
    Bearer(#[source] BearerError),
    /// The database did not answer.
    #[error("storage failed while claims were gathered")]
    Storage(#[source] StorageError),
    /// A claim mapper that is not optional did not answer.
    #[error("the claim mapper did not answer")]
    Hook(#[source] HookError),
    /// No active key for the client's algorithm.
    #[error("no active signing key for {}", .0.as_str())]
    NoKey(SigningAlg),
    /// The signer refused or failed.
    #[error("the answer was not signed")]
    Sign(#[source] SignError),
}

impl UserinfoError {
    /// What the client is told (RFC 6750 §3.1).
    pub fn oauth(&self) -> OAuthError {
        match self {
            Self::Bearer(error) => error.oauth(),
            Self::Storage(_)
            | Self::Hook(HookError::Unavailable { .. })
            | Self::Sign(SignError::Failed(_)) => OAuthError::unavailable(),
            Self::Hook(HookError::Failed { .. }) | Self::NoKey(_) | Self::Sign(_) => {
                OAuthError::server_error()
            }
        }
    }
}

/// Answers the claims for an access token; `sub` is always among them.
///
/// # Errors
/// [`UserinfoError`].
///
/// Spec: OIDC Core §5.3.1–5.3.3, RFC 9068 §4.
pub async fn userinfo(
    provider: &Provider,
    access_token: &str,
    ctx: &RequestContext,
) -> Result<Userinfo, UserinfoError> {
    let needs = Needs {
        scope: scopes::OPENID,
    };
    let bearer = bearer::authenticate(provider, access_token, needs, ctx)
        .await
        .map_err(UserinfoError::Bearer)?;
    answer(provider, &bearer, ctx).await
}

/// The claims of a bearer who was let in already.
///
/// # Errors
/// [`UserinfoError`], but for the bearer.
pub async fn answer(
    provider: &Provider,
    bearer: &Bearer,
    ctx: &RequestContext,
) -> Result<Userinfo, UserinfoError> {
    let input = mapper_input(provider, bearer, ctx)
        .await
        .map_err(UserinfoError::Storage)?;
    let mut shaped = claims::shape(provider.mapper.as_ref(), input)
        .await
        .map_err(UserinfoError::Hook)?;
    let claims = shaped.take(ClaimTarget::Userinfo);
    match bearer.client.userinfo_signed_response_alg {
        None => Ok(Userinfo::Json(claims)),
        Some(alg) => signed(provider, bearer, claims, alg).await.map(Userinfo::Jwt),
    }
}

/// The answer as a JWT: with the issuer, for the client, and without an end or a nonce (OIDC Core §5.3.2).
async fn signed(
    provider: &Provider,
    bearer: &Bearer,
    mut claims: Map<String, Value>,
    alg: SigningAlg,
) -> Result<String, UserinfoError> {
    claims.insert("iss".to_owned(), json!(provider.issuer.as_str()));
    claims.insert("aud".to_owned(), json!(bearer.client.id));
    let keys = provider.keys.load();
    let kid = keys.active(alg).ok_or(UserinfoError::NoKey(alg))?;
    sign_jwt(provider.signer.as_ref(), kid, alg, TYP, &claims)
        .await
        .map_err(UserinfoError::Sign)
}

/// Everything the hook is told.
async fn mapper_input(
    provider: &Provider,
    bearer: &Bearer,
    ctx: &RequestContext,
) -> Result<ClaimMapInput, StorageError> {
    let asked = &bearer.grant.claims;
    let mut claims = claims::by_scope(&bearer.user, &bearer.scope, &asked.locales);
    let may = scopes::still_the_clients(provider, &bearer.client.scopes, &bearer.client).await?;
    claims.extend(claims::requested(
        &bearer.user,
        &asked.userinfo,
        &asked.locales,
        &may,
    ));
    claims.insert(
        "sub".to_owned(),
        Value::from(subject::of_user(&bearer.user, &bearer.client)),
    );
    Ok(ClaimMapInput {
        request: ctx.clone(),
        issuer: provider.issuer.as_str().to_owned(),
        client: Arc::clone(&bearer.client),
        subject: HookSubject::User(Arc::clone(&bearer.user)),
        session: Some(grants::session_of(&bearer.grant)),
        grant_type: "userinfo",
        scope: bearer.scope.clone(),
        audience: bearer.audience.clone(),
        claims: BTreeMap::from([(ClaimTarget::Userinfo, claims)]),
    })
}
