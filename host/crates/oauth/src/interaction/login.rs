//! Step 2: the login page and its form.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    Effects, PlainToken, RequestContext, SecretText, StorageError, Timestamp, authorization::Prompt,
    client::Client, interaction::PasswordProof, ports::AdvanceOutcome, user::User,
};

use super::{
    Browser, InteractionError, Next, Opened, Started, complete, csrf, evaluate,
    new_password::{self, NewPasswordPrompt, NewPasswordRefusal},
    open,
    select::{self, SelectPrompt},
    sign_in::{Arrival, sign_in},
};
use crate::{Provider, authorize::RedirectTarget, session::SignedIn, subject};
use evaluate::Need;

/// Proves that a person is who they say. Implemented by the accounts room; a port so that the protocol knows nothing
/// of passwords.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// The person, or why not.
    ///
    /// # Errors
    /// [`Refusal`]. The answer, and the time it takes, are the same for an unknown name and a wrong password.
    async fn authenticate(
        &self,
        attempt: PasswordAttempt<'_>,
        ctx: &RequestContext,
    ) -> Result<Authenticated, Refusal>;

    /// Replaces the password that a person just said by one of their choice, ends what was opened with it, and answers
    /// the person as they are then.
    ///
    /// # Errors
    /// [`NewPasswordRefusal`]; the password is what it was.
    async fn renew_password(
        &self,
        proof: &PasswordProof,
        new: &SecretText,
        ctx: &RequestContext,
    ) -> Result<User, NewPasswordRefusal>;
}

/// What a browser sent to prove who is in front of it.
#[derive(Clone, Copy, Debug)]
pub struct PasswordAttempt<'a> {
    /// As typed.
    pub username: &'a str,
    /// As typed.
    pub password: &'a SecretText,
    /// [`Browser::device`], unchecked.
    pub device: Option<&'a PlainToken>,
}

/// A person who proved who they are.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Who.
    pub user: Arc<User>,
    /// For the browser to keep and to send with later attempts.
    pub device: SecretText,
}

/// Why a login did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The name and password do not match, or the account may not sign in.
    #[error("rejected")]
    Rejected,
    /// Too many failures; not before this time.
    #[error("delayed")]
    Delayed {
        /// The earliest next attempt.
        until: Timestamp,
    },
    /// The server checks too many passwords right now.
    #[error("busy")]
    Busy,
    /// The name and password are right, but the person must choose another password first. No answer of an
    /// [`Authenticator`].
    #[error("a new password is due")]
    NewPasswordDue(Box<Authenticated>),
    /// The database did not answer: not a "no".
    #[error("storage failed")]
    Storage(#[source] StorageError),
}

/// What the login page shows.
#[derive(Debug)]
pub struct LoginPrompt {
    /// Who asks.
    pub client: Arc<Client>,
    /// For the form.
    pub csrf: String,
    /// The id, for the form.
    pub interaction: PlainToken,
    /// Fills the name field.
    pub username: Option<String>,
    /// Who is signed in already and must confirm (`prompt=login`, `max_age`), or wants another account.
    pub signed_in_as: Option<String>,
    /// Where the browser goes in the end.
    pub redirect_uri: String,
    /// Languages the client asked for.
    pub ui_locales: Vec<String>,
    /// A new binding cookie.
    pub binding: Option<PlainToken>,
}

/// What GET /login answers.
#[derive(Debug)]
pub enum LoginStep {
    /// Show the form.
    Show(Box<LoginPrompt>),
    /// Let the person choose a new password.
    NewPassword(Box<NewPasswordPrompt>),
    /// Show who is signed in, and let the person choose (`prompt=select_account`).
    Select(Box<SelectPrompt>),
    /// No login is needed (any more).
    Go(Started),
}

