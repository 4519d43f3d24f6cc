//! Server metadata (OpenID Connect Discovery §3, RFC 8414 §2), made from what is registered in code: what is not
//! built cannot be announced, and what is built cannot be forgotten.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use authly_core::{
    StorageError,
    authorization::{Display, Prompt, ResponseMode},
    client::{AuthMethod, GrantType},
    ports::ScopeDefinition,
};
use authly_jose::{JwsAlg, KeyRing};
use serde_json::{Map, Value, json};

use crate::{
    Provider, acr,
    authorize::{CODE_CHALLENGE_METHODS, RESPONSE_TYPES},
    claims, scopes,
};

/// Path of the authorization endpoint below the issuer.
pub const AUTHORIZATION_PATH: &str = "/api/v1/oauth/authorize";
/// Path of the token endpoint below the issuer.
pub const TOKEN_PATH: &str = "/api/v1/oauth/token";
/// Path of the introspection endpoint below the issuer.
pub const INTROSPECTION_PATH: &str = "/api/v1/oauth/introspect";
/// Path of the revocation endpoint below the issuer.
pub const REVOCATION_PATH: &str = "/api/v1/oauth/revoke";
/// Path of the UserInfo endpoint below the issuer.
pub const USERINFO_PATH: &str = "/oidc/userinfo";
/// Path of the end session endpoint below the issuer (RP-Initiated Logout §2).
pub const END_SESSION_PATH: &str = "/oidc/logout";
/// Path of the JWK set below the issuer.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";

/// Claims of ID tokens that the protocol sets, for `claims_supported`.
const PROTOCOL_CLAIMS: [&str; 11] = [
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "at_hash",
    "amr",
    "acr",
    "sid",
];

/// `/.well-known/openid-configuration` (OpenID Connect Discovery §3).
///
/// # Errors
/// [`StorageError`] when the defined scopes cannot be read; half an answer would be cached by clients.
pub async fn openid_configuration(provider: &Provider) -> Result<Value, StorageError> {
    let mut document = shared(provider).await?;
    let mut set = |name: &str, value: Value| document.insert(name.to_owned(), value);
    set("userinfo_endpoint", json!(provider.issuer.url(USERINFO_PATH)));
    set(
        "end_session_endpoint",
        json!(provider.issuer.url(END_SESSION_PATH)),
    );
    set("subject_types_supported", json!(["public"]));
    set("id_token_signing_alg_values_supported", algs(provider));
    set("userinfo_signing_alg_values_supported", algs(provider));
    set("claim_types_supported", json!(["normal"]));
    set(
        "claims_supported",
        PROTOCOL_CLAIMS.into_iter().chain(claims::standard()).collect(),
    );
    set(
        "prompt_values_supported",
        Prompt::ALL.map(Prompt::as_str).into_iter().collect(),
    );
    set(
        "display_values_supported",
        Display::ALL.map(Display::as_str).into_iter().collect(),
    );
    set("acr_values_supported", json!(acr::ACR_VALUES));
    set("claims_parameter_supported", json!(true));
    // Explicit, because the default of request_uri_parameter_supported is true (Discovery §3).
    set("request_parameter_supported", json!(false));
    set("request_uri_parameter_supported", json!(false));
    Ok(Value::Object(document))
}

/// `/.well-known/oauth-authorization-server` (RFC 8414 §2): the same facts, without OpenID Connect's own.
///
/// # Errors
/// [`StorageError`] as for [`openid_configuration`].
pub async fn authorization_server(provider: &Provider) -> Result<Value, StorageError> {
    shared(provider).await.map(Value::Object)
}

/// Both documents as text, written anew only when what they say has changed: the keys or the scopes, by which both come
/// from memory that others share.
#[derive(Default)]
pub struct Documents {
    openid_configuration: ArcSwapOption<Written>,
    authorization_server: ArcSwapOption<Written>,
}

/// A document, and what it was written of.
struct Written {
    keys: Arc<KeyRing>,
    scopes: Arc<[ScopeDefinition]>,
    json: Arc<str>,
}

impl Documents {
    /// [`openid_configuration`] as JSON.
    ///
    /// # Errors
    /// As there.
    pub async fn openid_configuration(&self, provider: &Provider) -> Result<Arc<str>, StorageError> {
        written(&self.openid_configuration, provider, openid_configuration).await
    }

