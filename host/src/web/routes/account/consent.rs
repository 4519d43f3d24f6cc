//! The consent page: GET shows it, POST takes the answer.

use authly_core::{ErrorCode, OAuthError};
use authly_oauth::{
    Params,
    interaction::{
        ConsentPrompt, ConsentStep, ConsentVerdict, Decision, InteractionError, show_consent, submit_consent,
    },
};
use axum::{extract::State, response::Response};

use super::{
    cookies::{BrowserCookies, set_binding},
    login::{interaction_id, start_at_app},
    outcome::{PageRequest, go, problem_page, show},
};
use crate::web::{
    extract::{Form, Query},
    pages::{ClaimLine, ClientView, ConsentView, ScopeLine},
    state::{AppState, SharedState},
};

/// `GET /consent?interaction=ID`.
pub async fn show_page(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Query(params): Query,
) -> Response {
    let Some(id) = interaction_id(&params) else {
        return start_at_app(&state, &page);
    };
    match show_consent(&state.provider, &id, &browser, &page.context).await {
        Ok(ConsentStep::Show(prompt)) => render(&state, &page, *prompt),
        Ok(ConsentStep::Go(started)) => {
            let mut response = go(&state, &page, started.next);
            set_binding(&mut response, &state.provider.issuer, started.binding.as_ref());
            response
        }
        Err(error) => problem_page(&state, &page, error),
    }
}

/// `POST /consent`: `interaction`, `csrf`, `decision`.
pub async fn submit(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Form(params): Form,
) -> Response {
    let Some(id) = interaction_id(&params) else {
        return start_at_app(&state, &page);
    };
    let verdict = match verdict(&params) {
        Ok(verdict) => verdict,
        Err(error) => return problem_page(&state, &page, InteractionError::Malformed(error)),
    };
    match submit_consent(&state.provider, &id, &browser, verdict, &page.context).await {
        Ok(next) => go(&state, &page, next),
        Err(error) => problem_page(&state, &page, error),
    }
}

fn verdict(params: &Params) -> Result<ConsentVerdict, OAuthError> {
    params.check_no_duplicates()?;
    let decision = params
        .get("decision")
        .and_then(Decision::parse)
        .ok_or(OAuthError::new(
            ErrorCode::InvalidRequest,
            "The form must say decision=allow or decision=deny.",
        ))?;
    Ok(ConsentVerdict {
        csrf: params.get("csrf").unwrap_or_default().to_owned(),
        decision,
    })
}

fn render(state: &AppState, page: &PageRequest, prompt: ConsentPrompt) -> Response {
    let line = |(scope, is_new): (authly_core::ports::ScopeDefinition, bool)| ScopeLine {
        name: scope.name,
        description: Some(scope.description).filter(|d| !d.is_empty()),
        is_new,
    };
    let name = prompt.user.claims.get("name").and_then(serde_json::Value::as_str);
    let view = ConsentView {
        interaction: prompt.interaction.expose().to_owned(),
        csrf: prompt.csrf,
        client: ClientView::of(&prompt.client, &prompt.redirect_uri),
        redirect_uri: prompt.redirect_uri,
        display_name: name.map(str::to_owned),
        username: prompt.user.username.clone(),
        scopes: prompt.scopes.into_iter().map(line).collect(),
        claims: prompt
            .claims
            .into_iter()
            .map(|(name, is_new)| ClaimLine { name, is_new })
            .collect(),
        locale: page.locale(&prompt.ui_locales),
    };
    let mut response = show(state.pages.render_consent(&view));
    set_binding(&mut response, &state.provider.issuer, prompt.binding.as_ref());
    response
}
