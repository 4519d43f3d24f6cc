//! Steps 2 and 3 of every grant: the claim-mapper hook, then the signatures. Nothing is stored here.

use std::{collections::BTreeMap, sync::Arc};

use authly_core::{
    OAuthError, PlainToken, ScopeSet, SecretText, StorageError, Timestamp,
    client::{AccessTokenFormat, Client, GrantType},
    grant::{Grant, StoredAccessToken},
    key::SigningAlg,
    ports::{ClaimMapInput, ClaimOrigin, ClaimTarget, HookError, HookSession, HookSubject},
    user::User,
};
use authly_jose::{KeyRing, SignError, sign_jwt};
use serde_json::{Map, Value};

use super::GrantRequest;
use crate::{
    Provider,
    access_token::{self, AccessToken},
    claims,
    id_token::{self, IdToken},
    scopes, subject,
};

/// Whom the tokens are about.
#[derive(Clone, Copy)]
pub(super) enum Actor<'a> {
    /// A person, through a grant. `nonce` is for the ID token.
    Person {
        user: &'a Arc<User>,
        grant: &'a Grant,
        nonce: Option<&'a str>,
    },
    /// The client itself.
    Client,
}

/// What to issue.
#[derive(Clone, Copy)]
pub(super) struct Issue<'a> {
    pub(super) grant_type: GrantType,
    pub(super) actor: Actor<'a>,
    pub(super) scope: &'a ScopeSet,
}

/// Signed tokens: good the moment they are handed over.
pub(crate) struct Issued {
    pub(crate) access_token: SecretText,
    /// What storage must know of an opaque access token, to be stored by the step that spends; `None` for a JWT.
    pub(crate) opaque: Option<StoredAccessToken>,
    /// Seconds.
    pub(crate) expires_in: i64,
    pub(crate) id_token: Option<SecretText>,
    pub(crate) origins: Vec<ClaimOrigin>,
}

/// Why nothing was issued. Nothing was spent.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
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
    #[error("the token was not signed")]
    Sign(#[source] SignError),
}

impl IssueError {
    /// What the client is told: the failure is ours, and the same request may succeed later.
    pub fn oauth(&self) -> OAuthError {
        match self {
            Self::Storage(_)
            | Self::Hook(HookError::Unavailable { .. })
            | Self::Sign(SignError::Failed(_)) => OAuthError::unavailable(),
            Self::Hook(HookError::Failed { .. })
            | Self::NoKey(_)
            | Self::Sign(SignError::UnknownKey { .. } | SignError::Claims(_) | SignError::TooLarge) => {
                OAuthError::server_error()
            }
        }
    }
}

/// Runs the hook once for all tokens of the answer and signs them.
///
/// # Errors
/// [`IssueError`].
pub(super) async fn issue(request: GrantRequest<'_>, what: Issue<'_>) -> Result<Issued, IssueError> {
    let GrantRequest {
        provider,
        client,
        ctx,
        ..
    } = request;
    let ends = Ends::of(request, what.actor);
    let mut input = mapper_input(request, what, &ends);
    add_named_claims(request, what, &mut input).await?;
    let mut shaped = claims::shape(provider.mapper.as_ref(), input)
        .await
        .map_err(IssueError::Hook)?;
    // One ring for both signatures: a swap in between cannot mix two.
    let keys = provider.keys.load();
    let claims = shaped.take(ClaimTarget::AccessToken);
    let (access_token, opaque) = match client.access_token_format {
        AccessTokenFormat::Jwt => {
            let alg = client.access_token_signed_response_alg;
            let signed = sign(provider, &keys, (alg, access_token::TYP), &claims).await?;
            (signed, None)
        }
        AccessTokenFormat::Opaque => {
            let (text, stored) = opaque(request, what.actor, claims, ends.access_token);
            (text, Some(stored))
        }
    };
    let id_token = if what.id_token_due() {
        let alg = client.id_token_signed_response_alg;
        let mut claims = shaped.take(ClaimTarget::IdToken);
        claims.insert(
            "at_hash".to_owned(),
            Value::from(id_token::at_hash(&access_token, alg)),
        );
        Some(SecretText::new(
            sign(provider, &keys, (alg, id_token::TYP), &claims).await?,
        ))
    } else {
        None
    };
    Ok(Issued {
        access_token: SecretText::new(access_token),
        opaque,
        expires_in: ends.access_token.as_secs().saturating_sub(ctx.now.as_secs()),
        id_token,
        origins: shaped.origins,
    })
}

/// An opaque token: 256 random bits, and what they stand for.
fn opaque(
    request: GrantRequest<'_>,
    actor: Actor<'_>,
    claims: Map<String, Value>,
    expires_at: Timestamp,
) -> (String, StoredAccessToken) {
    let token = PlainToken::generate(request.provider.rng.as_ref());
    let stored = StoredAccessToken {
        hash: token.hash(),
        grant_id: actor.grant().map(|grant| grant.id),
        client_id: request.client.id.clone(),
        claims,
        created_at: request.ctx.now,
        expires_at,
        revoked_at: None,
    };
    (token.expose().to_owned(), stored)
}

