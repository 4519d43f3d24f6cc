//! The overview of a person's own pages.

use authly_oauth::account::{OwnPage, Owner, consents, sessions};
use axum::{extract::State, response::Response};

use super::{
    cookies::BrowserCookies,
    outcome::{PageRequest, show},
    own::{owner, refuse},
};
use crate::web::{
    pages::{AccountView, WhoView},
    state::{AppState, SharedState},
};

const HERE: OwnPage = OwnPage::Account;

/// `GET /account`.
pub async fn show_page(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
) -> Response {
    let owner = match owner(&state, &page, &browser, HERE).await {
        Ok(owner) => owner,
        Err(response) => return response,
    };
    match view(&state, &page, &owner).await {
        Ok(view) => show(state.pages.render_account(&view)),
        Err(error) => refuse(&state, &page, error.into(), HERE),
    }
}

async fn view(
    state: &AppState,
    page: &PageRequest,
    owner: &Owner,
) -> Result<AccountView, authly_core::StorageError> {
    let sessions = sessions::list(&state.provider, owner, &page.context).await?;
    Ok(AccountView {
        who: WhoView::of(&owner.signed_in.user),
        apps: consents::count(&state.provider, owner).await?,
        sessions: sessions.len(),
        locale: page.locale(&[]),
    })
}
