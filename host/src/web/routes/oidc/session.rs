//! Whether somebody is signed in in this browser, as the predecessor's endpoint answered it.
//!
//! It tells the truth from the session cookie. That cookie is SameSite=Lax: a request that a script or a frame of
//! another site sends does not carry it, and is told what a browser without a session is told.

use authly_core::{ClientId, RequestContext, StorageError};
use authly_oauth::session;
use axum::{extract::State, response::Response};
use serde::Serialize;

use crate::web::{
    error::{self, Failure},
    extract::{Context, Query},
    pages::moment::Moment,
    respond,
    routes::account::BrowserCookies,
    state::SharedState,
};

/// The answer.
#[derive(Serialize)]
struct SessionCheck {
    session_state: SessionState,
    authenticated: bool,
    /// As asked, if it can be one.
    client_id: Option<ClientId>,
    /// RFC 3339, UTC.
    check_time: String,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum SessionState {
    Active,
    LoggedOut,
}

/// `GET /oidc/session/check[?client_id=ID]`.
pub async fn check(
    State(state): State<SharedState>,
    Context(context): Context,
    BrowserCookies(browser): BrowserCookies,
    Query(params): Query,
) -> Result<Response, Failure> {
    let cookie = browser.session.as_ref();
    let signed_in = session::look(&state.provider, cookie, &context).await;
    let authenticated = signed_in.map_err(|error| unavailable(&error))?.is_some();
    Ok(respond::json(&answer(
        authenticated,
        params.get("client_id"),
        &context,
    )))
}

fn answer(authenticated: bool, client_id: Option<&str>, context: &RequestContext) -> SessionCheck {
    SessionCheck {
        session_state: if authenticated {
            SessionState::Active
        } else {
            SessionState::LoggedOut
        },
        authenticated,
        client_id: client_id.and_then(|text| ClientId::parse(text).ok()),
        check_time: Moment::of(context.now, context.now).iso,
    }
}

/// The session could not be read: an outage, never "logged out".
fn unavailable(error: &StorageError) -> Failure {
    let failure = Failure::unavailable();
    error::log("a session could not be checked", error, &failure);
    failure
}
