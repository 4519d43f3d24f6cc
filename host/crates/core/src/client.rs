//! Registered clients (RFC 6749 §2, RFC 7591 §2 names).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    ids::ClientId,
    key::SigningAlg,
    scope::ScopeSet,
    secret::{SecretText, TokenHash},
    time::Timestamp,
};

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
    /// A JWT keyed with the client secret (RFC 7523 §2.2, OIDC Core §9).
    ClientSecretJwt,
    /// A JWT signed with a key of the client's own (RFC 7523 §2.2, OIDC Core §9).
    PrivateKeyJwt,
}

impl AuthMethod {
    /// Every method that is built, in the order discovery lists them.
    pub const ALL: [Self; 5] = [
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::ClientSecretJwt,
        Self::PrivateKeyJwt,
        Self::None,
    ];

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::ClientSecretJwt => "client_secret_jwt",
            Self::PrivateKeyJwt => "private_key_jwt",
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

/// Which `aud` a client's assertions may have (RFC 7523 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssertionAudience {
    /// The issuer or the URL of the endpoint it is sent to, alone or in a list (OIDC Core §9).
    #[default]
    IssuerOrEndpoint,
    /// The issuer, as a single string, and nothing else: what FAPI 2 demands (FAPI 2.0 SP §5.3.2.1).
    Issuer,
}

impl AssertionAudience {
    /// Every value, the default first.
    pub const ALL: [Self; 2] = [Self::IssuerOrEndpoint, Self::Issuer];

    /// The stored and typed name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IssuerOrEndpoint => "issuer_or_endpoint",
            Self::Issuer => "issuer",
        }
    }

    /// By name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == text)
    }
}

/// What a client's access tokens look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenFormat {
    /// A signed JWT that a resource server verifies by itself (RFC 9068).
    #[default]
    Jwt,
    /// 256 random bits that say nothing; resource servers ask by introspection (RFC 7662).
    Opaque,
}

impl AccessTokenFormat {
    /// Every format, the default first.
    pub const ALL: [Self; 2] = [Self::Jwt, Self::Opaque];

    /// The stored and typed name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Opaque => "opaque",
        }
    }

    /// By name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.as_str() == text)
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
    /// SHA-256 of its generated secret; `None` for a client without one.
    #[serde(skip)]
    pub secret_hash: Option<TokenHash>,
    /// The secret itself, only for a client that needs it as a key (`client_secret_jwt`); sealed at rest.
    #[serde(skip)]
    pub secret: Option<SecretText>,
    /// `jwks`: its public keys as the JSON text of a JWK Set (RFC 7517 §5). Never together with `jwks_uri`.
    pub jwks: Option<String>,
    /// `jwks_uri`: where its public keys are.
    pub jwks_uri: Option<String>,
    /// `token_endpoint_auth_signing_alg`: the one JOSE algorithm its assertions have; any of the method's when `None`.
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// Which `aud` its assertions may have.
    pub assertion_audience: AssertionAudience,
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
    /// The resources it answers for: it may introspect tokens of any client that name one of them in `aud`, beside its
    /// own (RFC 7662 §4).
    pub introspection_audiences: Vec<String>,
    /// `id_token_signed_response_alg`; RS256 unless registered otherwise (OIDC Registration §2).
    pub id_token_signed_response_alg: SigningAlg,
    /// Algorithm of its access tokens; ES256 by default.
    pub access_token_signed_response_alg: SigningAlg,
    /// What its access tokens look like.
    pub access_token_format: AccessTokenFormat,
    /// `userinfo_signed_response_alg`: UserInfo answers a signed JWT (OIDC Core §5.3.2); plain JSON when `None`.
    pub userinfo_signed_response_alg: Option<SigningAlg>,
    /// Life of its access tokens; the server's setting when `None`.
    pub access_token_ttl: Option<Duration>,
    /// Life of its ID tokens; the server's setting when `None`.
    pub id_token_ttl: Option<Duration>,
    /// Life of its unused refresh tokens; the server's setting when `None`.
    pub refresh_token_ttl: Option<Duration>,
    /// `default_max_age`, in seconds: used by requests without `max_age` (OIDC Registration §2).
    pub default_max_age: Option<u32>,
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
    /// When it was registered. A token from before is another registration's, though the `client_id` be the same.
    pub created_at: Timestamp,
    /// Raised by every update, which compares-and-sets on it: two operators cannot undo each other unheard.
    pub version: i64,
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
