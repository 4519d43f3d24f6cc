//! The way in to a person's own pages: GET shows the form, POST takes it.

use authly_oauth::{
    Params,
    account::{
        OwnPage,
        login::{self, LoginPrompt, LoginStep, LoginVerdict},
    },
};
use axum::{extract::State, response::Response};

use super::{
    cookies::{BrowserCookies, set_binding, set_device, set_session},
    login::{credentials, login_problem},
    outcome::{PageRequest, show},
    own::{malformed, refuse},
};
use crate::web::{
    extract::{Form, Query},
    pages::{AccountLoginView, LoginProblem},
    respond,
    state::{AppState, SharedState},
};

/// `GET /account/login[?to=PAGE]`.
pub async fn show_page(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Query(params): Query,
) -> Response {
    let to = target(&params);
    match login::show(&state.provider, &browser, &page.context).await {
        Ok(LoginStep::Show(prompt)) => render(&state, &page, prompt, Shown::fresh(to)),
        Ok(LoginStep::Go) => go(&state, to),
        Err(error) => refuse(&state, &page, error, to),
    }
}

/// `POST /account/login`: `to`, `csrf`, `username`, `password`.
pub async fn submit(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Form(params): Form,
) -> Response {
    let to = target(&params);
    let credentials = match credentials(&params) {
        Ok(credentials) => credentials,
        Err(error) => return malformed(&state, &page, error, to),
    };
    let username = credentials.username.clone();
    let authenticator = state.authenticator.as_ref();
    match login::submit(
        &state.provider,
        authenticator,
        &browser,
        credentials,
        &page.context,
    )
    .await
    {
        Ok(LoginVerdict::SignedIn { session, device }) => {
            let mut response = go(&state, to);
            set_session(&mut response, &state.provider.issuer, &session);
            set_device(&mut response, &state.provider.issuer, &device);
            response
        }
        Ok(LoginVerdict::Retry { prompt, refusal }) => {
            let shown = Shown {
                to,
                username: Some(username),
                error: Some(login_problem(&refusal, &page.context)),
            };
            render(&state, &page, prompt, shown)
        }
        Err(error) => refuse(&state, &page, error, to),
    }
}

/// Where the sign-in leads: to the overview when the name is none of ours.
fn target(params: &Params) -> OwnPage {
    params
        .get("to")
        .and_then(OwnPage::parse)
        .unwrap_or(OwnPage::Account)
}

fn go(state: &AppState, to: OwnPage) -> Response {
    respond::see_other(&state.provider.issuer.url(to.path()))
}

/// What the form shows beside its token.
struct Shown {
    to: OwnPage,
    username: Option<String>,
    error: Option<LoginProblem>,
}

impl Shown {
    const fn fresh(to: OwnPage) -> Self {
        Self {
            to,
            username: None,
            error: None,
        }
    }
}

fn render(state: &AppState, page: &PageRequest, prompt: LoginPrompt, shown: Shown) -> Response {
    let view = AccountLoginView {
        to: shown.to.as_str(),
        csrf: prompt.csrf,
        username: shown.username,
        error: shown.error,
        locale: page.locale(&[]),
    };
    let mut response = show(state.pages.render_account_login(&view));
    set_binding(&mut response, &state.provider.issuer, prompt.binding.as_ref());
    response
}
