//! Registering a client (RFC 7591 §2 names): what an operator asked for becomes a [`Client`] that can do no harm, or
//! a message that says which field to change.

mod check;
mod error;
mod keys;
mod redirect_uri;
mod secret;
#[cfg(test)]
mod tests;
mod update;

use std::time::Duration;

use authly_core::{
    AuditAction, AuditEvent, Effects, Rng, SecretText, StorageError, Timestamp, Topic,
    client::Client,
    ports::{ScopeDefinition, TenantStorage},
};

pub use error::{ClientError, CreateClientError};
pub use redirect_uri::{RedirectUriError, check_redirect_uri};
pub use secret::{SECRET_LENGTH_MAX, SECRET_LENGTH_MIN};
pub use update::{delete_client, rotate_secret, set_client_enabled, update_client};

/// The most redirect URIs, and the most post-logout redirect URIs, of one client.
pub const REDIRECT_URIS_MAX: usize = 50;
/// The most audiences of one client: each is in every token.
pub const AUDIENCES_MAX: usize = 10;
/// The longest audience, in bytes.
pub const AUDIENCE_LENGTH_MAX: usize = 255;
/// The longest name, in characters.
pub const NAME_LENGTH_MAX: usize = 100;

/// What an operator asks for, as typed. Empty texts are no values.
#[derive(Clone, Debug, Default)]
pub struct NewClient {
    /// `client_id`; generated when `None`.
    pub id: Option<String>,
    /// `client_name`; the `client_id` when `None`.
    pub name: Option<String>,
    /// `token_endpoint_auth_method`; `client_secret_basic` when `None` (RFC 7591 §2).
    pub token_endpoint_auth_method: Option<String>,
    /// A secret of the operator's own; generated when `None` and the method needs one.
    pub secret: Option<SecretText>,
    /// `redirect_uris`.
    pub redirect_uris: Vec<String>,
    /// `post_logout_redirect_uris`.
    pub post_logout_redirect_uris: Vec<String>,
    /// `grant_types`; `authorization_code` when empty (RFC 7591 §2).
    pub grant_types: Vec<String>,
    /// `scope`: one or more scopes per entry.
    pub scopes: Vec<String>,
    /// `aud` of its access tokens.
    pub audiences: Vec<String>,
    /// `id_token_signed_response_alg`; RS256 when `None` (OIDC Registration §2).
    pub id_token_signed_response_alg: Option<String>,
    /// Algorithm of its access tokens; ES256 when `None`.
    pub access_token_signed_response_alg: Option<String>,
    /// Operated by whoever operates the server.
    pub first_party: bool,
    /// `client_uri`.
    pub client_uri: Option<String>,
    /// `policy_uri`.
    pub policy_uri: Option<String>,
    /// `tos_uri`.
    pub tos_uri: Option<String>,
    /// Keep one refresh token for the life of the grant instead of replacing it at each use. Not for public clients.
    pub keep_refresh_tokens: bool,
    /// `jwks`: the JSON text of a JWK Set with public keys, for `private_key_jwt`.
    pub jwks: Option<String>,
    /// `jwks_uri`: where they are, instead.
    pub jwks_uri: Option<String>,
    /// `token_endpoint_auth_signing_alg`; any of the method's when `None`.
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// Which `aud` its assertions may have; the issuer or the endpoint when `None`.
    pub assertion_audience: Option<String>,
    /// Resources whose tokens it may introspect.
    pub introspection_audiences: Vec<String>,
    /// `jwt` or `opaque`; `jwt` when `None`.
    pub access_token_format: Option<String>,
    /// `userinfo_signed_response_alg`; plain JSON when `None`.
    pub userinfo_signed_response_alg: Option<String>,
    /// Life of its access tokens; the server's when `None`.
    pub access_token_ttl: Option<Duration>,
    /// Life of its ID tokens; the server's when `None`.
    pub id_token_ttl: Option<Duration>,
    /// Life of its unused refresh tokens; the server's when `None`.
    pub refresh_token_ttl: Option<Duration>,
    /// `default_max_age`, in seconds.
    pub default_max_age: Option<u32>,
}

/// A registration as if it were typed anew, but for its secret: an update changes what it wants to and is checked by
/// the same rules.
impl From<&Client> for NewClient {
    fn from(client: &Client) -> Self {
        Self {
            id: Some(client.id.to_string()),
            name: Some(client.name.clone()),
            token_endpoint_auth_method: Some(client.token_endpoint_auth_method.as_str().to_owned()),
            secret: None,
            redirect_uris: client.redirect_uris.clone(),
            post_logout_redirect_uris: client.post_logout_redirect_uris.clone(),
            grant_types: client.grant_types.iter().map(|g| g.as_str().to_owned()).collect(),
            scopes: vec![client.scopes.to_string()],
            audiences: client.audiences.clone(),
            id_token_signed_response_alg: Some(client.id_token_signed_response_alg.as_str().to_owned()),
            access_token_signed_response_alg: Some(
                client.access_token_signed_response_alg.as_str().to_owned(),
            ),
            first_party: client.first_party,
            client_uri: client.client_uri.clone(),
            policy_uri: client.policy_uri.clone(),
            tos_uri: client.tos_uri.clone(),
            keep_refresh_tokens: !client.rotate_refresh_tokens,
            jwks: client.jwks.clone(),
            jwks_uri: client.jwks_uri.clone(),
            token_endpoint_auth_signing_alg: client.token_endpoint_auth_signing_alg.clone(),
            assertion_audience: Some(client.assertion_audience.as_str().to_owned()),
            introspection_audiences: client.introspection_audiences.clone(),
            access_token_format: Some(client.access_token_format.as_str().to_owned()),
            userinfo_signed_response_alg: client
                .userinfo_signed_response_alg
                .map(|alg| alg.as_str().to_owned()),
            access_token_ttl: client.access_token_ttl,
            id_token_ttl: client.id_token_ttl,
            refresh_token_ttl: client.refresh_token_ttl,
            default_max_age: client.default_max_age,
        }
    }
}

/// A registered client, and its secret to be shown once.
#[derive(Clone, Debug)]
pub struct RegisteredClient {
    /// The client.
    pub client: Client,
    /// The secret, when it was generated here.
    pub generated_secret: Option<SecretText>,
}

/// Checks and stores a client.
///
/// # Errors
/// [`CreateClientError`]; nothing was stored.
pub async fn create_client(
    storage: &dyn TenantStorage,
    new: NewClient,
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<RegisteredClient, CreateClientError> {
    let defined = storage.list_scopes().await.map_err(CreateClientError::Storage)?;
    let registered = check_new(new, &defined, now, rng)?;
    let client = &registered.client;
    let audit = AuditEvent::internal(now, AuditAction::ClientCreated).client(&client.id);
    // Whoever asked before may have cached that there is no such client.
    let effects = Effects::audited(audit).invalidating(Topic::Client, client.id.as_str());
    storage
        .create_client(client, effects)
        .await
        .map_err(|error| match error {
            StorageError::Conflict(_) => CreateClientError::Taken(client.id.clone()),
            other => CreateClientError::Storage(other),
        })?;
    Ok(registered)
}

/// Checks everything that does not need the database's word.
fn check_new(
    mut new: NewClient,
    defined: &[ScopeDefinition],
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<RegisteredClient, CreateClientError> {
    let mut client = check::check_client(&new, defined, now, rng)?;
    let secret = secret::check_secret(client.token_endpoint_auth_method, new.secret.take(), rng)?;
    let generated_secret = secret.generated.clone();
    secret.give_to(&mut client);
    Ok(RegisteredClient {
        client,
        generated_secret,
    })
}
