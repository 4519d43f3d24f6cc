//! The choice of a new password before the sign-in is done: the sign-in page shows it, POST takes the form.

use authly_core::SecretText;
use authly_oauth::interaction::{
    InteractionError, NewPasswordForm, NewPasswordPrompt, NewPasswordRefusal, NewPasswordVerdict,
    submit_new_password,
};
use axum::{extract::State, response::Response};

use super::{
    cookies::{BrowserCookies, set_binding, set_session},
    login::{interaction_id, start_at_app},
    outcome::{PageRequest, go, log_storage_failure, problem_page, show},
};
use crate::web::{
    extract::Form,
    pages::{ClientView, NewPasswordProblem, NewPasswordView},
    state::{AppState, SharedState},
};

/// `POST /new-password`: `interaction`, `csrf`, `new_password`, `new_password_again`.
pub async fn submit(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Form(params): Form,
) -> Response {
    let Some(id) = interaction_id(&params) else {
        return start_at_app(&state, &page);
    };
    if let Err(error) = params.check_no_duplicates() {
        return problem_page(&state, &page, InteractionError::Malformed(error));
    }
    let field = |name| params.get(name).unwrap_or_default().to_owned();
    let form = NewPasswordForm {
        csrf: field("csrf"),
        new: SecretText::new(field("new_password")),
        again: SecretText::new(field("new_password_again")),
    };
    let form = (form, &page.context);
    match submit_new_password(&state.provider, state.authenticator.as_ref(), &id, &browser, form).await {
        Ok(NewPasswordVerdict::SignedIn { session, next }) => {
            let mut response = go(&state, &page, next);
            set_session(&mut response, &state.provider.issuer, &session);
            response
        }
        Ok(NewPasswordVerdict::Retry { prompt, refusal }) => {
            render(&state, &page, *prompt, Some(problem(&refusal)))
        }
        Ok(NewPasswordVerdict::Go(next)) => go(&state, &page, next),
        Err(error) => problem_page(&state, &page, error),
    }
}

/// What the form says about a refusal.
fn problem(refusal: &NewPasswordRefusal) -> NewPasswordProblem {
    match refusal {
        NewPasswordRefusal::Differ => NewPasswordProblem::Differ,
        NewPasswordRefusal::Short { length_min } => NewPasswordProblem::Short {
            length_min: *length_min,
        },
        NewPasswordRefusal::Long => NewPasswordProblem::Long,
        NewPasswordRefusal::OwnName => NewPasswordProblem::OwnName,
        NewPasswordRefusal::Guessable => NewPasswordProblem::Guessable,
        NewPasswordRefusal::Same => NewPasswordProblem::Same,
        NewPasswordRefusal::Stale | NewPasswordRefusal::Busy => NewPasswordProblem::Busy,
        NewPasswordRefusal::Storage(error) => {
            log_storage_failure(error);
            NewPasswordProblem::Unavailable
        }
    }
}

pub(super) fn render(
    state: &AppState,
    page: &PageRequest,
    prompt: NewPasswordPrompt,
    error: Option<NewPasswordProblem>,
) -> Response {
    let view = NewPasswordView {
        interaction: prompt.interaction.expose().to_owned(),
        csrf: prompt.csrf,
        client: ClientView::of(&prompt.client, &prompt.redirect_uri),
        redirect_uri: prompt.redirect_uri,
        username: prompt.user.username.clone(),
        error,
        locale: page.locale(&prompt.ui_locales),
    };
    let mut response = show(state.pages.render_new_password(&view));
    set_binding(&mut response, &state.provider.issuer, prompt.binding.as_ref());
    response
}
