//! Audit events. Every name that may appear in the audit table is listed here and only here.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ids::{ClientId, GrantId},
    request::RequestContext,
    time::Timestamp,
};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum AuditAction {
    /// A person signed in.
    LoginSucceeded,
    /// A failed sign-in. Names the person when the account exists; recorded without a person when it does not, so
    /// that both answers cost the same writes.
    LoginFailed,
    /// A person allowed a client these scopes.
    ConsentGranted {
        /// Space-delimited scope.
        scope: String,
    },
    /// A person refused.
    ConsentDenied,
    /// An authorization code was issued.
    CodeIssued {
        /// The grant it stands for.
        grant_id: GrantId,
    },
    /// A code was exchanged for tokens.
    CodeRedeemed {
        /// Its grant.
        grant_id: GrantId,
    },
    /// A spent code was presented again; the grant was revoked.
    CodeReplayed {
        /// Its grant.
        grant_id: GrantId,
    },
    /// A refresh token was rotated.
    RefreshRotated {
        /// Its grant.
        grant_id: GrantId,
    },
    /// A spent refresh token was presented again; the grant was revoked.
    RefreshReplayed {
        /// Its grant.
        grant_id: GrantId,
    },
    /// A client was registered.
    ClientCreated,
    /// A client's registration changed.
    ClientUpdated,
    /// A client got a new secret.
    ClientSecretRotated,
    /// A client was deleted, and its grants with it.
    ClientDeleted,
    /// A client was enabled or disabled.
    ClientEnabled {
        /// The new state.
        enabled: bool,
    },
    /// An account was made.
    UserCreated,
    /// An account changed: its name, claims, groups or flags.
    UserUpdated,
    /// An account was deleted.
    UserDeleted,
    /// A password was changed by its owner, or set by an operator.
    PasswordChanged,
    /// A password change was refused because the current password was wrong.
    PasswordChangeRefused,
    /// An account was enabled or disabled.
    UserEnabled {
        /// The new state.
        enabled: bool,
    },
    /// A person took back what they had agreed to for a client.
    ConsentWithdrawn,
    /// An access token was revoked by its client.
    AccessTokenRevoked,
    /// A person's grants were revoked, all of them or those of one client.
    GrantsRevoked,
    /// A grant was revoked.
    GrantRevoked {
        /// Which.
        grant_id: GrantId,
    },
    /// A session ended.
    SessionEnded,
    /// A scope's description or default changed.
    ScopeUpdated {
        /// Its name.
        scope: String,
    },
    /// A scope is defined no longer.
    ScopeDeleted {
        /// Its name.
        scope: String,
    },
    /// A scope was defined.
    ScopeCreated {
        /// Its name.
        scope: String,
    },
    /// A signing key was generated.
    KeyCreated {
        /// Its kid.
        kid: String,
    },
    /// A signing key began to sign; the one before it retires.
    KeyActivated {
        /// Its kid.
        kid: String,
    },
    /// A signing key is published no longer.
    KeyRemoved {
        /// Its kid.
        kid: String,
    },
    /// A plugin candidate became the desired one.
    PluginActivated {
        /// The plugin's name.
        plugin: String,
        /// Hex digest.
        digest: String,
        /// The generation it became.
        generation: i64,
    },
    /// A plugin candidate was refused.
    PluginRejected {
        /// The plugin's name.
        plugin: String,
        /// Hex digest.
        digest: String,
        /// Why, in plain words.
        reason: String,
    },
}

/// One audit event. People appear by pseudonym only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: AuditAction,
    /// The person concerned, by the pseudonym of their account.
    pub pseudonym: Option<Uuid>,
    /// The client concerned.
    pub client_id: Option<ClientId>,
    /// The request it happened in; `None` for the command line and the server itself.
    pub request_id: Option<String>,
}

impl AuditEvent {
    /// An event of the command line or of the server itself.
    pub fn internal(at: Timestamp, action: AuditAction) -> Self {
        Self {
            at,
            action,
            pseudonym: None,
            client_id: None,
            request_id: None,
        }
    }

    /// An event of a request.
    pub fn of(request: &RequestContext, action: AuditAction) -> Self {
        Self {
            at: request.now,
            action,
            pseudonym: None,
            client_id: None,
            request_id: Some(request.request_id.clone()),
        }
    }

    /// Names the person.
    #[must_use]
    pub fn person(mut self, pseudonym: Uuid) -> Self {
        self.pseudonym = Some(pseudonym);
        self
    }

    /// Names the client.
    #[must_use]
    pub fn client(mut self, client_id: &ClientId) -> Self {
        self.client_id = Some(client_id.clone());
        self
    }
}
