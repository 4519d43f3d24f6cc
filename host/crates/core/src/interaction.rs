//! The persisted state of one authorization in one browser (design: every page of a flow resumes through it).

use serde::{Deserialize, Serialize};

use crate::{
    authorization::AuthorizationRequest,
    ids::{SessionId, UserId},
    secret::TokenHash,
    time::Timestamp,
};

/// Who signed in for this interaction, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// The browser session it happened in.
    pub session_id: SessionId,
    /// Who.
    pub user_id: UserId,
    /// When they last proved who they are.
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Vec<String>,
}

/// Where an interaction stands. Transitions are methods of [`Interaction`]; storage compares-and-sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum InteractionState {
    /// Nobody has signed in for it yet.
    Pending,
    /// Somebody signed in for this very request: `prompt=login` and `max_age` are satisfied.
    Authenticated {
        /// Who and when.
        authentication: Authentication,
    },
    /// The consent page was shown to this person.
    Consent {
        /// Who and when.
        authentication: Authentication,
    },
    /// A code was issued. Final.
    Done,
    /// The person said no. Final.
    Denied,
}

/// One authorization request on its way through one browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interaction {
    /// SHA-256 of the id in the page's URL.
    pub hash: TokenHash,
    /// SHA-256 of the browser-binding cookie; `None` until the first GET, for requests that arrived by cross-site POST.
    pub browser: Option<TokenHash>,
    /// What the client asked for.
    pub request: AuthorizationRequest,
    /// Where it stands.
    pub state: InteractionState,
    /// Compare-and-set counter: a transition from a stale version does nothing.
    pub version: i64,
    /// When the request arrived.
    pub created_at: Timestamp,
    /// After this it restarts.
    pub expires_at: Timestamp,
}

/// A transition that the current state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the interaction is finished")]
pub struct Finished;

impl Interaction {
    /// The authentication made for this interaction, if any.
    pub fn authentication(&self) -> Option<&Authentication> {
        match &self.state {
            InteractionState::Authenticated { authentication }
            | InteractionState::Consent { authentication } => Some(authentication),
            InteractionState::Pending | InteractionState::Done | InteractionState::Denied => None,
        }
    }

    /// Whether a final state was reached.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, InteractionState::Done | InteractionState::Denied)
    }

    /// `Pending | Authenticated | Consent → Authenticated`: a person signed in (again, or as somebody else).
    ///
    /// # Errors
    /// [`Finished`] from a final state.
    pub fn authenticated(&self, authentication: Authentication) -> Result<InteractionState, Finished> {
        if self.is_finished() {
            return Err(Finished);
        }
        Ok(InteractionState::Authenticated { authentication })
    }

    /// `Pending | Authenticated | Consent → Consent`: the consent page is being shown to this person.
    ///
    /// # Errors
    /// [`Finished`] from a final state.
    pub fn asking_consent(&self, authentication: Authentication) -> Result<InteractionState, Finished> {
        if self.is_finished() {
            return Err(Finished);
        }
        Ok(InteractionState::Consent { authentication })
    }
}