    /// [`authorization_server`] as JSON.
    ///
    /// # Errors
    /// As there.
    pub async fn authorization_server(&self, provider: &Provider) -> Result<Arc<str>, StorageError> {
        written(&self.authorization_server, provider, authorization_server).await
    }
}

async fn written(
    last: &ArcSwapOption<Written>,
    provider: &Provider,
    write: impl AsyncFnOnce(&Provider) -> Result<Value, StorageError>,
) -> Result<Arc<str>, StorageError> {
    let scopes = provider.storage.list_scopes().await?;
    let keys = provider.keys.load();
    let is_current =
        |last: &Arc<Written>| Arc::ptr_eq(&last.keys, &keys) && Arc::ptr_eq(&last.scopes, &scopes);
    if let Some(last) = last.load_full().filter(is_current) {
        return Ok(Arc::clone(&last.json));
    }
    let json: Arc<str> = write(provider).await?.to_string().into();
    last.store(Some(Arc::new(Written {
        keys,
        scopes,
        json: Arc::clone(&json),
    })));
    Ok(json)
}

/// What both documents say.
async fn shared(provider: &Provider) -> Result<Map<String, Value>, StorageError> {
    let issuer = &provider.issuer;
    let mut document = Map::new();
    let mut set = |name: &str, value: Value| document.insert(name.to_owned(), value);
    set("issuer", json!(issuer.as_str()));
    set("authorization_endpoint", json!(issuer.url(AUTHORIZATION_PATH)));
    set("token_endpoint", json!(issuer.url(TOKEN_PATH)));
    set("jwks_uri", json!(issuer.url(JWKS_PATH)));
    set("scopes_supported", scopes_supported(provider).await?);
    set("response_types_supported", json!(RESPONSE_TYPES));
    set(
        "response_modes_supported",
        ResponseMode::ALL.map(ResponseMode::as_str).into_iter().collect(),
    );
    set(
        "grant_types_supported",
        GrantType::ALL.map(GrantType::as_str).into_iter().collect(),
    );
    set("token_endpoint_auth_methods_supported", methods(|_| true));
    set(
        "token_endpoint_auth_signing_alg_values_supported",
        assertion_algs(),
    );
    set("introspection_endpoint", json!(issuer.url(INTROSPECTION_PATH)));
    // A client that proves nothing is told nothing (RFC 7662 §4).
    let introspection = methods(|method| method != AuthMethod::None);
    set("introspection_endpoint_auth_methods_supported", introspection);
    set(
        "introspection_endpoint_auth_signing_alg_values_supported",
        assertion_algs(),
    );
    set("revocation_endpoint", json!(issuer.url(REVOCATION_PATH)));
    set("revocation_endpoint_auth_methods_supported", methods(|_| true));
    set(
        "revocation_endpoint_auth_signing_alg_values_supported",
        assertion_algs(),
    );
    set("code_challenge_methods_supported", json!(CODE_CHALLENGE_METHODS));
    set("authorization_response_iss_parameter_supported", json!(true));
    Ok(document)
}

/// The client authentication methods that fit.
fn methods(fits: impl Fn(AuthMethod) -> bool) -> Value {
    let fitting = AuthMethod::ALL.into_iter().filter(|method| fits(*method));
    fitting.map(AuthMethod::as_str).collect()
}

/// What client assertions may be signed with.
fn assertion_algs() -> Value {
    JwsAlg::ALL.map(JwsAlg::as_str).into_iter().collect()
}

/// Defined scopes, but for those of administrators: a server may keep scopes to itself (RFC 8414 §2).
async fn scopes_supported(provider: &Provider) -> Result<Value, StorageError> {
    let defined = provider.storage.list_scopes().await?;
    Ok(defined
        .iter()
        .map(|scope| scope.name.as_str())
        .filter(|name| !scopes::is_admin(name))
        .collect())
}

/// Algorithms there is a key for.
fn algs(provider: &Provider) -> Value {
    provider
        .keys
        .load()
        .algs()
        .into_iter()
        .map(authly_core::key::SigningAlg::as_str)
        .collect()
}
