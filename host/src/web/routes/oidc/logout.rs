//! The end session endpoint (OpenID Connect RP-Initiated Logout §2): GET and POST are the same request.
//!
//! A POST that a client's page sends has no cookie with it (SameSite=Lax), and its ID token does not belong in a URL.
//! So a page of ours sends it once more, from here.

use authly_oauth::{
    Params,
    logout::{self, LogoutError},
};
use axum::{
    extract::{FromRequestParts, State},
    http::request::Parts,
    response::Response,
};

use crate::web::{
    error::Failure,
    extract::{Form, NoQuery, Query},
    middleware::csrf::is_same_origin,
    pages::ResendView,
    routes::account::{BrowserCookies, PageRequest, logout::answer, show},
    state::{AppState, SharedState},
};

/// What a request may say.
const FIELDS: [&str; 6] = [
    "id_token_hint",
    "logout_hint",
    "client_id",
    "post_logout_redirect_uri",
    "state",
    "ui_locales",
];

/// A request whose parameters are in its body alone.
pub struct Posted {
    /// It comes from a page of ours, or from none: the browser's cookies are with it.
    from_here: bool,
}

impl FromRequestParts<SharedState> for Posted {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &SharedState) -> Result<Self, Failure> {
        NoQuery::from_request_parts(parts, state).await?;
        let issuer = &state.provider.issuer;
        Ok(Self {
            from_here: is_same_origin(&parts.method, &parts.headers, issuer),
        })
    }
}

/// `GET /oidc/logout`.
pub async fn get(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Query(params): Query,
) -> Response {
    let outcome = logout::begin(&state.provider, &params, &browser, &page.context).await;
    answer(&state, &page, &browser, outcome)
}

/// `POST /oidc/logout`.
pub async fn post(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Posted { from_here }: Posted,
    Form(params): Form,
) -> Response {
    if !from_here {
        return match resend(&state, &page, &params).await {
            Ok(view) => show(state.pages.render_resend(&view)),
            Err(error) => answer(&state, &page, &browser, Err(error)),
        };
    }
    let outcome = logout::begin(&state.provider, &params, &browser, &page.context).await;
    answer(&state, &page, &browser, outcome)
}

/// The same request from a page of ours. It is checked already: what is refused is refused at once.
async fn resend(state: &AppState, page: &PageRequest, params: &Params) -> Result<ResendView, LogoutError> {
    let checked = logout::check(&state.provider, params, &page.context).await?;
    let given = |name| params.get(name).map(|value| (name, value.to_owned()));
    Ok(ResendView {
        fields: FIELDS.into_iter().filter_map(given).collect(),
        after: checked.after.map(|after| after.uri),
        locale: page.locale(&checked.ui_locales),
    })
}
