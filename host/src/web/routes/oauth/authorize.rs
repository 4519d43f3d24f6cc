//! The authorization endpoint (RFC 6749 §3.1): GET and POST are the same request (OIDC Core §3.1.2.1).

use authly_core::OAuthError;
use authly_oauth::{
    Params,
    authorize::{Arrival, AuthorizeError, PageReason, authorize},
    interaction::Browser,
};
use axum::{extract::State, response::Response};

use crate::web::{
    extract::{Form, NoQuery, Query},
    pages::Problem,
    routes::account::{
        BrowserCookies, PageRequest, answer_client, go, log_storage_failure, set_binding, show,
    },
    state::{AppState, SharedState},
};

/// `GET /api/v1/oauth/authorize`.
pub async fn get(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Query(params): Query,
) -> Response {
    answer(&state, &page, &params, Arrival::Get, &browser).await
}

/// `POST /api/v1/oauth/authorize`.
pub async fn post(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    _no_query: NoQuery,
    Form(params): Form,
) -> Response {
    answer(&state, &page, &params, Arrival::Post, &browser).await
}

async fn answer(
    state: &AppState,
    page: &PageRequest,
    params: &Params,
    arrival: Arrival,
    browser: &Browser,
) -> Response {
    let refuse = |problem, developer| {
        show(
            state
                .pages
                .render_error(&page.error(problem, Some(developer), None)),
        )
    };
    match authorize(&state.provider, params, arrival, browser, &page.context).await {
        Ok(started) => {
            let mut response = go(state, page, started.next);
            set_binding(&mut response, &state.provider.issuer, started.binding.as_ref());
            response
        }
        Err(AuthorizeError::Client(error)) => {
            tracing::info!(error.code = %error.error.code, "an authorization request was refused");
            answer_client(state, page, error.answer())
        }
        Err(AuthorizeError::Page(reason, error)) => {
            tracing::info!(error.code = %error.code, "an authorization request was refused on a page");
            refuse(problem_of(reason), error)
        }
        Err(AuthorizeError::Storage(error)) => {
            log_storage_failure(&error);
            refuse(Problem::Unavailable, OAuthError::unavailable())
        }
    }
}

/// The words for the person; the developer reads code and description beside them.
fn problem_of(reason: PageReason) -> Problem {
    match reason {
        PageReason::Request => Problem::InvalidRequest,
        PageReason::Client => Problem::UnknownClient,
        PageReason::RedirectUri => Problem::RedirectMismatch,
    }
}
