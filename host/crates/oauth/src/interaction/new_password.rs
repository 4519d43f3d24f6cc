//! Step 2, the long way: a person said the right password but must choose another one before they are signed in.
//!
//! The interaction remembers who, and which password they said. There is no session until the new one is set: no page
//! that follows can be reached around this one.

use std::sync::Arc;

use authly_core::{
    Effects, PlainToken, RequestContext, SecretText, StorageError, client::Client,
    interaction::PasswordProof, ports::AdvanceOutcome, user::User,
};

use super::{
    Authenticated, Authenticator, Browser, InteractionError, LoginVerdict, Next, Opened, csrf,
    evaluate::Need, login, open,
};
use crate::{
    Provider,
    session::{self, NewSession},
};

/// What the page shows.
#[derive(Debug)]
pub struct NewPasswordPrompt {
    /// Who asks.
    pub client: Arc<Client>,
    /// Whose password it is.
    pub user: Arc<User>,
    /// For the form.
    pub csrf: String,
    /// The id, for the form.
    pub interaction: PlainToken,
    /// Where the browser goes in the end.
    pub redirect_uri: String,
    /// Languages the client asked for.
    pub ui_locales: Vec<String>,
    /// A new binding cookie.
    pub binding: Option<PlainToken>,
}

/// Why a new password was not set.
#[derive(Debug, thiserror::Error)]
pub enum NewPasswordRefusal {
    /// The two fields differ.
    #[error("the passwords differ")]
    Differ,
    /// Too few characters.
    #[error("too short")]
    Short {
        /// How many it needs.
        length_min: usize,
    },
    /// Too many bytes.
    #[error("too long")]
    Long,
    /// Little else than the person's name or address.
    #[error("the person's own name")]
    OwnName,
    /// Among the first that would be guessed.
    #[error("too easy to guess")]
    Guessable,
    /// The one it is to replace.
    #[error("the same password")]
    Same,
    /// The password was changed since it was said, or the person may not sign in any more: they start again.
    #[error("the password was changed meanwhile")]
    Stale,
    /// The server works on too many passwords right now.
    #[error("busy")]
    Busy,
    /// The database did not answer.
    #[error("storage failed")]
    Storage(#[source] StorageError),
}

/// The fields of the form.
pub struct NewPasswordForm {
    /// `csrf`.
    pub csrf: String,
    /// `new_password`.
    pub new: SecretText,
    /// `new_password_again`.
    pub again: SecretText,
}

/// What POST /new-password answers.
#[derive(Debug)]
pub enum NewPasswordVerdict {
    /// The password is set and the person signed in: set the session cookie and go on.
    SignedIn {
        /// The cookie's value.
        session: PlainToken,
        /// Where to.
        next: Next,
    },
    /// Show the form again and say why.
    Retry {
        /// The form.
        prompt: Box<NewPasswordPrompt>,
        /// Why.
        refusal: NewPasswordRefusal,
    },
    /// Another page is due.
    Go(Next),
}

/// The page as it stands.
pub(super) fn prompt(opened: Opened, user: Arc<User>) -> NewPasswordPrompt {
    let page = csrf::Page::NewPassword { user: user.id };
    NewPasswordPrompt {
        csrf: csrf::page_token(&opened.binding, &opened.id, &page),
        binding: opened.new_binding(),
        redirect_uri: opened.interaction.request.redirect_uri,
        ui_locales: opened.interaction.request.ui_locales,
        client: opened.client,
        interaction: opened.id,
        user,
    }
}

/// The interaction takes note of who said which password. In a race with another tab, that tab's page decides.
pub(super) async fn ask(
    provider: &Provider,
    mut opened: Opened,
    who: Authenticated,
    ctx: &RequestContext,
) -> Result<LoginVerdict, InteractionError> {
    let proof = PasswordProof {
        user_id: who.user.id,
        password_changed_at: who.user.password_changed_at,
    };
    let state = opened
        .interaction
        .asking_new_password(proof)
        .map_err(|_| opened.finished(provider))?;
    if opened.advance(provider, state, Effects::none(), ctx).await? == AdvanceOutcome::Stale {
        opened.check_alive(provider, ctx).await?;
    }
    Ok(LoginVerdict::NewPassword {
        device: who.device,
        next: Next::Login {
            interaction: opened.id,
        },
    })
}

/// Answers POST /new-password. Of two answers at once one sets the password; the other finds it changed and starts
/// again.
///
/// # Errors
/// [`InteractionError`]; [`InteractionError::Csrf`] before anything is looked at.
pub async fn submit_new_password(
    provider: &Provider,
    authenticator: &dyn Authenticator,
    id: &PlainToken,
    browser: &Browser,
    form: (NewPasswordForm, &RequestContext),
) -> Result<NewPasswordVerdict, InteractionError> {
    let (form, ctx) = form;
    let opened = open::open(provider, id, browser, ctx).await?;
    if opened.binding_is_new || !csrf::page_token_is_ours(&opened.binding, id, &form.csrf) {
        return Err(InteractionError::Csrf);
    }
    let user = match login::need_of(provider, &opened, ctx).await? {
        Need::NewPassword { user } => user,
        need => {
            let started = login::follow(provider, opened, need, ctx).await?;
            return Ok(NewPasswordVerdict::Go(started.next));
        }
    };
    // Somebody else said a password in another tab: the answer was not for theirs.
    let page = csrf::Page::NewPassword { user: user.id };
    if !csrf::page_token_is_of(&page, &opened.binding, id, &form.csrf) {
        return Ok(login_page(opened));
    }
    match renew(authenticator, &user, &form, ctx).await {
        Ok(user) => begin(provider, opened, Arc::new(user), browser, ctx).await,
        Err(NewPasswordRefusal::Stale) => Ok(login_page(opened)),
        Err(refusal) => Ok(NewPasswordVerdict::Retry {
            prompt: Box::new(prompt(opened, user)),
            refusal,
        }),
    }
}

async fn renew(
    authenticator: &dyn Authenticator,
    user: &User,
    form: &NewPasswordForm,
    ctx: &RequestContext,
) -> Result<User, NewPasswordRefusal> {
    if form.new.expose() != form.again.expose() {
        return Err(NewPasswordRefusal::Differ);
    }
    let proof = PasswordProof {
        user_id: user.id,
        password_changed_at: user.password_changed_at,
    };
    authenticator.renew_password(&proof, &form.new, ctx).await
}

/// The person is signed in with the password they just chose. When that fails the password is changed all the same, and
/// they sign in with it.
async fn begin(
    provider: &Provider,
    opened: Opened,
    user: Arc<User>,
    browser: &Browser,
    ctx: &RequestContext,
) -> Result<NewPasswordVerdict, InteractionError> {
    let new = NewSession {
        user,
        client_id: Some(&opened.client.id),
        replaces: browser.session.as_ref(),
    };
    let Some((session, begun)) = session::start(provider, new, ctx).await? else {
        return Ok(login_page(opened));
    };
    Ok(NewPasswordVerdict::SignedIn {
        session,
        next: login::signed_in(provider, opened, begun, ctx).await,
    })
}

fn login_page(opened: Opened) -> NewPasswordVerdict {
    NewPasswordVerdict::Go(Next::Login {
        interaction: opened.id,
    })
}
