//! Where the person is signed in: GET lists it, POST signs out there.

use authly_core::{ErrorCode, OAuthError, StorageError};
use authly_oauth::{
    Params,
    account::{
        OwnPage, Owner,
        form::Purpose,
        sessions::{self, End, OwnSession},
    },
};
use axum::{extract::State, response::Response};

use super::{
    cookies::BrowserCookies,
    outcome::{PageRequest, show},
    own::{malformed, owner, refuse},
};
use crate::web::{
    extract::{Form, Query},
    pages::{SessionView, SessionsView, WhoView, moment::Moment, user_agent::Seen},
    respond,
    state::{AppState, SharedState},
};

const HERE: OwnPage = OwnPage::Sessions;
/// In the URL after something was ended: the page says so, once.
const DONE: &str = "ended";

/// `GET /account/sessions[?ended=1]`.
pub async fn show_page(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Query(params): Query,
) -> Response {
    let owner = match owner(&state, &page, &browser, HERE).await {
        Ok(owner) => owner,
        Err(response) => return response,
    };
    match view(&state, &page, &owner, params.get(DONE).is_some()).await {
        Ok(view) => show(state.pages.render_sessions(&view)),
        Err(error) => refuse(&state, &page, error.into(), HERE),
    }
}

/// `POST /account/sessions`: `csrf`, and `session` or `others`.
pub async fn end(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Form(params): Form,
) -> Response {
    let owner = match owner(&state, &page, &browser, HERE).await {
        Ok(owner) => owner,
        Err(response) => return response,
    };
    let which = match which(&params) {
        Ok(which) => which,
        Err(error) => return malformed(&state, &page, error, HERE),
    };
    let csrf = params.get("csrf").unwrap_or_default();
    match sessions::end(&state.provider, &owner, which, csrf, &page.context).await {
        Ok(count) => {
            let done = if count > 0 { "?ended=1" } else { "" };
            respond::see_other(&state.provider.issuer.url(&format!("{}{done}", HERE.path())))
        }
        Err(error) => refuse(&state, &page, error, HERE),
    }
}

fn which(params: &Params) -> Result<End, OAuthError> {
    params.check_no_duplicates()?;
    match (params.get("session"), params.get("others")) {
        (Some(id), None) => Ok(End::One(id.to_owned())),
        (None, Some(_)) => Ok(End::Others),
        _ => Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "The form must name one session, or say others.",
        )),
    }
}

async fn view(
    state: &AppState,
    page: &PageRequest,
    owner: &Owner,
    ended: bool,
) -> Result<SessionsView, StorageError> {
    let sessions = sessions::list(&state.provider, owner, &page.context).await?;
    Ok(SessionsView {
        who: WhoView::of(&owner.signed_in.user),
        csrf: owner.form_token(Purpose::Sessions),
        sessions: sessions.into_iter().map(|session| row(session, page)).collect(),
        ended,
        locale: page.locale(&[]),
    })
}

fn row(own: OwnSession, page: &PageRequest) -> SessionView {
    let session = own.session;
    let seen = session.user_agent.as_deref().map(Seen::of).unwrap_or_default();
    SessionView {
        id: session.id.to_string(),
        is_current: own.is_current,
        browser: seen.browser,
        system: seen.system,
        is_mobile: seen.is_mobile,
        address: session.address.map(|address| address.to_canonical().to_string()),
        started: Moment::of(session.created_at, page.context.now),
        last_used: Moment::of(session.last_seen_at, page.context.now),
    }
}
