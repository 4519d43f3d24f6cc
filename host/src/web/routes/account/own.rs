//! What a person's own pages share: who asks, and the answers that are the same on each.

use authly_core::OAuthError;
use authly_oauth::{
    account::{self, AccountError, OwnPage, Owner},
    interaction::Browser,
};
use axum::response::Response;

use super::outcome::{PageRequest, log_storage_failure, show};
use crate::web::{
    pages::{BackLink, Problem},
    respond,
    state::AppState,
};

/// Who asks for one of their own pages, or where the browser goes instead: to sign in, and back here.
pub async fn owner(
    state: &AppState,
    page: &PageRequest,
    browser: &Browser,
    here: OwnPage,
) -> Result<Owner, Response> {
    account::owner(&state.provider, browser, &page.context)
        .await
        .map_err(|error| refuse(state, page, error, here))
}

/// Why a page is not shown, or a form not accepted.
pub fn refuse(state: &AppState, page: &PageRequest, error: AccountError, here: OwnPage) -> Response {
    let issuer = &state.provider.issuer;
    match error {
        AccountError::SignedOut => {
            respond::see_other(&issuer.url(&format!("/account/login?to={}", here.as_str())))
        }
        AccountError::Csrf => {
            let uri = issuer.url(here.path());
            let back = Some(BackLink::StartAgain { uri });
            show(
                state
                    .pages
                    .render_error(&page.error(Problem::FormRejected, None, back)),
            )
        }
        AccountError::Storage(error) => {
            log_storage_failure(&error);
            let back = Some(BackLink::Retry {
                uri: issuer.url(here.path()),
            });
            let view = page.error(Problem::Unavailable, Some(OAuthError::unavailable()), back);
            show(state.pages.render_error(&view))
        }
    }
}

/// A form that lacks a field or has one that means nothing.
pub fn malformed(state: &AppState, page: &PageRequest, error: OAuthError, here: OwnPage) -> Response {
    let back = Some(BackLink::StartAgain {
        uri: state.provider.issuer.url(here.path()),
    });
    show(
        state
            .pages
            .render_error(&page.error(Problem::InvalidRequest, Some(error), back)),
    )
}
