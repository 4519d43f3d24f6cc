//! What a change leaves behind, stored in the same transaction as the change itself.

use crate::{audit::AuditEvent, secret::SecretBytes, time::Timestamp};

/// Everything a write verb stores beside its change. A verb with several outcomes takes one of these per outcome.
///
/// So audit, mail and cache invalidation can never disagree with the data.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Appended to the audit table.
    pub audit: Vec<AuditEvent>,
    /// Messages to deliver; the payload is sealed by storage.
    pub outbox: Vec<OutboxMessage>,
    /// What other nodes must forget.
    pub invalidations: Vec<Invalidation>,
}

impl Effects {
    /// No effect: for the outcomes in which nothing happened.
    pub fn none() -> Self {
        Self::default()
    }

    /// One audit event and nothing else.
    pub fn audited(event: AuditEvent) -> Self {
        Self {
            audit: vec![event],
            ..Self::default()
        }
    }

    /// These, and then the others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.audit.extend(others.audit);
        self.outbox.extend(others.outbox);
        self.invalidations.extend(others.invalidations);
        self
    }

    /// Adds an invalidation.
    #[must_use]
    pub fn invalidating(mut self, topic: Topic, key: impl Into<String>) -> Self {
        self.invalidations.push(Invalidation {
            topic,
            key: key.into(),
        });
        self
    }
}

/// A message to be delivered at least once after the change is durable.
#[derive(Clone, Debug)]
pub struct OutboxMessage {
    /// Which deliverer takes it.
    pub kind: String,
    /// What it needs; sealed at rest, emptied once sent, expired or dead.
    pub payload: SecretBytes,
    /// Not delivered after this.
    pub expires_at: Timestamp,
}

/// What kind of cached thing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A client's registration; the key is its `client_id`.
    Client,
    /// A scope; the key is its name.
    Scope,
    /// A signing key; the key is its kid.
    Key,
    /// A person; the key is the user id.
    User,
    /// A grant was revoked; the key is the grant id. Verbs that revoke several add one for each by themselves.
    Grant,
    /// An access token was revoked; the key is its `jti`.
    AccessToken,
    /// A plugin's desired state; the key is its name.
    Plugin,
}

impl Topic {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Scope => "scope",
            Self::Key => "key",
            Self::User => "user",
            Self::Grant => "grant",
            Self::AccessToken => "access_token",
            Self::Plugin => "plugin",
        }
    }

    /// By stored name.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Client,
            Self::Scope,
            Self::Key,
            Self::User,
            Self::Grant,
            Self::AccessToken,
            Self::Plugin,
        ]
        .into_iter()
        .find(|t| t.as_str() == text)
    }
}

/// One thing that caches must forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalidation {
    /// Kind of thing.
    pub topic: Topic,
    /// Which one.
    pub key: String,
}