/// Answers GET /login. With `switch` the form is shown although somebody is signed in; a request that allows no page
/// (`prompt=none`) is answered all the same.
///
/// # Errors
/// [`InteractionError`].
pub async fn show_login(
    provider: &Provider,
    id: &PlainToken,
    browser: &Browser,
    switch: bool,
    ctx: &RequestContext,
) -> Result<LoginStep, InteractionError> {
    let opened = open::open(provider, id, browser, ctx).await?;
    let need = need_of(provider, &opened, ctx).await?;
    let may_show = !opened.interaction.request.prompts(Prompt::None);
    if matches!(need, Need::Login) || switch && may_show {
        check_refusal(provider, &opened, &need)?;
        return Ok(LoginStep::Show(Box::new(prompt(opened, switch))));
    }
    if let Need::NewPassword { user } = need {
        return Ok(LoginStep::NewPassword(Box::new(new_password::prompt(
            opened, user,
        ))));
    }
    if let Need::Select { signed_in } = need {
        return Ok(LoginStep::Select(Box::new(select::prompt(opened, signed_in))));
    }
    Ok(LoginStep::Go(follow(provider, opened, need, ctx).await?))
}

/// The fields of the login form.
pub struct Credentials {
    /// `csrf`.
    pub csrf: String,
    /// `username`, as typed.
    pub username: String,
    /// `password`.
    pub password: SecretText,
}

/// What POST /login answers.
#[derive(Debug)]
pub enum LoginVerdict {
    /// Signed in: set the session cookie and go on.
    SignedIn {
        /// The cookie's value.
        session: PlainToken,
        /// The value of the cookie by which the browser is known next time.
        device: SecretText,
        /// Where to.
        next: Next,
    },
    /// The password was right, but nobody is signed in before they choose another one.
    NewPassword {
        /// The value of the cookie by which the browser is known next time.
        device: SecretText,
        /// Where to.
        next: Next,
    },
    /// Show the form again and say why.
    Retry {
        /// The form, with the name kept.
        prompt: Box<LoginPrompt>,
        /// Why.
        refusal: Refusal,
    },
}

/// Answers POST /login.
///
/// # Errors
/// [`InteractionError`]; [`InteractionError::Csrf`] before anything is looked at.
pub async fn submit_login(
    provider: &Provider,
    authenticator: &dyn Authenticator,
    id: &PlainToken,
    browser: &Browser,
    form: (Credentials, &RequestContext),
) -> Result<LoginVerdict, InteractionError> {
    let (credentials, ctx) = form;
    let opened = open::open(provider, id, browser, ctx).await?;
    if opened.binding_is_new || !csrf::verifies(&opened.binding, id, &credentials.csrf) {
        return Err(InteractionError::Csrf);
    }
    let username = credentials.username;
    let attempt = PasswordAttempt {
        username: &username,
        password: &credentials.password,
        device: browser.device.as_ref(),
    };
    let arrival = Arrival {
        attempt,
        client_id: Some(&opened.client.id),
        replaces: browser.session.as_ref(),
    };
    match sign_in(provider, authenticator, arrival, ctx).await? {
        Ok(begun) => Ok(LoginVerdict::SignedIn {
            session: begun.cookie,
            device: begun.device,
            next: signed_in(provider, opened, begun.signed_in, ctx).await,
        }),
        Err(Refusal::NewPasswordDue(who)) => new_password::ask(provider, opened, *who, ctx).await,
        Err(refusal) => {
            let mut prompt = prompt(opened, false);
            // The form asks for the name again when another one was typed than the one that is signed in.
            prompt.signed_in_as = prompt.signed_in_as.filter(|name| *name == username);
            prompt.username = Some(username);
            Ok(LoginVerdict::Retry {
                prompt: Box::new(prompt),
                refusal,
            })
        }
    }
}

/// A person proved who they are, a new session replaced the browser's, and the interaction moves on. Once the session
/// has begun, and the one before has ended, nothing may keep its cookie from the browser: whatever comes after is told
/// by the page that the answer leads to.
pub(super) async fn signed_in(
    provider: &Provider,
    mut opened: Opened,
    begun: SignedIn,
    ctx: &RequestContext,
) -> Next {
    let interaction = opened.id.clone();
    opened.signed_in = Some(begun);
    match go_on(provider, opened, ctx).await {
        Ok(next) => next,
        Err(InteractionError::Client(error)) => Next::Client(error.answer()),
        Err(error) => {
            if let InteractionError::Storage(cause) = &error {
                tracing::error!(
                    error = cause as &dyn std::error::Error,
                    "storage failed after a sign-in"
                );
            }
            Next::Login { interaction }
        }
    }
}

