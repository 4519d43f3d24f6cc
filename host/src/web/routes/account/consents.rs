//! What the person agreed to: GET lists it, POST takes one back.

use authly_core::{ClientId, ErrorCode, OAuthError, StorageError};
use authly_oauth::{
    Params,
    account::{
        OwnPage, Owner,
        consents::{self, Agreement},
        form::Purpose,
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
    pages::{AppView, AppsView, ClientView, ScopeLine, WhoView, moment::Moment},
    respond,
    state::{AppState, SharedState},
};

const HERE: OwnPage = OwnPage::Consents;
/// In the URL after something was withdrawn: the page says so, once.
const DONE: &str = "withdrawn";

/// `GET /account/consents[?withdrawn=1]`.
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
        Ok(view) => show(state.pages.render_apps(&view)),
        Err(error) => refuse(&state, &page, error.into(), HERE),
    }
}

/// `POST /account/consents`: `csrf`, `client_id`.
pub async fn withdraw(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Form(params): Form,
) -> Response {
    let owner = match owner(&state, &page, &browser, HERE).await {
        Ok(owner) => owner,
        Err(response) => return response,
    };
    let client_id = match client_id(&params) {
        Ok(client_id) => client_id,
        Err(error) => return malformed(&state, &page, error, HERE),
    };
    let csrf = params.get("csrf").unwrap_or_default();
    match consents::withdraw(&state.provider, &owner, &client_id, csrf, &page.context).await {
        Ok(withdrawn) => {
            let done = if withdrawn { "?withdrawn=1" } else { "" };
            respond::see_other(&state.provider.issuer.url(&format!("{}{done}", HERE.path())))
        }
        Err(error) => refuse(&state, &page, error, HERE),
    }
}

fn client_id(params: &Params) -> Result<ClientId, OAuthError> {
    params.check_no_duplicates()?;
    let given = params
        .get("client_id")
        .and_then(|text| ClientId::parse(text).ok());
    given.ok_or(OAuthError::new(
        ErrorCode::InvalidRequest,
        "The form must name a client by client_id.",
    ))
}

async fn view(
    state: &AppState,
    page: &PageRequest,
    owner: &Owner,
    withdrawn: bool,
) -> Result<AppsView, StorageError> {
    let agreements = consents::list(&state.provider, owner).await?;
    Ok(AppsView {
        who: WhoView::of(&owner.signed_in.user),
        csrf: owner.form_token(Purpose::Consents),
        apps: agreements
            .into_iter()
            .map(|agreement| app(agreement, page))
            .collect(),
        withdrawn,
        locale: page.locale(&[]),
    })
}

fn app(agreement: Agreement, page: &PageRequest) -> AppView {
    let line = |scope: authly_core::ports::ScopeDefinition| ScopeLine {
        name: scope.name,
        description: Some(scope.description).filter(|text| !text.is_empty()),
        is_new: false,
    };
    let client_id = agreement.client_id.to_string();
    let client = agreement.client.map_or_else(
        || ClientView::unregistered(&client_id),
        |client| ClientView::of(&client, client.redirect_uris.first().map_or("", String::as_str)),
    );
    AppView {
        client,
        client_id,
        scopes: agreement.scopes.into_iter().map(line).collect(),
        agreed: Moment::of(agreement.agreed_at, page.context.now),
    }
}
