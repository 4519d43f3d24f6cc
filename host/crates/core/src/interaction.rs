//! The persisted state of one authorization in one browser (design: every page of a flow resumes through it).

use serde::{Deserialize, Serialize};

use crate::{
    authorization::AuthorizationRequest,
    ids::{SessionId, UserId},
    scope::ScopeSet,
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

/// Who said the right password, but must choose another one before they are signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordProof {
    /// Who.
    pub user_id: UserId,
    /// When the password they said was set: another one since, and the proof is worth nothing.
    pub password_changed_at: Option<Timestamp>,
}

/// Where an interaction stands. Transitions are methods of [`Interaction`]; storage compares-and-sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum InteractionState {
    /// Nobody has signed in for it yet.
    Pending,
    /// Somebody said the right password and must choose a new one first: nobody has signed in.
    NewPassword {
        /// Who, by which password.
        proof: PasswordProof,
    },
    /// Somebody signed in for this very request: `prompt=login` and `max_age` are satisfied.
    Authenticated {
        /// Who and when.
        authentication: Authentication,
    },
    /// The person chose to go on as who they were signed in as: `prompt=select_account` is satisfied, `prompt=login` is
    /// not.
    Selected {
        /// Who and when, as the browser's session had it.
        authentication: Authentication,
    },
    /// The consent page was shown to this person.
    Consent {
        /// Who and when.
        authentication: Authentication,
        /// What the page listed: exactly this is granted, whatever changes before the answer.
        scope: ScopeSet,
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
    /// The authentication made for this interaction, if any: not one that the browser brought along, which the consent
    /// page is shown to as well.
    pub fn authentication(&self) -> Option<&Authentication> {
        match &self.state {
            InteractionState::Authenticated { authentication }
            | InteractionState::Consent { authentication, .. } => {
                Some(authentication).filter(|a| a.auth_time >= self.created_at)
            }
            InteractionState::Pending
            | InteractionState::NewPassword { .. }
            | InteractionState::Selected { .. }
            | InteractionState::Done
            | InteractionState::Denied => None,
        }
    }

    /// The session in which the person signed in for this interaction, or chose to go on: `prompt=select_account` is
    /// satisfied there. A consent page is shown only after that.
    pub fn chosen(&self) -> Option<SessionId> {
        match &self.state {
            InteractionState::Authenticated { authentication }
            | InteractionState::Selected { authentication }
            | InteractionState::Consent { authentication, .. } => Some(authentication.session_id),
            InteractionState::Pending
            | InteractionState::NewPassword { .. }
            | InteractionState::Done
            | InteractionState::Denied => None,
        }
    }

    /// Whether a final state was reached.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, InteractionState::Done | InteractionState::Denied)
    }

    /// Who must choose a new password before they are signed in.
    pub fn password_due(&self) -> Option<&PasswordProof> {
        match &self.state {
            InteractionState::NewPassword { proof } => Some(proof),
            InteractionState::Pending
            | InteractionState::Authenticated { .. }
            | InteractionState::Selected { .. }
            | InteractionState::Consent { .. }
            | InteractionState::Done
            | InteractionState::Denied => None,
        }
    }

    /// Any but a final state `→ NewPassword`: a person said the right password and must choose a new one.
    ///
    /// # Errors
    /// [`Finished`] from a final state.
    pub fn asking_new_password(&self, proof: PasswordProof) -> Result<InteractionState, Finished> {
        if self.is_finished() {
            return Err(Finished);
        }
        Ok(InteractionState::NewPassword { proof })
    }

    /// `Pending | Authenticated | Selected | Consent → Authenticated`: a person signed in (again, or as somebody else).
    ///
    /// # Errors
    /// [`Finished`] from a final state.
    pub fn authenticated(&self, authentication: Authentication) -> Result<InteractionState, Finished> {
        if self.is_finished() {
            return Err(Finished);
        }
        Ok(InteractionState::Authenticated { authentication })
    }

    /// `Pending | Selected → Selected`: the person goes on as who they are signed in as.
    ///
    /// # Errors
    /// [`Finished`] from a final state.
    pub fn selected(&self, authentication: Authentication) -> Result<InteractionState, Finished> {
        if self.is_finished() {
            return Err(Finished);
        }
        Ok(InteractionState::Selected { authentication })
    }

    /// `Pending | Authenticated | Selected | Consent → Consent`: the consent page is being shown to this person, listing `scope`.
    ///
    /// # Errors
    /// [`Finished`] from a final state.
    pub fn asking_consent(
        &self,
        authentication: Authentication,
        scope: ScopeSet,
    ) -> Result<InteractionState, Finished> {
        if self.is_finished() {
            return Err(Finished);
        }
        Ok(InteractionState::Consent {
            authentication,
            scope,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{authorization::ResponseMode, ids::ClientId};

    fn interaction(state: InteractionState) -> Interaction {
        let request = AuthorizationRequest {
            client_id: ClientId::parse("c").unwrap(),
            redirect_uri: "https://c.example/cb".into(),
            redirect_uri_given: true,
            response_mode: ResponseMode::Query,
            scope: ScopeSet::parse("openid").unwrap(),
            state: None,
            nonce: None,
            code_challenge: None,
            prompt: vec![],
            max_age: None,
            claims: crate::claims_request::ClaimsRequest::default(),
            acr_values: vec![],
            hinted_subject: None,
            display: crate::authorization::Display::Page,
            login_hint: None,
            ui_locales: vec![],
        };
        let now = Timestamp::from_secs(1);
        let hash = TokenHash::of(b"id");
        Interaction {
            hash,
            browser: None,
            request,
            state,
            version: 0,
            created_at: now,
            expires_at: now,
        }
    }

    fn authentication() -> Authentication {
        let uuid = uuid::Uuid::nil();
        Authentication {
            session_id: SessionId::from_uuid(uuid),
            user_id: UserId::from_uuid(uuid),
            auth_time: Timestamp::from_secs(1),
            amr: vec!["pwd".into()],
        }
    }

    #[test]
    fn a_finished_interaction_moves_no_further() {
        for state in [InteractionState::Done, InteractionState::Denied] {
            let done = interaction(state);
            assert_eq!(done.authenticated(authentication()), Err(Finished));
            assert_eq!(
                done.asking_consent(authentication(), ScopeSet::default()),
                Err(Finished)
            );
            assert!(done.authentication().is_none());
        }
    }

    #[test]
    fn an_authentication_from_before_was_not_made_for_it() {
        let state = InteractionState::Consent {
            authentication: authentication(),
            scope: ScopeSet::default(),
        };
        let mut asked = interaction(state);
        assert_eq!(asked.authentication(), Some(&authentication()));
        asked.created_at = Timestamp::from_secs(2);
        assert_eq!(asked.authentication(), None);
    }

    #[test]
    fn choosing_an_account_is_no_sign_in() {
        let mut chosen = interaction(InteractionState::Pending);
        assert_eq!(chosen.chosen(), None);
        chosen.state = chosen.selected(authentication()).unwrap();
        assert_eq!(chosen.chosen(), Some(authentication().session_id));
        assert_eq!(chosen.authentication(), None);
    }

    #[test]
    fn who_must_choose_a_password_has_not_signed_in() {
        let proof = PasswordProof {
            user_id: UserId::from_uuid(uuid::Uuid::nil()),
            password_changed_at: None,
        };
        let mut asked = interaction(InteractionState::Pending);
        asked.state = asked.asking_new_password(proof.clone()).unwrap();
        assert_eq!(asked.password_due(), Some(&proof));
        assert_eq!((asked.authentication(), asked.chosen()), (None, None));
        let done = interaction(InteractionState::Done);
        assert_eq!(done.asking_new_password(proof), Err(Finished));
    }

    #[test]
    fn states_survive_their_stored_form() {
        let state = InteractionState::Consent {
            authentication: authentication(),
            scope: ScopeSet::parse("openid email").unwrap(),
        };
        let text = serde_json::to_string(&state).unwrap();
        assert!(text.contains(r#""stage":"consent""#));
        assert_eq!(serde_json::from_str::<InteractionState>(&text).unwrap(), state);
    }
}