/// The interaction takes note of who just signed in for it, and the browser goes where that leads.
async fn go_on(
    provider: &Provider,
    mut opened: Opened,
    ctx: &RequestContext,
) -> Result<Next, InteractionError> {
    let Some(signed_in) = &opened.signed_in else {
        return Ok(Next::Login {
            interaction: opened.id,
        });
    };
    let state = opened
        .interaction
        .authenticated(signed_in.authentication())
        .map_err(|_| opened.finished(provider))?;
    if opened.advance(provider, state, Effects::none(), ctx).await? == AdvanceOutcome::Stale {
        // Another tab moved it: that tab's page decides, with the session that is there now.
        return Ok(Next::Login {
            interaction: opened.id,
        });
    }
    let need = need_of(provider, &opened, ctx).await?;
    Ok(follow(provider, opened, need, ctx).await?.next)
}

/// What the opened interaction needs now.
pub(super) async fn need_of(
    provider: &Provider,
    opened: &Opened,
    ctx: &RequestContext,
) -> Result<Need, InteractionError> {
    let asked = evaluate::Asked {
        client: &opened.client,
        request: &opened.interaction.request,
        interaction: Some(&opened.interaction),
        agreed: None,
    };
    Ok(evaluate::evaluate(provider, &asked, opened.signed_in.clone(), ctx).await?)
}

/// Goes where the need says; completes when there is none.
pub(super) async fn follow(
    provider: &Provider,
    opened: Opened,
    need: Need,
    ctx: &RequestContext,
) -> Result<Started, InteractionError> {
    check_refusal(provider, &opened, &need)?;
    let binding = opened.new_binding();
    let next = match need {
        Need::Login
        | Need::NewPassword { .. }
        | Need::Select { .. }
        | Need::Impossible
        | Need::OtherPerson => Next::Login {
            interaction: opened.id,
        },
        Need::Consent { .. } => Next::Consent {
            interaction: opened.id,
        },
        Need::Nothing { signed_in, scope } => {
            let request = &opened.interaction.request;
            let answer = complete::Answer {
                request,
                signed_in: &signed_in,
                scope: &scope,
                consented: None,
            };
            match complete::complete(provider, &opened, &answer, ctx).await? {
                Some(answer) => Next::Client(answer),
                None => Next::Login {
                    interaction: opened.id,
                },
            }
        }
    };
    Ok(Started { next, binding })
}

/// Answers the client with an error where no page may be shown or could help, also when the request came by POST.
pub(super) fn check_refusal(
    provider: &Provider,
    opened: &Opened,
    need: &Need,
) -> Result<(), InteractionError> {
    let request = &opened.interaction.request;
    match evaluate::refusal(request, need) {
        None => Ok(()),
        Some(error) => {
            let target = RedirectTarget::of(request, &provider.issuer);
            Err(InteractionError::Client(Box::new(target.error(error))))
        }
    }
}

/// The form. To `switch` accounts means not to be offered the one that is signed in, nor is one that is not meant.
fn prompt(opened: Opened, switch: bool) -> LoginPrompt {
    let hinted = opened.interaction.request.hinted_subject.as_ref();
    let is_meant =
        |user: &User| hinted.is_none_or(|hinted| *hinted == subject::of_user(user, &opened.client));
    let signed_in_as = opened
        .signed_in
        .as_ref()
        .filter(|signed_in| !switch && is_meant(&signed_in.user))
        .map(|s| s.user.username.clone());
    let binding = opened.new_binding();
    let request = opened.interaction.request;
    LoginPrompt {
        csrf: csrf::token(&opened.binding, &opened.id),
        binding,
        username: request
            .login_hint
            .filter(|_| !switch)
            .or_else(|| signed_in_as.clone()),
        signed_in_as,
        redirect_uri: request.redirect_uri,
        ui_locales: request.ui_locales,
        client: opened.client,
        interaction: opened.id,
    }
}
