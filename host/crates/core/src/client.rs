//! Registered clients (RFC 6749 §2, RFC 7591 §2 names).

use serde::{Deserialize, Serialize};

use crate::{ids::ClientId, key::SigningAlg, scope::ScopeSet, secret::TokenHash, time::Timestamp};

/// `token_endpoint_auth_method` (RFC 7591 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A public client: no secret, PKCE always.
    None,
    /// HTTP Basic, form-encoded (RFC 6749 §2.3.1).
    ClientSecretBasic,
    /// `client_id` and `client_secret` in the body.
    ClientSecretPost,
}

impl AuthMethod {
    /// Every method that is built, in the order discovery lists them.
    pub const ALL: [Self; 3] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::None];

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }

    /// By registered name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == text)
    }
}

/// `grant_types` a client may be registered for (RFC 7591 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
}

impl GrantType {
    /// Every grant type that is built.
    pub const ALL: [Self; 3] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
    ];

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// By registered name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.as_str() == text)
    }
}

/// A registered client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// `client_name`, shown to people; escaped by whoever renders it.
    pub name: String,
    /// How it authenticates at the token endpoint; the only way accepted.
    pub token_endpoint_auth_method: AuthMethod,
    /// SHA-256 of its generated secret; `None` for a public client.
    #[serde(skip)]
    pub secret_hash: Option<TokenHash>,
    /// `redirect_uris`, compared as exact strings but for the port of a loopback address.
    pub redirect_uris: Vec<String>,
    /// `post_logout_redirect_uris` (RP-Initiated Logout §3.1).
    pub post_logout_redirect_uris: Vec<String>,
    /// What it may ask for at the token endpoint.
    pub grant_types: Vec<GrantType>,
    /// The most it may be granted.
    pub scopes: ScopeSet,
    /// `aud` of its access tokens; the issuer when empty.
    pub audiences: Vec<String>,
    /// `id_token_signed_response_alg`; RS256 unless registered otherwise (OIDC Registration §2).
    pub id_token_signed_response_alg: SigningAlg,
    /// Algorithm of its access tokens; ES256 by default.
    pub access_token_signed_response_alg: SigningAlg,
    /// Operated by whoever operates the server: shown without its host.
    pub first_party: bool,
    /// `client_uri`.
    pub client_uri: Option<String>,
    /// `policy_uri`.
    pub policy_uri: Option<String>,
    /// `tos_uri`.
    pub tos_uri: Option<String>,
    /// Whether a refresh token is replaced at each use.
    pub rotate_refresh_tokens: bool,
    /// A disabled client is refused at every step, not only the first.
    pub enabled: bool,
    /// When it was registered.
    pub created_at: Timestamp,
}

impl Client {
    /// A client without credentials of its own (RFC 6749 §2.1).
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == AuthMethod::None
    }

    /// Whether it registered the grant type.
    pub fn allows(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(&grant_type)
    }
}
