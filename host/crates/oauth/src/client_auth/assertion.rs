//! `private_key_jwt` and `client_secret_jwt` (RFC 7521 §4.2, RFC 7523 §2.2 and §3, OIDC Core §9): a signed statement of
//! who the client is, for this server, used once.

use std::time::Duration;

use authly_core::{
    ClientId, RequestContext, StorageError, Timestamp, TokenHash,
    client::{AssertionAudience, AuthMethod, Client},
    ports::ReplayNamespace,
};
use authly_jose::{
    CLOCK_SKEW, JwkError, JwsAlg, JwsError, JwtError, UnverifiedJws, VerificationKey, VerificationKeySet,
    numeric_date,
};
use serde_json::{Map, Value};

use super::{ClientAuthError, Presented, Proof, Refusal, client_keys::NoKeys};
use crate::{Params, Provider, discovery::TOKEN_PATH};

/// `client_assertion_type` (RFC 7523 §2.2).
pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far ahead an assertion may end: it is remembered for that long (RFC 7523 §3 rule 4).
const LIFETIME_MAX: Duration = Duration::from_hours(1);
/// The longest `jti`, in bytes.
const JTI_LENGTH_MAX: usize = 255;

/// Algorithms of `private_key_jwt`.
const ASYMMETRIC: [JwsAlg; 4] = [JwsAlg::Rs256, JwsAlg::Ps256, JwsAlg::Es256, JwsAlg::EdDsa];
/// Algorithms of `client_secret_jwt`. Never one list: a public key must not serve as a shared secret (RFC 8725 §2.1).
const SYMMETRIC: [JwsAlg; 1] = [JwsAlg::Hs256];

