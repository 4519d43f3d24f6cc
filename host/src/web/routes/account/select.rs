//! The choice of an account (`prompt=select_account`): the sign-in page shows it, POST takes the answer.

use authly_oauth::interaction::{InteractionError, SelectPrompt, submit_select};
use axum::{extract::State, response::Response};

use super::{
    cookies::{BrowserCookies, set_binding},
    login::{interaction_id, start_at_app},
    outcome::{PageRequest, go, problem_page, show},
};
use crate::web::{
    extract::Form,
    pages::{ClientView, SelectView},
    state::{AppState, SharedState},
};

/// `POST /select-account`: `interaction`, `csrf`.
pub async fn submit(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Form(params): Form,
) -> Response {
    let Some(id) = interaction_id(&params) else {
        return start_at_app(&state, &page);
    };
    let csrf = params.get("csrf").unwrap_or_default();
    if let Err(error) = params.check_no_duplicates() {
        return problem_page(&state, &page, InteractionError::Malformed(error));
    }
    match submit_select(&state.provider, &id, &browser, csrf, &page.context).await {
        Ok(next) => go(&state, &page, next),
        Err(error) => problem_page(&state, &page, error),
    }
}

pub(super) fn render(state: &AppState, page: &PageRequest, prompt: SelectPrompt) -> Response {
    let name = prompt.user.claims.get("name").and_then(serde_json::Value::as_str);
    let view = SelectView {
        interaction: prompt.interaction.expose().to_owned(),
        csrf: prompt.csrf,
        client: ClientView::of(&prompt.client, &prompt.redirect_uri),
        redirect_uri: prompt.redirect_uri,
        display_name: name.filter(|name| !name.trim().is_empty()).map(str::to_owned),
        username: prompt.user.username.clone(),
        locale: page.locale(&prompt.ui_locales),
    };
    let mut response = show(state.pages.render_select(&view));
    set_binding(&mut response, &state.provider.issuer, prompt.binding.as_ref());
    response
}
