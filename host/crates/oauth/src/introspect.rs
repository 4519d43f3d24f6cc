//! Token introspection (RFC 7662).

use authly_core::{
    ErrorCode, OAuthError, PlainToken, RequestContext, ScopeSet, StorageError, client::Client,
    ports::LoadedRefresh, user::User,
};
use serde_json::{Map, Value, json};

use crate::{
    Provider, acr,
    client_auth::{self, ClientAuthError, ClientCredentials},
    presented::{self, Living, Presented, TokenProblem},
    scopes, subject,
};

/// Why introspection answers with an error rather than with a token's state.
#[derive(Debug, thiserror::Error)]
pub enum IntrospectError {
    /// The request is malformed.
    #[error("the introspection request is refused: {0}")]
    Request(OAuthError),
    /// The caller is not authenticated, or is a public client: anybody could be one (RFC 7662 §2.1, §4).
    #[error("the caller is not authenticated")]
    Client(#[source] ClientAuthError),
    /// A public client asks.
    #[error("a public client asked about a token")]
    PublicClient,
    /// The database did not answer: never an inactive token.
    #[error("storage failed while a token was looked up")]
    Storage(#[source] StorageError),
}

impl IntrospectError {
    /// What the caller is told (RFC 7662 §2.3).
    pub fn oauth(&self) -> OAuthError {
        match self {
            Self::Request(error) => *error,
            Self::Client(error) => error.oauth(),
            Self::PublicClient => OAuthError::new(
                ErrorCode::InvalidClient,
                "Introspection needs a client that authenticates. Register an authentication method other than none.",
            ),
            Self::Storage(_) => OAuthError::unavailable(),
        }
    }
}

/// Answers what a token is worth to the client that asks.
///
/// A client learns of tokens that were issued to it, and of access tokens that are meant for a resource it answers for;
/// every other token is as unknown to it as one that never was (RFC 7662 §4).
///
/// # Errors
/// [`IntrospectError`].
///
/// Spec: RFC 7662 §2.
pub async fn introspect(
    provider: &Provider,
    credentials: ClientCredentials<'_>,
    ctx: &RequestContext,
) -> Result<Map<String, Value>, IntrospectError> {
    let params = credentials.params;
    params.check_no_duplicates().map_err(IntrospectError::Request)?;
    let caller = client_auth::authenticate(provider, credentials, crate::discovery::INTROSPECTION_PATH, ctx)
        .await
        .map_err(IntrospectError::Client)?;
    if caller.is_public() {
        return Err(IntrospectError::PublicClient);
    }
    let token = params.get("token").ok_or(IntrospectError::Request(MISSING))?;
    // The hint is only a hint (RFC 7662 §2.1): the two kinds cannot be confused, so it spares at most one look-up.
    if let Some(answer) = access_token(provider, &caller, token, ctx).await? {
        return Ok(answer);
    }
    if let Some(answer) = refresh_token(provider, &caller, token, ctx).await? {
        return Ok(answer);
    }
    Ok(inactive())
}

const MISSING: OAuthError = OAuthError::new(ErrorCode::InvalidRequest, "The request needs token.");

/// Exactly this, and nothing about why (RFC 7662 §2.2).
fn inactive() -> Map<String, Value> {
    Map::from_iter([("active".to_owned(), json!(false))])
}

/// Claims of an access token that its state is told with, beside those that are computed (RFC 7662 §2.2, RFC 9068 §2.2).
/// What a hook added is told too: it is what a JWT would have said.
async fn access_token(
    provider: &Provider,
    caller: &Client,
    text: &str,
    ctx: &RequestContext,
) -> Result<Option<Map<String, Value>>, IntrospectError> {
    let token = match presented::read(provider, text, ctx).await {
        Ok(token) => token,
        Err(TokenProblem::Storage(error)) => return Err(IntrospectError::Storage(error)),
        Err(_) => return Ok(None),
    };
    if !may_see(caller, &token) {
        return Ok(None);
    }
    match presented::living(provider, &token, ctx).await {
        Ok(living) if living.scope.is_empty() => Ok(None),
        Ok(living) => Ok(Some(state(token, &living))),
        Err(TokenProblem::Storage(error)) => Err(IntrospectError::Storage(error)),
        Err(_) => Ok(None),
    }
}

/// Own tokens, and those that are meant for a resource the client answers for.
fn may_see(caller: &Client, token: &Presented) -> bool {
    let is_own = token.client_id().is_some_and(|id| id == caller.id);
    let audience = token.audience();
    let answers_for = |resource: &String| audience.contains(&resource.as_str());
    is_own || caller.introspection_audiences.iter().any(answers_for)
}

fn state(token: Presented, living: &Living) -> Map<String, Value> {
    let mut state = token.claims;
    state.insert("active".to_owned(), json!(true));
    state.insert("token_type".to_owned(), json!("Bearer"));
    // What may still be used of it, not what it was issued with.
    state.insert("scope".to_owned(), json!(living.scope.to_string()));
    if let Some((grant, user)) = &living.person {
        set_username(&mut state, &living.scope, user);
        if let Some(class) = acr::acr_of(&grant.amr) {
            state.insert("acr".to_owned(), json!(class));
        }
    }
    state
}

/// The name is a profile claim (`preferred_username`), and told where that one would be.
fn set_username(state: &mut Map<String, Value>, scope: &ScopeSet, user: &User) {
    if scope.contains("profile") {
        state.insert("username".to_owned(), json!(user.username));
    }
}

/// A refresh token is its client's alone.
async fn refresh_token(
    provider: &Provider,
    caller: &Client,
    text: &str,
    ctx: &RequestContext,
) -> Result<Option<Map<String, Value>>, IntrospectError> {
    let Some(token) = PlainToken::presented(text) else {
        return Ok(None);
    };
    let storage = provider.storage.as_ref();
    let loaded = storage
        .load_refresh(&token.hash())
        .await
        .map_err(IntrospectError::Storage)?;
    let Some(loaded) = loaded.filter(|loaded| is_usable(loaded, caller, ctx)) else {
        return Ok(None);
    };
    let user = &loaded.user;
    if !provider.admits(user) {
        return Ok(None);
    }
    let scope = scopes::still_grantable(provider, &loaded.token.scope, caller, user)
        .await
        .map_err(IntrospectError::Storage)?;
    if !crate::refresh::is_due(caller, &scope) {
        return Ok(None);
    }
    let mut state = Map::new();
    let mut set = |name: &str, value: Value| state.insert(name.to_owned(), value);
    set("active", json!(true));
    set("token_type", json!("refresh_token"));
    set("iss", json!(provider.issuer.as_str()));
    set("client_id", json!(caller.id));
    set("sub", json!(subject::of_user(user, caller)));
    set("iat", json!(loaded.token.created_at.as_secs()));
    set("exp", json!(loaded.token.expires_at.as_secs()));
    set("scope", json!(scope.to_string()));
    set_username(&mut state, &scope, user);
    Ok(Some(state))
}

/// One that was rotated is spent, also within the grace in which its client may ask for the successor again.
fn is_usable(loaded: &LoadedRefresh, caller: &Client, ctx: &RequestContext) -> bool {
    loaded.token.client_id == caller.id
        && loaded.grant.created_at >= caller.created_at
        && loaded.token.consumed_at.is_none()
        && ctx.now < loaded.token.expires_at
        && loaded.grant.is_alive(ctx.now)
}
