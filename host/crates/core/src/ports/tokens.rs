//! Spending: codes, refresh tokens, and the grant flag that kills a family.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::StorageResult;
use crate::{
    effects::Effects,
    grant::{AuthorizationCode, Grant, RefreshToken, StoredAccessToken},
    ids::GrantId,
    secret::{SecretBytes, TokenHash},
    time::Timestamp,
    user::User,
};

/// A code with its grant and its person, read before anything is checked or spent.
#[derive(Clone, Debug)]
pub struct LoadedCode {
    /// The code, spent or not, expired or not.
    pub code: AuthorizationCode,
    /// Its grant.
    pub grant: Grant,
    /// Whose grant it is, enabled or not.
    pub user: Arc<User>,
}

/// The last step of the code grant.
#[derive(Clone, Debug)]
pub struct Redemption {
    /// SHA-256 of the code.
    pub hash: TokenHash,
    /// The refresh token to store with it, if one is issued.
    pub refresh_token: Option<RefreshToken>,
    /// The opaque access token to store with it, for a client that has those.
    pub access_token: Option<StoredAccessToken>,
    /// When.
    pub now: Timestamp,
}

/// Effects by outcome.
#[derive(Clone, Debug, Default)]
pub struct RedeemEffects {
    /// Stored when this call spent the code.
    pub redeemed: Effects,
    /// Stored when the code had been spent: the grant is revoked with it.
    pub replayed: Effects,
}

/// What the database decided about a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedeemOutcome {
    /// This call spent it; the refresh token is stored.
    Redeemed,
    /// It had been spent: the grant is revoked now (RFC 6749 §4.1.2).
    Replayed {
        /// The grant that died.
        grant_id: GrantId,
    },
    /// No such code.
    Unknown,
    /// Too late.
    Expired,
    /// Its grant is revoked.
    Revoked,
}

/// Authorization codes.
#[async_trait]
pub trait CodeStore: Send + Sync {
    /// The code, its grant and its person: a grant goes with its person.
    async fn load_code(&self, hash: &TokenHash) -> StorageResult<Option<LoadedCode>>;
    /// Spends the code, once: among any number of concurrent calls exactly one is answered `Redeemed`.
    async fn redeem_code(
        &self,
        redemption: Redemption,
        effects: RedeemEffects,
    ) -> StorageResult<RedeemOutcome>;
}

/// A refresh token with its grant and its person, read before anything is checked or spent.
#[derive(Clone, Debug)]
pub struct LoadedRefresh {
    /// The token, used or not, expired or not.
    pub token: RefreshToken,
    /// Its grant.
    pub grant: Grant,
    /// Whose grant it is, enabled or not.
    pub user: Arc<User>,
}

/// The last step of a refresh by rotation.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// SHA-256 of the presented token.
    pub hash: TokenHash,
    /// The successor to store.
    pub successor: RefreshToken,
    /// The nonce from which, with the presented token, the successor was derived; sealed with the presented token's
    /// row, and erased when the successor is used or the grace ends.
    pub nonce: SecretBytes,
    /// The opaque access token to store with it, for a client that has those: when rotated and when retried.
    pub access_token: Option<StoredAccessToken>,
    /// How long after its rotation a token may be presented again by the same client.
    pub grace: Duration,
    /// When.
    pub now: Timestamp,
}

/// Effects by outcome.
#[derive(Clone, Debug, Default)]
pub struct RotateEffects {
    /// Stored when this call rotated.
    pub rotated: Effects,
    /// Stored on a replay: the grant is revoked with it.
    pub replayed: Effects,
}

