//! Registering a client (RFC 7591 §2 names): what an operator asked for becomes a [`Client`] that can do no harm, or
//! a message that says which field to change.

mod error;
mod redirect_uri;
mod secret;
#[cfg(test)]
mod tests;

use authly_core::{
    AuditAction, AuditEvent, ClientId, Effects, Rng, ScopeSet, SecretText, StorageError, Timestamp, Topic,
    client::{AccessTokenFormat, AssertionAudience, AuthMethod, Client, GrantType},
    key::SigningAlg,
    ports::{ScopeDefinition, TenantStorage},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::issuer::is_loopback_host;

pub use error::CreateClientError;
pub use redirect_uri::{RedirectUriError, check_redirect_uri};
pub use secret::{SECRET_LENGTH_MAX, SECRET_LENGTH_MIN};

/// The most redirect URIs, and the most post-logout redirect URIs, of one client.
pub const REDIRECT_URIS_MAX: usize = 50;
/// The most audiences of one client: each is in every token.
pub const AUDIENCES_MAX: usize = 10;
/// The longest audience, in bytes.
pub const AUDIENCE_LENGTH_MAX: usize = 255;
/// The longest name, in characters.
pub const NAME_LENGTH_MAX: usize = 100;

/// What an operator asks for, as typed.
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
    let registered = check_client(new, &defined, now, rng)?;
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
fn check_client(
    new: NewClient,
    defined: &[ScopeDefinition],
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<RegisteredClient, CreateClientError> {
    let id = check_id(new.id.as_deref(), rng)?;
    let method = check_auth_method(new.token_endpoint_auth_method.as_deref())?;
    let grant_types = check_grant_types(&new.grant_types, method)?;
    check_uris("redirect_uri", &new.redirect_uris)?;
    check_uris("post_logout_redirect_uri", &new.post_logout_redirect_uris)?;
    if grant_types.contains(&GrantType::AuthorizationCode) && new.redirect_uris.is_empty() {
        return Err(CreateClientError::NoRedirectUri);
    }
    // A stolen refresh token of a public client works for whoever holds it; only rotation shows that it was stolen
    // (RFC 9700 §2.2.2, §4.14.2).
    if new.keep_refresh_tokens && method == AuthMethod::None {
        return Err(CreateClientError::KeptByPublicClient);
    }
    let secret = secret::check_secret(method, new.secret, rng)?;
    let client = Client {
        name: check_name(new.name.as_deref(), &id)?,
        token_endpoint_auth_method: method,
        secret_hash: secret.hash,
        secret: None,
        jwks: None,
        jwks_uri: None,
        token_endpoint_auth_signing_alg: None,
        assertion_audience: AssertionAudience::default(),
        redirect_uris: new.redirect_uris,
        post_logout_redirect_uris: new.post_logout_redirect_uris,
        grant_types,
        scopes: check_scopes(&new.scopes, defined)?,
        audiences: check_audiences(new.audiences)?,
        introspection_audiences: Vec::new(),
        access_token_format: AccessTokenFormat::default(),
        userinfo_signed_response_alg: None,
        access_token_ttl: None,
        id_token_ttl: None,
        refresh_token_ttl: None,
        default_max_age: None,
        id_token_signed_response_alg: check_alg(
            "id_token_signed_response_alg",
            new.id_token_signed_response_alg.as_deref(),
            SigningAlg::Rs256,
        )?,
        access_token_signed_response_alg: check_alg(
            "access_token_signed_response_alg",
            new.access_token_signed_response_alg.as_deref(),
            SigningAlg::Es256,
        )?,
        first_party: new.first_party,
        client_uri: check_link("client_uri", new.client_uri)?,
        policy_uri: check_link("policy_uri", new.policy_uri)?,
        tos_uri: check_link("tos_uri", new.tos_uri)?,
        rotate_refresh_tokens: !new.keep_refresh_tokens,
        enabled: true,
        created_at: now,
        version: 0,
        id,
    };
    Ok(RegisteredClient {
        client,
        generated_secret: secret.generated,
    })
}

/// The asked-for identifier, or 128 random bits: nobody's to guess, and never a person's UUID.
fn check_id(id: Option<&str>, rng: &dyn Rng) -> Result<ClientId, CreateClientError> {
    let id = id.map_or_else(
        || {
            let mut random = [0u8; 16];
            rng.fill(&mut random);
            format!("client_{}", URL_SAFE_NO_PAD.encode(random))
        },
        str::to_owned,
    );
    ClientId::parse(&id).map_err(|_| CreateClientError::Id)
}

fn check_name(name: Option<&str>, id: &ClientId) -> Result<String, CreateClientError> {
    let name = name.unwrap_or(id.as_str()).trim();
    // A generated or long client_id may stand in for a name; a typed name may not be that long.
    let length = name.chars().count();
    let fits = length > 0 && (length <= NAME_LENGTH_MAX || name == id.as_str());
    if fits && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err(CreateClientError::Name)
    }
}

fn check_auth_method(method: Option<&str>) -> Result<AuthMethod, CreateClientError> {
    let Some(text) = method else {
        return Ok(AuthMethod::ClientSecretBasic);
    };
    AuthMethod::parse(text).ok_or_else(|| CreateClientError::Unsupported {
        field: "token_endpoint_auth_method",
        value: text.to_owned(),
        choices: AuthMethod::ALL.map(AuthMethod::as_str).join(", "),
    })
}

fn check_alg(
    field: &'static str,
    alg: Option<&str>,
    default: SigningAlg,
) -> Result<SigningAlg, CreateClientError> {
    let Some(text) = alg else { return Ok(default) };
    SigningAlg::parse(text).ok_or_else(|| CreateClientError::Unsupported {
        field,
        value: text.to_owned(),
        choices: SigningAlg::ALL.map(SigningAlg::as_str).join(", "),
    })
}

/// Grant types that are built, each once, and that fit together.
fn check_grant_types(names: &[String], method: AuthMethod) -> Result<Vec<GrantType>, CreateClientError> {
    let mut grants = Vec::new();
    for name in names {
        let grant = GrantType::parse(name).ok_or_else(|| CreateClientError::Unsupported {
            field: "grant_type",
            value: name.clone(),
            choices: GrantType::ALL.map(GrantType::as_str).join(", "),
        })?;
        if !grants.contains(&grant) {
            grants.push(grant);
        }
    }
    if grants.is_empty() {
        grants.push(GrantType::AuthorizationCode);
    }
    if method == AuthMethod::None && grants.contains(&GrantType::ClientCredentials) {
        let why = "it is for clients with a secret (RFC 6749 section 4.4); choose another token_endpoint_auth_method";
        return Err(CreateClientError::GrantType {
            grant: "client_credentials",
            why,
        });
    }
    if grants.contains(&GrantType::RefreshToken) && !grants.contains(&GrantType::AuthorizationCode) {
        let why = "refresh tokens come from the authorization code flow; add grant_type authorization_code";
        return Err(CreateClientError::GrantType {
            grant: "refresh_token",
            why,
        });
    }
    Ok(grants)
}

fn check_uris(field: &'static str, uris: &[String]) -> Result<(), CreateClientError> {
    if uris.len() > REDIRECT_URIS_MAX {
        return Err(CreateClientError::TooMany {
            field,
            max: REDIRECT_URIS_MAX,
        });
    }
    for uri in uris {
        check_redirect_uri(uri).map_err(|why| CreateClientError::RedirectUri {
            field,
            uri: uri.clone(),
            why,
        })?;
    }
    Ok(())
}

fn check_scopes(scopes: &[String], defined: &[ScopeDefinition]) -> Result<ScopeSet, CreateClientError> {
    let scopes = ScopeSet::parse(&scopes.join(" ")).map_err(|_| CreateClientError::Scope)?;
    if scopes.is_empty() {
        return Err(CreateClientError::Scope);
    }
    let undefined = scopes
        .iter()
        .find(|s| !defined.iter().any(|d| d.name == s.as_str()));
    undefined.map_or(Ok(()), |scope| {
        Err(CreateClientError::UndefinedScope(scope.to_string()))
    })?;
    Ok(scopes)
}

fn check_audiences(audiences: Vec<String>) -> Result<Vec<String>, CreateClientError> {
    if audiences.len() > AUDIENCES_MAX {
        return Err(CreateClientError::TooMany {
            field: "audience",
            max: AUDIENCES_MAX,
        });
    }
    let printable =
        |a: &str| (1..=AUDIENCE_LENGTH_MAX).contains(&a.len()) && a.bytes().all(|b| b.is_ascii_graphic());
    match audiences.iter().find(|a| !printable(a)) {
        Some(bad) => Err(CreateClientError::Audience(bad.clone())),
        None => Ok(audiences),
    }
}

/// A link that pages show: nothing but https, so that a click cannot run script or leak in the clear; http on this
/// machine, where nothing leaks, for development.
fn check_link(field: &'static str, uri: Option<String>) -> Result<Option<String>, CreateClientError> {
    let Some(uri) = uri else { return Ok(None) };
    let url = url::Url::parse(&uri)
        .ok()
        .filter(|u| u.has_host() && (u.scheme() == "https" || u.scheme() == "http" && is_loopback_host(u)));
    if url.is_none() || uri.len() > redirect_uri::LENGTH_MAX {
        return Err(CreateClientError::Link { field, uri });
    }
    Ok(Some(uri))
}