/// Why an assertion is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not a signed JWT of an accepted algorithm, or not signed by the client's key.
    #[error("its signature")]
    Signature(#[source] JwsError),
    /// A claim is missing or malformed.
    #[error("its claims")]
    Claims(#[source] JwtError),
    /// The header's `typ` is that of another kind of token (RFC 8725 §3.11).
    #[error("its type")]
    Type,
    /// Not the algorithm that the client registered.
    #[error("its algorithm is not the registered one")]
    Algorithm,
    /// `iss` and `sub` must both be the client (RFC 7523 §3 rules 1 and 2).
    #[error("its iss or sub")]
    Issuer,
    /// It is for somebody else (RFC 7523 §3 rule 3).
    #[error("its aud")]
    Audience,
    /// At its end, or its end is too far away.
    #[error("its exp")]
    Expiry,
    /// Not valid yet.
    #[error("its nbf or iat")]
    NotYet,
    /// No usable `jti`.
    #[error("its jti")]
    Jti,
    /// It was used before (RFC 7523 §3 rule 7).
    #[error("it was used before")]
    Replayed,
    /// The client has no key that fits.
    #[error("the client has no usable key")]
    NoKey(#[source] Option<JwkError>),
}

/// Reads an assertion, if the request has one.
pub(super) fn present(params: &Params) -> Result<Option<Presented<'_>>, ClientAuthError> {
    let assertion = match (
        params.get("client_assertion"),
        params.get("client_assertion_type"),
    ) {
        (None, None) => return Ok(None),
        (Some(assertion), Some(ASSERTION_TYPE)) => assertion,
        _ => return Err(ClientAuthError::AssertionType),
    };
    let jws = UnverifiedJws::parse(assertion).map_err(|_| ClientAuthError::UnreadableAssertion)?;
    let method = if jws.header().alg() == JwsAlg::Hs256 {
        AuthMethod::ClientSecretJwt
    } else {
        AuthMethod::PrivateKeyJwt
    };
    let client_id = jws
        .claimed_subject()
        .ok_or(ClientAuthError::UnreadableAssertion)?;
    Ok(Some(Presented {
        method,
        client_id,
        proof: Proof::Assertion(jws),
    }))
}

/// Proves the assertion with the client's key, judges its claims, and spends its `jti`.
pub(super) async fn verify(
    provider: &Provider,
    client: &Client,
    jws: UnverifiedJws<'_>,
    endpoint: &str,
    ctx: &RequestContext,
) -> Result<(), ClientAuthError> {
    check_header(&jws, client).map_err(ClientAuthError::refused)?;
    let claims = match client.token_endpoint_auth_method {
        AuthMethod::ClientSecretJwt => by_secret(client, jws).map_err(ClientAuthError::refused)?,
        _ => by_keys(provider, client, jws, ctx.now).await?,
    };
    let expires_at =
        check_claims(provider, client, &claims, endpoint, ctx.now).map_err(ClientAuthError::refused)?;
    spend(provider, client, &claims, expires_at, ctx.now).await
}

impl ClientAuthError {
    fn refused(error: AssertionError) -> Self {
        Self::Refused(Refusal::Assertion(error))
    }
}

/// Type and algorithm, before a key is looked at.
fn check_header(jws: &UnverifiedJws<'_>, client: &Client) -> Result<(), AssertionError> {
    let header = jws.header();
    let is_assertion =
        header.has_no_typ() || header.is_typ("JWT") || header.is_typ("client-authentication+jwt");
    if !is_assertion {
        return Err(AssertionError::Type);
    }
    match &client.token_endpoint_auth_signing_alg {
        Some(registered) if registered != header.alg().as_str() => Err(AssertionError::Algorithm),
        _ => Ok(()),
    }
}

fn by_secret(client: &Client, jws: UnverifiedJws<'_>) -> Result<Map<String, Value>, AssertionError> {
    let secret = client.secret.as_ref().ok_or(AssertionError::NoKey(None))?;
    let secret = authly_core::SecretBytes::new(secret.expose().as_bytes().to_vec());
    let key = VerificationKey::from_secret(&secret).map_err(|error| AssertionError::NoKey(Some(error)))?;
    let verified = jws.verify(&key, &SYMMETRIC).map_err(AssertionError::Signature)?;
    verified.claims().map_err(AssertionError::Claims)
}

/// With the registered keys, or those at `jwks_uri`: fetched again, but not too often, when they have no such key.
async fn by_keys(
    provider: &Provider,
    client: &Client,
    jws: UnverifiedJws<'_>,
    now: Timestamp,
) -> Result<Map<String, Value>, ClientAuthError> {
    if let Some(text) = &client.jwks {
        let set = VerificationKeySet::parse(text)
            .map_err(|error| ClientAuthError::refused(AssertionError::NoKey(Some(error))))?;
        return prove(jws, &set).map_err(ClientAuthError::refused);
    }
    let url = client
        .jwks_uri
        .as_deref()
        .ok_or_else(|| ClientAuthError::refused(AssertionError::NoKey(None)))?;
    let set = provider.client_keys.get(url, now).await.map_err(unfetched)?;
    match prove(jws.clone(), &set) {
        Err(AssertionError::Signature(JwsError::Key)) => {
            let set = provider.client_keys.refresh(url, now).await.map_err(unfetched)?;
            prove(jws, &set).map_err(ClientAuthError::refused)
        }
        proved => proved.map_err(ClientAuthError::refused),
    }
}

/// Keys that cannot be had for now are no "no"; a URL that leads to none is.
fn unfetched(error: NoKeys) -> ClientAuthError {
    match error {
        NoKeys::Unusable => ClientAuthError::refused(AssertionError::NoKey(None)),
        NoKeys::Unavailable(error) => ClientAuthError::Keys(error),
    }
}

fn prove(jws: UnverifiedJws<'_>, set: &VerificationKeySet) -> Result<Map<String, Value>, AssertionError> {
    let verified = jws
        .verify_in_set(set, &ASYMMETRIC)
        .map_err(AssertionError::Signature)?;
    verified.claims().map_err(AssertionError::Claims)
}

/// RFC 7523 §3; answers `exp`.
fn check_claims(
    provider: &Provider,
    client: &Client,
    claims: &Map<String, Value>,
    endpoint: &str,
    now: Timestamp,
) -> Result<Timestamp, AssertionError> {
    let is_client = |name: &str| claims.get(name).and_then(Value::as_str) == Some(client.id.as_str());
    if !is_client("iss") || !is_client("sub") {
        return Err(AssertionError::Issuer);
    }
    if !is_for_us(provider, client, claims.get("aud"), endpoint) {
        return Err(AssertionError::Audience);
    }
    let date = |name| numeric_date(claims, name).map_err(AssertionError::Claims);
    let expires_at = date("exp")?.ok_or(AssertionError::Expiry)?;
    if now >= expires_at || expires_at > now.plus(LIFETIME_MAX).plus(CLOCK_SKEW) {
        return Err(AssertionError::Expiry);
    }
    let latest = now.plus(CLOCK_SKEW);
    if date("nbf")?.is_some_and(|nbf| nbf > latest) || date("iat")?.is_some_and(|iat| iat > latest) {
        return Err(AssertionError::NotYet);
    }
    Ok(expires_at)
}

/// By the client's profile: the issuer alone as one string (FAPI 2.0 SP §5.3.2.1), or the issuer, the token endpoint or
/// the endpoint that was asked, alone or among others (OIDC Core §9, RFC 7009 and RFC 7662 say nothing more).
fn is_for_us(provider: &Provider, client: &Client, aud: Option<&Value>, endpoint: &str) -> bool {
    let issuer = provider.issuer.as_str();
    match client.assertion_audience {
        AssertionAudience::Issuer => aud.and_then(Value::as_str) == Some(issuer),
        AssertionAudience::IssuerOrEndpoint => {
            let ours = [
                issuer.to_owned(),
                provider.issuer.url(TOKEN_PATH),
                provider.issuer.url(endpoint),
            ];
            let is_ours = |text: &str| ours.iter().any(|our| our == text);
            match aud {
                Some(Value::String(one)) => is_ours(one),
                Some(Value::Array(list)) if list.iter().all(Value::is_string) => {
                    list.iter().filter_map(Value::as_str).any(is_ours)
                }
                _ => false,
            }
        }
    }
}

/// The database decides who was first with this `jti`.
async fn spend(
    provider: &Provider,
    client: &Client,
    claims: &Map<String, Value>,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), ClientAuthError> {
    let jti = claims
        .get("jti")
        .and_then(Value::as_str)
        .filter(|jti| (1..=JTI_LENGTH_MAX).contains(&jti.len()))
        .ok_or_else(|| ClientAuthError::refused(AssertionError::Jti))?;
    let first = provider
        .storage
        .claim_once(
            ReplayNamespace::ClientAssertion,
            &key(&client.id, jti),
            expires_at,
            now,
        )
        .await
        .map_err(|error: StorageError| ClientAuthError::Storage(error))?;
    if first {
        Ok(())
    } else {
        Err(ClientAuthError::refused(AssertionError::Replayed))
    }
}

/// A `client_id` holds no space, so no two pairs read alike.
fn key(client_id: &ClientId, jti: &str) -> TokenHash {
    TokenHash::of(format!("{client_id} {jti}").as_bytes())
}
