//! Signing out by the person: GET asks, POST takes the answer. What a client sends arrives at
//! [`oidc::logout`](super::super::oidc::logout) and is answered here.

use std::sync::Arc;

use authly_core::{OAuthError, client::Client};
use authly_oauth::{
    Params,
    authorize::PageReason,
    interaction::Browser,
    logout::{self, AfterLogout, Logout, LogoutError, LogoutPrompt},
};
use axum::{extract::State, response::Response};

use super::{
    cookies::{BrowserCookies, clear_session},
    outcome::{PageRequest, back_to_client, log_storage_failure, show},
};
use crate::web::{
    extract::Form,
    pages::{AfterView, BackLink, ClientView, LogoutView, Message, MessageView, Problem, WhoView},
    respond,
    state::{AppState, SharedState},
};

/// `GET /logout`.
pub async fn show_page(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
) -> Response {
    let asked = logout::begin(&state.provider, &Params::default(), &browser, &page.context).await;
    answer(&state, &page, &browser, asked)
}

/// `POST /logout`: `csrf`, `decision`, and where a client wants the person back.
pub async fn submit(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Form(params): Form,
) -> Response {
    let decided = logout::decide(&state.provider, &params, &browser, &page.context).await;
    answer(&state, &page, &browser, decided)
}

/// What became of a request to sign out, as the browser is told.
pub fn answer(
    state: &AppState,
    page: &PageRequest,
    browser: &Browser,
    outcome: Result<Logout, LogoutError>,
) -> Response {
    match outcome {
        Ok(Logout::Ask(prompt)) => ask(state, page, *prompt),
        Ok(Logout::Left { location }) => forgetting(state, browser, respond::see_other(&location)),
        Ok(Logout::SignedOut {
            client,
            after,
            ui_locales,
        }) => {
            let view = MessageView {
                message: Message::SignedOut,
                back: Some(way_on(state, client, after)),
                locale: page.locale(&ui_locales),
            };
            forgetting(state, browser, show(state.pages.render_message(&view)))
        }
        Ok(Logout::Stayed { client }) => {
            let own = || BackLink::Account {
                uri: state.provider.issuer.url("/account"),
            };
            let view = MessageView {
                message: Message::StillSignedIn,
                back: client.as_deref().and_then(back_to_client).or_else(|| Some(own())),
                locale: page.locale(&[]),
            };
            show(state.pages.render_message(&view))
        }
        Err(error) => refuse(state, page, error),
    }
}

/// The page that asks.
fn ask(state: &AppState, page: &PageRequest, prompt: LogoutPrompt) -> Response {
    let LogoutPrompt {
        user,
        client,
        after,
        csrf,
        ui_locales,
    } = prompt;
    let place = after.as_ref().map_or("", |after| after.uri.as_str());
    let view = LogoutView {
        who: WhoView::of(&user),
        csrf,
        after: after
            .as_ref()
            .zip(client.as_ref())
            .map(|(after, client)| AfterView {
                client_id: client.id.to_string(),
                uri: after.uri.clone(),
                state: after.state.clone(),
            }),
        client: client.as_ref().map(|client| ClientView::of(client, place)),
        locale: page.locale(&ui_locales),
    };
    show(state.pages.render_logout(&view))
}

/// The cookie, if there was one, stands for nothing any more.
fn forgetting(state: &AppState, browser: &Browser, mut response: Response) -> Response {
    if browser.session.is_some() {
        clear_session(&mut response, &state.provider.issuer);
    }
    response
}

/// Where a person who is signed out may go on to.
fn way_on(state: &AppState, client: Option<Arc<Client>>, after: Option<AfterLogout>) -> BackLink {
    let back = client.and_then(|client| match after {
        Some(after) => Some(BackLink::Client {
            name: client.name.clone(),
            uri: after.location(),
        }),
        None => back_to_client(&client),
    });
    back.unwrap_or_else(|| BackLink::SignIn {
        uri: state.provider.issuer.url("/account"),
    })
}

/// An error page. The person can still sign out: that they asked for it is likely.
fn refuse(state: &AppState, page: &PageRequest, error: LogoutError) -> Response {
    let uri = state.provider.issuer.url("/logout");
    let (problem, developer, back) = match error {
        LogoutError::Refused(reason, error) => {
            tracing::info!(error.code = %error.code, "a request to sign out was refused on a page");
            (problem_of(reason), Some(error), BackLink::SignOut { uri })
        }
        LogoutError::Csrf => (Problem::FormRejected, None, BackLink::StartAgain { uri }),
        LogoutError::Storage(error) => {
            log_storage_failure(&error);
            let unavailable = OAuthError::unavailable();
            (Problem::Unavailable, Some(unavailable), BackLink::Retry { uri })
        }
    };
    show(
        state
            .pages
            .render_error(&page.error(problem, developer, Some(back))),
    )
}

fn problem_of(reason: PageReason) -> Problem {
    match reason {
        PageReason::Request => Problem::InvalidRequest,
        PageReason::Client => Problem::UnknownClient,
        PageReason::RedirectUri => Problem::RedirectMismatch,
    }
}
