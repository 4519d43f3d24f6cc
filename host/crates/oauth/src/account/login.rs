//! The way in to a person's own pages. Nobody asked for it but the person, so there is no request to keep: where it
//! leads is one word of a fixed list, and the form is bound to the browser by its token.
//!
//! The same authenticator, and with it the same throttle, and the same start of a session as within an authorization.

use authly_core::{PlainToken, RequestContext, SecretText};

use super::{
    AccountError,
    form::{self, Purpose},
};
use crate::{
    Provider,
    interaction::{Arrival, Authenticator, Browser, Credentials, PasswordAttempt, Refusal, sign_in},
    session,
};

/// What the page shows.
#[derive(Debug)]
pub struct LoginPrompt {
    /// For the form.
    pub csrf: String,
    /// A new binding cookie.
    pub binding: Option<PlainToken>,
}

/// What GET answers.
#[derive(Debug)]
pub enum LoginStep {
    /// Show the form.
    Show(LoginPrompt),
    /// Somebody is signed in.
    Go,
}

/// What POST answers.
#[derive(Debug)]
pub enum LoginVerdict {
    /// Signed in: set the cookies and go on.
    SignedIn {
        /// The session cookie's value.
        session: PlainToken,
        /// The value of the cookie by which the browser is known next time.
        device: SecretText,
    },
    /// Show the form again and say why.
    Retry {
        /// The form.
        prompt: LoginPrompt,
        /// Why.
        refusal: Refusal,
    },
}

/// Answers GET.
///
/// # Errors
/// [`AccountError::Storage`].
pub async fn show(
    provider: &Provider,
    browser: &Browser,
    ctx: &RequestContext,
) -> Result<LoginStep, AccountError> {
    let cookie = browser.session.as_ref();
    if session::current(provider, cookie, ctx).await?.is_some() {
        return Ok(LoginStep::Go);
    }
    let (binding, is_new) = match &browser.binding {
        Some(binding) => (binding.clone(), false),
        None => (PlainToken::generate(provider.rng.as_ref()), true),
    };
    Ok(LoginStep::Show(LoginPrompt {
        csrf: form::token(&binding, Purpose::SignIn),
        binding: is_new.then_some(binding),
    }))
}

/// Answers POST: a new session replaces the one the browser had.
///
/// # Errors
/// [`AccountError`]; [`AccountError::Csrf`] before anything is looked at: a stranger's page could otherwise sign the
/// browser in as somebody else.
pub async fn submit(
    provider: &Provider,
    authenticator: &dyn Authenticator,
    browser: &Browser,
    credentials: Credentials,
    ctx: &RequestContext,
) -> Result<LoginVerdict, AccountError> {
    let binding = browser.binding.as_ref();
    if !binding.is_some_and(|binding| form::verifies(binding, Purpose::SignIn, &credentials.csrf)) {
        return Err(AccountError::Csrf);
    }
    let attempt = PasswordAttempt {
        username: &credentials.username,
        password: &credentials.password,
        device: browser.device.as_ref(),
    };
    let arrival = Arrival {
        attempt,
        client_id: None,
        replaces: browser.session.as_ref(),
    };
    match sign_in(provider, authenticator, arrival, ctx).await? {
        Ok(begun) => Ok(LoginVerdict::SignedIn {
            session: begun.cookie,
            device: begun.device,
        }),
        Err(refusal) => {
            let prompt = LoginPrompt {
                csrf: credentials.csrf,
                binding: None,
            };
            Ok(LoginVerdict::Retry { prompt, refusal })
        }
    }
}