/// When the tokens of one answer end.
struct Ends {
    access_token: Timestamp,
    id_token: Option<Timestamp>,
}

impl Ends {
    fn of(request: GrantRequest<'_>, actor: Actor<'_>) -> Self {
        let (settings, client, now) = (&request.provider.settings, request.client, request.ctx.now);
        let grant = actor.grant();
        Self {
            access_token: access_token::expires_at(settings, client, grant, now),
            id_token: grant.map(|grant| id_token::expires_at(settings, client, grant, now)),
        }
    }
}

impl<'a> Actor<'a> {
    fn grant(self) -> Option<&'a Grant> {
        match self {
            Self::Person { grant, .. } => Some(grant),
            Self::Client => None,
        }
    }

    fn subject(self, client: &Client) -> String {
        match self {
            Self::Person { user, .. } => subject::of_user(user, client),
            Self::Client => subject::of_client(client),
        }
    }
}

impl Issue<'_> {
    /// An ID token is about a person, and only when `openid` was granted (OIDC Core §3.1.2.1).
    fn id_token_due(&self) -> bool {
        matches!(self.actor, Actor::Person { .. }) && self.scope.contains(scopes::OPENID)
    }
}

/// Everything the hook is told, with the claims computed so far per token.
fn mapper_input(request: GrantRequest<'_>, what: Issue<'_>, ends: &Ends) -> ClaimMapInput {
    let GrantRequest {
        provider,
        client,
        ctx,
        ..
    } = request;
    let subject = what.actor.subject(client);
    let audience = access_token::audience(client, what.scope, &provider.issuer);
    let access_token = AccessToken {
        issuer: &provider.issuer,
        client,
        subject: &subject,
        audience: &audience,
        scope: what.scope,
        grant: what.actor.grant(),
        expires_at: ends.access_token,
        now: ctx.now,
    };
    let mut targets = BTreeMap::from([(
        ClaimTarget::AccessToken,
        access_token.claims(provider.rng.as_ref()),
    )]);
    if let Some(claims) = id_token_claims(request, what, &subject, ends) {
        targets.insert(ClaimTarget::IdToken, claims);
    }
    ClaimMapInput {
        request: ctx.clone(),
        issuer: provider.issuer.as_str().to_owned(),
        client: Arc::clone(client),
        session: what.actor.grant().map(session_of),
        subject: match what.actor {
            Actor::Person { user, .. } => HookSubject::User(Arc::clone(user)),
            Actor::Client => HookSubject::Service(subject),
        },
        grant_type: what.grant_type.as_str(),
        scope: what.scope.clone(),
        audience,
        claims: targets,
    }
}

fn id_token_claims(
    request: GrantRequest<'_>,
    what: Issue<'_>,
    subject: &str,
    ends: &Ends,
) -> Option<Map<String, Value>> {
    let (Actor::Person { grant, nonce, .. }, Some(expires_at)) = (what.actor, ends.id_token) else {
        return None;
    };
    let token = IdToken {
        issuer: &request.provider.issuer,
        client: request.client,
        subject,
        grant,
        nonce,
        expires_at,
        now: request.ctx.now,
    };
    what.id_token_due().then(|| token.claims())
}

/// Adds to the ID token what was asked for by name, and nothing else about the person (OIDC Core §5.4, §5.5). What the
/// protocol said already stands.
async fn add_named_claims(
    request: GrantRequest<'_>,
    what: Issue<'_>,
    input: &mut ClaimMapInput,
) -> Result<(), IssueError> {
    let claims = input.claims.get_mut(&ClaimTarget::IdToken);
    let (Actor::Person { user, grant, .. }, Some(claims)) = (what.actor, claims) else {
        return Ok(());
    };
    let asked = &grant.claims;
    if asked.id_token.is_empty() {
        return Ok(());
    }
    let client = request.client;
    let may = scopes::still_the_clients(request.provider, &client.scopes, client)
        .await
        .map_err(IssueError::Storage)?;
    for (name, value) in claims::requested(user, &asked.id_token, &asked.locales, &may) {
        claims.entry(name).or_insert(value);
    }
    Ok(())
}

/// The login behind a grant, as a hook sees it.
pub(crate) fn session_of(grant: &Grant) -> HookSession {
    HookSession {
        id: grant.session_id,
        auth_time: grant.auth_time,
        amr: grant.amr.clone(),
    }
}

async fn sign(
    provider: &Provider,
    keys: &KeyRing,
    (alg, typ): (SigningAlg, &str),
    claims: &Map<String, Value>,
) -> Result<String, IssueError> {
    let kid = keys.active(alg).ok_or(IssueError::NoKey(alg))?;
    sign_jwt(provider.signer.as_ref(), kid, alg, typ, claims)
        .await
        .map_err(IssueError::Sign)
}
