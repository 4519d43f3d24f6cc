//! Token revocation (RFC 7009).

use authly_core::{
    AuditAction, AuditEvent, Effects, ErrorCode, GrantId, OAuthError, PlainToken, RequestContext,
    StorageError, Topic, client::Client, ports::TenantStorage,
};
use uuid::Uuid;

use crate::{
    Provider, access_token,
    client_auth::{self, ClientAuthError, ClientCredentials},
    presented::{self, Presented, TokenProblem},
};

/// Why nothing was revoked, beside there being nothing to revoke.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// The request is malformed.
    #[error("the revocation request is refused: {0}")]
    Request(OAuthError),
    /// The client is not authenticated.
    #[error("the client is not authenticated")]
    Client(#[source] ClientAuthError),
    /// The database did not answer: the token may still be good, and the client tries again (RFC 7009 §2.2.1).
    #[error("storage failed while a token was revoked")]
    Storage(#[source] StorageError),
}

impl RevokeError {
    /// What the client is told (RFC 7009 §2.2.1).
    pub fn oauth(&self) -> OAuthError {
        match self {
            Self::Request(error) => *error,
            Self::Client(error) => error.oauth(),
            Self::Storage(_) => OAuthError::unavailable(),
        }
    }
}

/// Revokes a token of the client. An unknown token, one of another client and one that is dead already are all answered
/// alike, as success: what the client asked for is so (RFC 7009 §2.2).
///
/// An access token dies alone; with a refresh token dies its grant, and so every token of it (§2.1).
///
/// # Errors
/// [`RevokeError`].
///
/// Spec: RFC 7009 §2.
pub async fn revoke(
    provider: &Provider,
    credentials: ClientCredentials<'_>,
    ctx: &RequestContext,
) -> Result<(), RevokeError> {
    let params = credentials.params;
    params.check_no_duplicates().map_err(RevokeError::Request)?;
    let client = client_auth::authenticate(provider, credentials, crate::discovery::REVOCATION_PATH, ctx)
        .await
        .map_err(RevokeError::Client)?;
    let text = params.get("token").ok_or(RevokeError::Request(MISSING))?;
    // A wrong hint must not keep a token alive (RFC 7009 §2.1): both kinds are looked for, whatever it says.
    match presented::read(provider, text, ctx).await {
        Ok(token) => revoke_access_token(provider, &client, &token, ctx).await,
        Err(TokenProblem::Storage(error)) => Err(RevokeError::Storage(error)),
        Err(_) => revoke_refresh_token(provider, &client, text, ctx).await,
    }
}

const MISSING: OAuthError = OAuthError::new(ErrorCode::InvalidRequest, "The request needs token.");

async fn revoke_access_token(
    provider: &Provider,
    client: &Client,
    token: &Presented,
    ctx: &RequestContext,
) -> Result<(), RevokeError> {
    let is_own = token.client_id().is_some_and(|id| id == client.id);
    let (Some(jti), Some(expires_at), true) = (token.text("jti"), token.time("exp"), is_own) else {
        return Ok(());
    };
    let storage = provider.storage.as_ref();
    let mut event = AuditEvent::of(ctx, AuditAction::AccessTokenRevoked).client(&client.id);
    if let Some(grant) = access_token::grant_of_jti(jti) {
        event.pseudonym = pseudonym_of(storage, grant).await.map_err(RevokeError::Storage)?;
    }
    let effects = Effects::audited(event).invalidating(Topic::AccessToken, jti);
    let revoked = match &token.hash {
        Some(hash) => storage.revoke_access_token(hash, ctx.now, effects).await,
        None => storage.revoke_jti(jti, expires_at, effects).await,
    };
    revoked.map(drop).map_err(RevokeError::Storage)
}

/// The person of a grant, for the audit.
async fn pseudonym_of(storage: &dyn TenantStorage, grant: GrantId) -> Result<Option<Uuid>, StorageError> {
    let Some(grant) = storage.load_grant(grant).await? else {
        return Ok(None);
    };
    let user = storage.load_user(grant.user_id).await?;
    Ok(user.map(|user| user.pseudonym))
}

async fn revoke_refresh_token(
    provider: &Provider,
    client: &Client,
    text: &str,
    ctx: &RequestContext,
) -> Result<(), RevokeError> {
    let Some(token) = PlainToken::presented(text) else {
        return Ok(());
    };
    let storage = provider.storage.as_ref();
    let loaded = storage
        .load_refresh(&token.hash())
        .await
        .map_err(RevokeError::Storage)?;
    let Some(loaded) = loaded.filter(|loaded| loaded.token.client_id == client.id) else {
        return Ok(());
    };
    let grant_id = loaded.grant.id;
    let event = AuditEvent::of(ctx, AuditAction::GrantRevoked { grant_id })
        .client(&client.id)
        .person(loaded.user.pseudonym);
    let effects = Effects::audited(event).invalidating(Topic::Grant, grant_id.to_string());
    storage
        .revoke_grant(grant_id, ctx.now, effects)
        .await
        .map(drop)
        .map_err(RevokeError::Storage)
}