/// What the database decided about a refresh token.
#[derive(Clone, Debug)]
pub enum RotateOutcome {
    /// This call rotated it (or, without rotation, may use it).
    Rotated,
    /// It was rotated moments ago and its successor is unused: derive the same successor from this nonce.
    Retried {
        /// The nonce of the first rotation.
        nonce: SecretBytes,
    },
    /// It was rotated too long ago, or its successor was used: the grant is revoked now (RFC 9700 §4.14.2).
    Replayed {
        /// The grant that died.
        grant_id: GrantId,
    },
    /// No such token.
    Unknown,
    /// Too late.
    Expired,
    /// Its grant is revoked or expired.
    Revoked,
}

/// Refresh tokens.
#[async_trait]
pub trait RefreshStore: Send + Sync {
    /// The token, its grant and its person: a grant goes with its person.
    async fn load_refresh(&self, hash: &TokenHash) -> StorageResult<Option<LoadedRefresh>>;
    /// Rotates, once: concurrent calls within the grace all lead to the one successor.
    async fn rotate_refresh(
        &self,
        rotation: Rotation,
        effects: RotateEffects,
    ) -> StorageResult<RotateOutcome>;
    /// Use without rotation (per-client policy): checks at the database that the token and its grant still live. A
    /// token that was rotated, under a policy of before, is judged as by [`rotate_refresh`](Self::rotate_refresh).
    async fn use_refresh(
        &self,
        hash: &TokenHash,
        access_token: Option<StoredAccessToken>,
        now: Timestamp,
        effects: RotateEffects,
    ) -> StorageResult<RotateOutcome>;
}

/// Access tokens that storage knows: the opaque ones, and the JWTs that were revoked before their end.
#[async_trait]
pub trait AccessTokenStore: Send + Sync {
    /// Stores an opaque token of a client that acts for itself; people's are stored by the verb that spends.
    async fn store_access_token(&self, token: &StoredAccessToken, effects: Effects) -> StorageResult<()>;
    /// The opaque token, revoked or not, expired or not.
    async fn load_access_token(&self, hash: &TokenHash) -> StorageResult<Option<StoredAccessToken>>;
    /// Revokes an opaque token; `false` when it was already, or there is none.
    async fn revoke_access_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool>;
    /// Remembers, until the token's own end, that the JWT of this `jti` is revoked; `false` when it was already.
    async fn revoke_jti(&self, jti: &str, expires_at: Timestamp, effects: Effects) -> StorageResult<bool>;
    /// How a presented access token stands: asked at every use of one, so in one round trip, and remembered where it
    /// may be. `jti` is a JWT's own, `None` for an opaque token, which carries its flag itself.
    async fn load_standing(&self, jti: Option<&str>, grant: Option<GrantId>) -> StorageResult<Standing>;
}

/// What storage knows against and about a presented access token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// Whether the JWT of this `jti` was revoked. Not told beside a grant that is gone: nothing of it is left to use.
    pub is_jti_revoked: bool,
    /// The grant that was asked for, revoked or not, and its person; `None` when either is gone.
    pub person: Option<(Arc<Grant>, Arc<User>)>,
}

/// What may be used once.
#[async_trait]
pub trait ReplayStore: Send + Sync {
    /// Whether this is the first time that `key` is presented in `namespace`; the database decides among any number of
    /// concurrent calls. Forgotten after `expires_at`, which must not be before the end of what `key` names.
    async fn claim_once(
        &self,
        namespace: ReplayNamespace,
        key: &TokenHash,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> StorageResult<bool>;
}

/// Kinds of things that may be used once; none can use up another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayNamespace {
    /// `jti` of client assertions, hashed with the `client_id` (RFC 7523 §3).
    ClientAssertion,
}

impl ReplayNamespace {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientAssertion => "client_assertion",
        }
    }
}

/// Grants.
#[async_trait]
pub trait GrantStore: Send + Sync {
    /// The grant, revoked or not.
    async fn load_grant(&self, id: GrantId) -> StorageResult<Option<Arc<Grant>>>;
    /// Sets the flag; `false` when it was set already or there is no such grant.
    async fn revoke_grant(&self, id: GrantId, now: Timestamp, effects: Effects) -> StorageResult<bool>;
}
