//! Grants, consents, authorization codes and refresh tokens: what a person allowed a client, and its bearer forms.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    claims_request::ClaimsRequest,
    ids::{ClientId, GrantId, SessionId, UserId},
    scope::ScopeSet,
    secret::TokenHash,
    time::Timestamp,
};

/// One authorization by one person to one client. All tokens issued from it form its family; revoking the grant,
/// one flag, kills them all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its identifier.
    pub id: GrantId,
    /// To whom.
    pub client_id: ClientId,
    /// By whom.
    pub user_id: UserId,
    /// What was allowed, `offline_access` included when agreed to.
    pub scope: ScopeSet,
    /// When the person last proved who they are (OIDC Core §2 `auth_time`).
    pub auth_time: Timestamp,
    /// Authentication methods (RFC 8176).
    pub amr: Vec<String>,
    /// Claims the request asked for one by one (OIDC Core §5.5), for every token and UserInfo answer of the family.
    pub claims: ClaimsRequest,
    /// The browser session it came from.
    pub session_id: Option<SessionId>,
    /// When it was given.
    pub created_at: Timestamp,
    /// No token of the family outlives this.
    pub expires_at: Timestamp,
    /// Set once: the family is dead.
    pub revoked_at: Option<Timestamp>,
}

impl Grant {
    /// Whether its tokens may still be used at `now`: not revoked, and not yet at its end.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// What a person agreed to for a client, remembered beyond one grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// By whom.
    pub user_id: UserId,
    /// For whom.
    pub client_id: ClientId,
    /// To what.
    pub scope: ScopeSet,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// An authorization code as stored (RFC 6749 §4.1.2): only its hash, bound to all that the request said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationCode {
    /// SHA-256 of the code.
    pub hash: TokenHash,
    /// The grant it stands for.
    pub grant_id: GrantId,
    /// The only client that may redeem it.
    pub client_id: ClientId,
    /// Compared with the token request's (RFC 6749 §4.1.3). `None`: the request named none.
    pub redirect_uri: String,
    /// Whether the authorization request itself carried `redirect_uri`.
    pub redirect_uri_given: bool,
    /// S256 challenge (RFC 7636 §4.3), if the request had one.
    pub code_challenge: Option<String>,
    /// `nonce` (OIDC Core §3.1.2.1).
    pub nonce: Option<String>,
    /// Granted scope.
    pub scope: ScopeSet,
    /// When issued.
    pub created_at: Timestamp,
    /// Not redeemable at or after this.
    pub expires_at: Timestamp,
    /// Set by the redemption that won.
    pub consumed_at: Option<Timestamp>,
}

/// An opaque access token as stored: only its hash, with what introspection and UserInfo say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAccessToken {
    /// SHA-256 of the token.
    pub hash: TokenHash,
    /// The family it belongs to; `None` when a client acts for itself.
    pub grant_id: Option<GrantId>,
    /// To whom it was issued.
    pub client_id: ClientId,
    /// The claims a JWT would carry, `jti`, `scope` and `aud` among them.
    pub claims: Map<String, Value>,
    /// When issued.
    pub created_at: Timestamp,
    /// Not good at or after this.
    pub expires_at: Timestamp,
    /// Set by its revocation (RFC 7009).
    pub revoked_at: Option<Timestamp>,
}

/// A refresh token as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// SHA-256 of the token.
    pub hash: TokenHash,
    /// Its family.
    pub grant_id: GrantId,
    /// The only client that may use it.
    pub client_id: ClientId,
    /// The scope of the original grant: narrowing at one refresh does not narrow the next (RFC 6749 §6).
    pub scope: ScopeSet,
    /// When issued.
    pub created_at: Timestamp,
    /// Not usable at or after this.
    pub expires_at: Timestamp,
    /// Set when it was rotated.
    pub consumed_at: Option<Timestamp>,
}
