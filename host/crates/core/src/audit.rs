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
    /// A client was enabled or disabled.
    ClientEnabled {
        /// The new state.
        enabled: bool,
    },
    /// An account was made.
    UserCreated,
    /// An account was enabled or disabled.
    UserEnabled {
        /// The new state.
        enabled: bool,
    },
    /// A grant was revoked.
    GrantRevoked {
        /// Which.
        grant_id: GrantId,
    },
    /// A session ended.
    SessionEnded,
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
