//! Step 2, the short way: a person who is signed in chooses to go on as who they are (`prompt=select_account`, OIDC Core
//! §3.1.2.1).

use std::sync::Arc;

use authly_core::{Effects, PlainToken, RequestContext, client::Client, ports::AdvanceOutcome, user::User};

use super::{Browser, InteractionError, Next, Opened, csrf, evaluate::Need, login, open};
use crate::{Provider, session::SignedIn};

/// What the page shows.
#[derive(Debug)]
pub struct SelectPrompt {
    /// Who asks.
    pub client: Arc<Client>,
    /// Who is signed in.
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

/// The page as it stands.
pub(super) fn prompt(opened: Opened, signed_in: SignedIn) -> SelectPrompt {
    let page = csrf::Page::Account {
        session: signed_in.session.id,
    };
    SelectPrompt {
        csrf: csrf::page_token(&opened.binding, &opened.id, &page),
        binding: opened.new_binding(),
        redirect_uri: opened.interaction.request.redirect_uri,
        ui_locales: opened.interaction.request.ui_locales,
        client: opened.client,
        interaction: opened.id,
        user: signed_in.user,
    }
}

/// Answers POST /select-account: the person goes on as who the page showed. Whoever signed in since, in another tab, was
/// not shown, and is asked anew.
///
/// # Errors
/// [`InteractionError`]; [`InteractionError::Csrf`] before anything is looked at.
pub async fn submit_select(
    provider: &Provider,
    id: &PlainToken,
    browser: &Browser,
    csrf: &str,
    ctx: &RequestContext,
) -> Result<Next, InteractionError> {
    let mut opened = open::open(provider, id, browser, ctx).await?;
    if opened.binding_is_new || !csrf::page_token_is_ours(&opened.binding, id, csrf) {
        return Err(InteractionError::Csrf);
    }
    let mut need = login::need_of(provider, &opened, ctx).await?;
    if let Need::Select { signed_in } = &need {
        let page = csrf::Page::Account {
            session: signed_in.session.id,
        };
        if !csrf::page_token_is_of(&page, &opened.binding, id, csrf) {
            return Ok(Next::Login {
                interaction: opened.id,
            });
        }
        let state = opened
            .interaction
            .selected(signed_in.authentication())
            .map_err(|_| opened.finished(provider))?;
        if opened.advance(provider, state, Effects::none(), ctx).await? == AdvanceOutcome::Stale {
            opened.check_alive(provider, ctx).await?;
            return Ok(Next::Login {
                interaction: opened.id,
            });
        }
        need = login::need_of(provider, &opened, ctx).await?;
    }
    Ok(login::follow(provider, opened, need, ctx).await?.next)
}
