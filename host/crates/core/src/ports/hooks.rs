//! Hook ports: where an operator's policy enters the protocol.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::{
    client::Client, ids::SessionId, request::RequestContext, scope::ScopeSet, time::Timestamp, user::User,
};

/// Where claims go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimTarget {
    /// The ID token.
    IdToken,
    /// The access token.
    AccessToken,
    /// The UserInfo response.
    Userinfo,
}

impl ClaimTarget {
    /// The name in the plugin contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IdToken => "id-token",
            Self::AccessToken => "access-token",
            Self::Userinfo => "userinfo",
        }
    }

    /// By contract name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::IdToken, Self::AccessToken, Self::Userinfo]
            .into_iter()
            .find(|t| t.as_str() == text)
    }
}

/// Whom the claims are about.
#[derive(Clone, Debug)]
pub enum HookSubject {
    /// A person.
    User(Arc<User>),
    /// The client itself (`client_credentials`).
    Service(String),
}

/// The login behind the response, if there was one.
#[derive(Clone, Debug)]
pub struct HookSession {
    /// `sid`.
    pub id: Option<SessionId>,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Vec<String>,
}

/// What a claim mapper is told. One call serves all targets of a response.
#[derive(Clone, Debug)]
pub struct ClaimMapInput {
    /// The request.
    pub request: RequestContext,
    /// The issuer.
    pub issuer: String,
    /// The client.
    pub client: Arc<Client>,
    /// Whom the claims are about.
    pub subject: HookSubject,
    /// The login.
    pub session: Option<HookSession>,
    /// `authorization_code`, `refresh_token`, `client_credentials`; `userinfo` for a UserInfo call.
    pub grant_type: &'static str,
    /// Granted scope.
    pub scope: ScopeSet,
    /// Audience of the access token.
    pub audience: Vec<String>,
    /// Per target of this response, the claims computed so far. The keys are the targets.
    pub claims: BTreeMap<ClaimTarget, Map<String, Value>>,
}

/// Which plugin set or removed a claim, for `--dev` and logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimOrigin {
    /// Where.
    pub target: ClaimTarget,
    /// Which claim.
    pub claim: String,
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's own version.
    pub version: String,
    /// Hex digest of the candidate.
    pub digest: String,
    /// The generation that answered.
    pub generation: i64,
}

/// The claims after every mapper.
#[derive(Clone, Debug, Default)]
pub struct MappedClaims {
    /// Per target, all claims: those computed before and the patches applied. Claims that the protocol owns are as
    /// they came in.
    pub claims: BTreeMap<ClaimTarget, Map<String, Value>>,
    /// Who changed what.
    pub origins: Vec<ClaimOrigin>,
}

/// A hook could not answer. The use case fails closed and nothing is spent.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HookError {
    /// The hook is overloaded or a dependency of it is away: the client may try again (503).
    #[error("hook {plugin} is unavailable: {reason}")]
    Unavailable {
        /// Which plugin.
        plugin: String,
        /// For the log.
        reason: String,
    },
    /// The hook failed: a trap, a limit, a malformed answer (500).
    #[error("hook {plugin} failed: {reason}")]
    Failed {
        /// Which plugin.
        plugin: String,
        /// For the log.
        reason: String,
    },
}

/// The claim-mapper hook.
#[async_trait]
pub trait ClaimMapper: Send + Sync {
    /// Runs every bound mapper in order and applies their patches.
    ///
    /// # Errors
    /// [`HookError`] when a mapper that is not optional failed; nothing of the response may be sent then.
    async fn map_claims(&self, input: ClaimMapInput) -> Result<MappedClaims, HookError>;
}
