//! Interactions: an authorization on its way through one browser.
//!
//! 1. [`start`]: a checked request; answered at once when no page is needed, else persisted.
//! 2. [`show_login`], [`submit_login`]: a person proves who they are; a new session begins. Or [`submit_select`]: they go
//!    on as who they are.
//!    Whoever must change their password does so first ([`submit_new_password`]).
//! 3. [`show_consent`], [`submit_consent`]: the person says yes or no.
//! 4. [`complete`](complete::complete): consent, grant and code are written in one step; the browser goes back.
//!
//! Every page resumes from storage: no handler keeps state of its own, and two tabs are two interactions.

mod complete;
mod consent;
mod csrf;
mod evaluate;
mod login;
mod new_password;
mod open;
mod select;
mod sign_in;
mod single_claims;
mod start;

use std::sync::Arc;

use authly_core::{
    Effects, OAuthError, PlainToken, RequestContext, StorageError,
    client::Client,
    interaction::{Interaction, InteractionState},
    ports::{AdvanceOutcome, Transition},
};

pub use consent::{ConsentPrompt, ConsentStep, ConsentVerdict, Decision, show_consent, submit_consent};
pub use login::{
    Authenticated, Authenticator, Credentials, LoginPrompt, LoginStep, LoginVerdict, PasswordAttempt,
    Refusal, show_login, submit_login,
};
pub use new_password::{
    NewPasswordForm, NewPasswordPrompt, NewPasswordRefusal, NewPasswordVerdict, submit_new_password,
};
pub use select::{SelectPrompt, submit_select};
pub(crate) use sign_in::{Arrival, sign_in};
pub use start::{persist, start};

use crate::{
    Provider,
    authorize::{ClientAnswer, RedirectableError, request_url},
    session::SignedIn,
};

/// What the browser's cookies said.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// The session cookie.
    pub session: Option<PlainToken>,
    /// The cookie that binds interactions to this browser.
    pub binding: Option<PlainToken>,
    /// What an earlier sign-in left, so that its person is not held up by strangers who guess. No credential.
    pub device: Option<PlainToken>,
}

/// Where the browser goes next.
#[derive(Debug)]
pub enum Next {
    /// To the login page of this interaction.
    Login {
        /// The id for the page's URL.
        interaction: PlainToken,
    },
    /// To the consent page of this interaction.
    Consent {
        /// The id for the page's URL.
        interaction: PlainToken,
    },
    /// Back to the client, with a code or an error.
    Client(ClientAnswer),
}

/// A next step, and the binding cookie to set when the browser had none.
#[derive(Debug)]
pub struct Started {
    /// Where the browser goes.
    pub next: Next,
    /// A new value for the binding cookie.
    pub binding: Option<PlainToken>,
}

/// Why a page of an interaction cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum InteractionError {
    /// No such interaction, or it expired.
    #[error("the interaction is unknown or expired")]
    Expired {
        /// The same request from its beginning, while it is known.
        restart: Option<String>,
    },
    /// It was answered before (a double click, the back button).
    #[error("the interaction is finished")]
    Finished {
        /// Whose it was: the page offers the way back to it.
        client: Option<Arc<Client>>,
        /// The same request from its beginning: the code of the first answer may never have arrived (a double click
        /// stops the first navigation), and what was signed in for and agreed to is kept.
        restart: Option<String>,
    },
    /// It was begun in another browser.
    #[error("the interaction belongs to another browser")]
    OtherBrowser,
    /// The form's token is missing or wrong: the page was not ours, or its cookie is gone.
    #[error("the form's token does not match")]
    Csrf,
    /// The client was disabled in between, or may not be answered any more where the request said.
    #[error("the client may not be answered any more")]
    ClientGone,
    /// The form lacks a field or has one that means nothing.
    #[error("refused on a page: {0}")]
    Malformed(OAuthError),
    /// The client is told.
    #[error("refused by an answer to the client: {}", .0.error)]
    Client(Box<RedirectableError>),
    /// The database did not answer. Nothing is lost: the same page works again later.
    #[error("storage failed")]
    Storage(#[from] StorageError),
}

/// An interaction opened by the browser it belongs to.
#[derive(Debug)]
struct Opened {
    id: PlainToken,
    interaction: Interaction,
    client: Arc<Client>,
    signed_in: Option<SignedIn>,
    binding: PlainToken,
    /// Whether `binding` is new and must be set as a cookie.
    binding_is_new: bool,
}

impl Opened {
    /// The value for `Set-Cookie`, when there is a new one.
    fn new_binding(&self) -> Option<PlainToken> {
        self.binding_is_new.then(|| self.binding.clone())
    }

    /// Moves the interaction to `state`, here and in storage, unless somebody else moved it.
    async fn advance(
        &mut self,
        provider: &Provider,
        state: InteractionState,
        effects: Effects,
        ctx: &RequestContext,
    ) -> Result<AdvanceOutcome, StorageError> {
        let transition = Transition {
            hash: self.interaction.hash,
            version: self.interaction.version,
            state: state.clone(),
            browser: None,
            now: ctx.now,
        };
        let outcome = provider.storage.advance_interaction(transition, effects).await?;
        if outcome == AdvanceOutcome::Advanced {
            self.interaction.state = state;
            self.interaction.version += 1;
        }
        Ok(outcome)
    }

    /// Somebody else moved it between loading and writing. Unless that was its end, the browser asks again and what
    /// is stored now decides.
    async fn check_alive(&self, provider: &Provider, ctx: &RequestContext) -> Result<(), InteractionError> {
        let hash = &self.interaction.hash;
        match provider.storage.load_interaction(hash, ctx.now).await? {
            Some(now) if now.is_finished() => Err(self.finished(provider)),
            Some(_) => Ok(()),
            None => Err(InteractionError::Expired {
                restart: Some(request_url(&self.interaction.request, &provider.issuer)),
            }),
        }
    }

    /// Somebody else answered it first.
    fn finished(&self, provider: &Provider) -> InteractionError {
        InteractionError::Finished {
            client: Some(Arc::clone(&self.client)),
            restart: Some(request_url(&self.interaction.request, &provider.issuer)),
        }
    }
}
