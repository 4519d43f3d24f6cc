//! An access token that somebody presents: a JWT of ours or an opaque one, and whether it still stands.
//!
//! 1. [`read`]: what the token says, proved by its signature or by storage; at its end it says nothing.
//! 2. [`living`]: whoever is behind it as of now, within the bound of the caches: the grant, the client and the person
//!    may have been revoked, disabled or deleted since.

use std::sync::Arc;

use authly_core::{
    ClientId, PlainToken, RequestContext, ScopeSet, StorageError, Timestamp, TokenHash, client::Client,
    grant::Grant, ports::Standing, user::User,
};
use authly_jose::{JwtError, UnverifiedJwt};
use serde_json::{Map, Value};

use crate::{Provider, access_token, scopes, subject};

/// What a token says. Only [`read`] makes one.
#[derive(Clone, Debug)]
pub(crate) struct Presented {
    /// The claims.
    pub(crate) claims: Map<String, Value>,
    /// An opaque token's hash; `None` for a JWT.
    pub(crate) hash: Option<TokenHash>,
    /// An opaque token that was revoked.
    is_revoked: bool,
}

impl Presented {
    /// A claim that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// A time claim, in whole seconds.
    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        self.claims
            .get(name)
            .and_then(Value::as_i64)
            .map(Timestamp::from_secs)
    }

    /// `aud`, as a list.
    pub(crate) fn audience(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// `client_id`.
    pub(crate) fn client_id(&self) -> Option<ClientId> {
        self.text("client_id").and_then(|id| ClientId::parse(id).ok())
    }

    /// `scope`.
    pub(crate) fn scope(&self) -> ScopeSet {
        let scope = self.text("scope").and_then(|text| ScopeSet::parse(text).ok());
        scope.unwrap_or_default()
    }
}

/// Why a token does not stand.
#[derive(Debug, thiserror::Error)]
pub enum TokenProblem {
    /// Not an access token of ours, or at its end (RFC 9068 §4).
    #[error("the access token is not believed")]
    Jwt(#[source] JwtError),
    /// An opaque text that names no token, or one at its end.
    #[error("the access token is unknown or expired")]
    Unknown,
    /// It, its grant or its registration was revoked, or the grant is at its end.
    #[error("the access token was revoked: {0}")]
    Revoked(&'static str),
    /// A token of ours that lacks what ours have, or whose grant says otherwise.
    #[error("the access token does not fit its grant: {0}")]
    Mismatch(&'static str),
    /// The account or the client is gone or disabled.
    #[error("the person or the client of the access token is disabled")]
    Disabled,
    /// The database did not answer: not a "no".
    #[error("storage failed while an access token was checked")]
    Storage(#[source] StorageError),
}

/// Reads a token. Signature, type, issuer and time come before any claim is believed; an ID token fails by its `typ`.
/// The audience is the caller's to judge.
pub(crate) async fn read(
    provider: &Provider,
    text: &str,
    ctx: &RequestContext,
) -> Result<Presented, TokenProblem> {
    if text.contains('.') {
        let issuer = provider.issuer.as_str();
        let token = UnverifiedJwt::parse(text).and_then(|token| {
            token.verify_for_any_audience(&provider.keys.load(), access_token::TYP, issuer, ctx.now)
        });
        return Ok(Presented {
            claims: token.map_err(TokenProblem::Jwt)?.into_claims(),
            hash: None,
            is_revoked: false,
        });
    }
    let hash = PlainToken::presented(text).ok_or(TokenProblem::Unknown)?.hash();
    let stored = provider
        .storage
        .load_access_token(&hash)
        .await
        .map_err(TokenProblem::Storage)?;
    let stored = stored
        .filter(|token| ctx.now < token.expires_at)
        .ok_or(TokenProblem::Unknown)?;
    Ok(Presented {
        claims: stored.claims,
        hash: Some(hash),
        is_revoked: stored.revoked_at.is_some(),
    })
}

/// The living parties of a token.
#[derive(Clone, Debug)]
pub(crate) struct Living {
    pub(crate) client: Arc<Client>,
    /// The grant and its person; `None` when the client acts for itself.
    pub(crate) person: Option<(Arc<Grant>, Arc<User>)>,
    /// What of the token's scope may still be used today.
    pub(crate) scope: ScopeSet,
}

/// Loads whoever is behind a token.
pub(crate) async fn living(
    provider: &Provider,
    token: &Presented,
    ctx: &RequestContext,
) -> Result<Living, TokenProblem> {
    let jti = token.text("jti").ok_or(TokenProblem::Mismatch("no jti"))?;
    let grant = access_token::grant_of_jti(jti);
    // An opaque token carries its own flag, a JWT is looked up by `jti`.
    let looked_up = token.hash.is_none().then_some(jti);
    let standing = provider.storage.load_standing(looked_up, grant).await;
    let standing = standing.map_err(TokenProblem::Storage)?;
    if token.is_revoked || standing.is_jti_revoked {
        return Err(TokenProblem::Revoked("the token"));
    }
    let client = load_client(provider, token).await?;
    let person = match grant {
        None => None,
        Some(_) => Some(living_person(provider, standing, &client, ctx)?),
    };
    let scope = match &person {
        Some((_, user)) => scopes::still_grantable(provider, &token.scope(), &client, user).await,
        None => scopes::still_the_clients(provider, &token.scope(), &client).await,
    };
    let expected = match &person {
        Some((_, user)) => subject::of_user(user, &client),
        None => subject::of_client(&client),
    };
    if token.text("sub") != Some(&expected) {
        return Err(TokenProblem::Mismatch("sub is not the grant's"));
    }
    Ok(Living {
        client,
        person,
        scope: scope.map_err(TokenProblem::Storage)?,
    })
}

/// The client it was issued to. One that was registered later under the same `client_id` is another client.
async fn load_client(provider: &Provider, token: &Presented) -> Result<Arc<Client>, TokenProblem> {
    let id = token.client_id().ok_or(TokenProblem::Mismatch("no client_id"))?;
    let client = provider
        .storage
        .load_client(&id)
        .await
        .map_err(TokenProblem::Storage)?
        .filter(|client| client.enabled)
        .ok_or(TokenProblem::Disabled)?;
    let issued_at = token.time("iat").ok_or(TokenProblem::Mismatch("no iat"))?;
    if issued_at.as_secs() < client.created_at.as_secs() {
        return Err(TokenProblem::Revoked("the client's registration"));
    }
    Ok(client)
}

/// The grant it came from and its person, who must both still be there.
fn living_person(
    provider: &Provider,
    standing: Standing,
    client: &Client,
    ctx: &RequestContext,
) -> Result<(Arc<Grant>, Arc<User>), TokenProblem> {
    let (grant, user) = standing
        .person
        .filter(|(grant, _)| grant.is_alive(ctx.now))
        .ok_or(TokenProblem::Revoked("the grant"))?;
    if grant.client_id != client.id {
        return Err(TokenProblem::Mismatch("client_id is not the grant's"));
    }
    if provider.admits(&user) {
        Ok((grant, user))
    } else {
        Err(TokenProblem::Disabled)
    }
}
