//! Signing out: by the person, and by a client that sends them (OpenID Connect RP-Initiated Logout 1.0).
//!
//! 1. [`check`]: whose request it is, and where the person may be sent afterwards. What does not fit is refused on a
//!    page: nobody is sent anywhere, and nobody is signed out.
//! 2. [`begin`]: whoever holds an ID token of the very session that the browser is in signs it out at once; anybody
//!    else, or nobody, must ask the person (§2, §6): signing out is harmless, being signed out by strangers is not.
//! 3. [`decide`]: the person's answer.

mod check;

use std::sync::Arc;

use authly_core::{
    Effects, OAuthError, PlainToken, RequestContext, StorageError, client::Client, user::User,
};

pub use self::check::{AfterLogout, CheckedLogout, Refused, check};
use crate::{
    Params, Provider,
    account::{
        form::{self, Purpose},
        sessions::ended_event,
    },
    authorize::PageReason,
    interaction::Browser,
    session::{self, SignedIn},
    subject,
};

/// Why a request to sign out is answered with an error page. The person may still sign out by themselves.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    /// The request breaks a rule.
    #[error("refused on a page: {1}")]
    Refused(PageReason, OAuthError),
    /// The form's token is missing or wrong.
    #[error("the form's token does not match")]
    Csrf,
    /// The database did not answer.
    #[error("storage failed")]
    Storage(#[from] StorageError),
}

impl From<Refused> for LogoutError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Page(reason, error) => Self::Refused(reason, error),
            Refused::Storage(error) => Self::Storage(error),
        }
    }
}

/// What the confirmation page shows.
#[derive(Debug)]
pub struct LogoutPrompt {
    /// Who would be signed out.
    pub user: Arc<User>,
    /// Who asks; `None`: the person.
    pub client: Option<Arc<Client>>,
    /// Where the person would be sent.
    pub after: Option<AfterLogout>,
    /// For the form.
    pub csrf: String,
    /// Languages the client asked for.
    pub ui_locales: Vec<String>,
}

/// What became of a request to sign out.
#[derive(Debug)]
pub enum Logout {
    /// The person must be asked.
    Ask(Box<LogoutPrompt>),
    /// Nobody is signed in (any more): forget the session cookie, and send the person where `location` says.
    Left {
        /// The whole URL.
        location: String,
    },
    /// Nobody is signed in (any more): forget the session cookie, and say so.
    SignedOut {
        /// Who asked.
        client: Option<Arc<Client>>,
        /// Where the person may go on to, if they wish.
        after: Option<AfterLogout>,
        /// Languages the client asked for.
        ui_locales: Vec<String>,
    },
    /// The person stays signed in.
    Stayed {
        /// Who asked.
        client: Option<Arc<Client>>,
    },
}

/// Answers a request to sign out, once it is known that the browser sent its cookies with it.
///
/// # Errors
/// [`LogoutError`].
///
/// Spec: RP-Initiated Logout §2, §3.
pub async fn begin(
    provider: &Provider,
    params: &Params,
    browser: &Browser,
    ctx: &RequestContext,
) -> Result<Logout, LogoutError> {
    let checked = check(provider, params, ctx).await?;
    let cookie = browser.session.as_ref();
    let Some(signed_in) = session::look(provider, cookie, ctx).await? else {
        return Ok(signed_out(checked));
    };
    if is_of_this_session(&checked, &signed_in) {
        end(provider, &signed_in, checked.client.as_deref(), ctx).await?;
        return Ok(signed_out(checked));
    }
    Ok(Logout::Ask(Box::new(LogoutPrompt {
        user: signed_in.user,
        client: checked.client,
        after: checked.after,
        csrf: cookie.map_or_else(String::new, |cookie| form::token(cookie, Purpose::Logout)),
        ui_locales: checked.ui_locales,
    })))
}

/// Whether the ID token was issued to this person in this session: its `sid` says so, or, without one, its `sub`
/// (RP-Initiated Logout §2).
fn is_of_this_session(checked: &CheckedLogout, signed_in: &SignedIn) -> bool {
    let (Some(hint), Some(client)) = (&checked.hint, &checked.client) else {
        return false;
    };
    hint.subject == subject::of_user(&signed_in.user, client)
        && hint.session_id.is_none_or(|sid| sid == signed_in.session.id)
}

/// Nobody is signed in: only whoever proved by an ID token that the person comes from them has the person sent back
/// without a word (RP-Initiated Logout §3).
fn signed_out(checked: CheckedLogout) -> Logout {
    match (checked.after, checked.hint) {
        (Some(after), Some(_)) => Logout::Left {
            location: after.location(),
        },
        (after, _) => Logout::SignedOut {
            client: checked.client,
            after,
            ui_locales: checked.ui_locales,
        },
    }
}

/// `decision` of the confirmation form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutDecision {
    /// `logout`.
    Logout,
    /// `stay`.
    Stay,
}

impl LogoutDecision {
    /// By form value.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "logout" => Some(Self::Logout),
            "stay" => Some(Self::Stay),
            _ => None,
        }
    }
}

/// Answers the confirmation form: `csrf`, `decision`, and what [`LogoutPrompt::after`] named, which is checked again.
///
/// # Errors
/// [`LogoutError`]; [`LogoutError::Csrf`] before anything is ended.
pub async fn decide(
    provider: &Provider,
    params: &Params,
    browser: &Browser,
    ctx: &RequestContext,
) -> Result<Logout, LogoutError> {
    let checked = check(provider, params, ctx).await?;
    let decision = params.get("decision").and_then(LogoutDecision::parse);
    let decision = decision.ok_or(LogoutError::Refused(PageReason::Request, NO_DECISION))?;
    let cookie = browser.session.as_ref();
    let Some(signed_in) = session::look(provider, cookie, ctx).await? else {
        return Ok(signed_out(checked));
    };
    if !is_our_form(cookie, params) {
        return Err(LogoutError::Csrf);
    }
    match decision {
        LogoutDecision::Stay => Ok(Logout::Stayed {
            client: checked.client,
        }),
        LogoutDecision::Logout => {
            end(provider, &signed_in, checked.client.as_deref(), ctx).await?;
            Ok(match &checked.after {
                // The person saw who asks and where they are sent, and said yes.
                Some(after) => Logout::Left {
                    location: after.location(),
                },
                None => signed_out(checked),
            })
        }
    }
}

const NO_DECISION: OAuthError = OAuthError::new(
    authly_core::ErrorCode::InvalidRequest,
    "The form must say decision=logout or decision=stay.",
);

/// The token that only a page shown to this session can hold.
fn is_our_form(cookie: Option<&PlainToken>, params: &Params) -> bool {
    let presented = params.get("csrf").unwrap_or_default();
    cookie.is_some_and(|cookie| form::verifies(cookie, Purpose::Logout, presented))
}

/// Ends the session, for the client that asked if one did. That it had ended already is as good.
async fn end(
    provider: &Provider,
    signed_in: &SignedIn,
    client: Option<&Client>,
    ctx: &RequestContext,
) -> Result<(), StorageError> {
    let mut event = ended_event(&signed_in.user, ctx);
    event.client_id = client.map(|client| client.id.clone());
    let effects = Effects::audited(event);
    let ended = provider
        .storage
        .end_session(signed_in.session.id, ctx.now, effects)
        .await?;
    if !ended {
        tracing::debug!("the session had ended before it was signed out");
    }
    Ok(())
}
