//! The sign-in page: GET shows it, POST takes the form.

use authly_core::{ErrorCode, OAuthError, PlainToken, RequestContext, SecretText};
use authly_oauth::{
    Params,
    interaction::{
        Credentials, InteractionError, LoginPrompt, LoginStep, LoginVerdict, Refusal, show_login,
        submit_login,
    },
};
use axum::{extract::State, response::Response};

use super::{
    cookies::{BrowserCookies, set_binding, set_device, set_session},
    new_password,
    outcome::{PageRequest, go, log_storage_failure, problem_page, show},
    select,
};
use crate::web::{
    extract::{Form, Query},
    pages::{ClientView, LoginProblem, LoginView, Message, MessageView},
    state::{AppState, SharedState},
};

/// `GET /login?interaction=ID[&switch=1]`.
pub async fn show_page(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Query(params): Query,
) -> Response {
    let Some(id) = interaction_id(&params) else {
        return start_at_app(&state, &page);
    };
    let switch = params.get("switch").is_some();
    match show_login(&state.provider, &id, &browser, switch, &page.context).await {
        Ok(LoginStep::Show(prompt)) => render(&state, &page, *prompt, None),
        Ok(LoginStep::NewPassword(prompt)) => new_password::render(&state, &page, *prompt, None),
        Ok(LoginStep::Select(prompt)) => select::render(&state, &page, *prompt),
        Ok(LoginStep::Go(started)) => {
            let mut response = go(&state, &page, started.next);
            set_binding(&mut response, &state.provider.issuer, started.binding.as_ref());
            response
        }
        Err(error) => problem_page(&state, &page, error),
    }
}

/// `POST /login`: `interaction`, `csrf`, `username`, `password`.
pub async fn submit(
    State(state): State<SharedState>,
    page: PageRequest,
    BrowserCookies(browser): BrowserCookies,
    Form(params): Form,
) -> Response {
    let Some(id) = interaction_id(&params) else {
        return start_at_app(&state, &page);
    };
    let credentials = match credentials(&params) {
        Ok(credentials) => credentials,
        Err(error) => return problem_page(&state, &page, InteractionError::Malformed(error)),
    };
    let form = (credentials, &page.context);
    match submit_login(&state.provider, state.authenticator.as_ref(), &id, &browser, form).await {
        Ok(LoginVerdict::SignedIn {
            session,
            device,
            next,
        }) => {
            let mut response = go(&state, &page, next);
            set_session(&mut response, &state.provider.issuer, &session);
            set_device(&mut response, &state.provider.issuer, &device);
            response
        }
        Ok(LoginVerdict::NewPassword { device, next }) => {
            let mut response = go(&state, &page, next);
            set_device(&mut response, &state.provider.issuer, &device);
            response
        }
        Ok(LoginVerdict::Retry { prompt, refusal }) => {
            let problem = login_problem(&refusal, &page.context);
            render(&state, &page, *prompt, Some(problem))
        }
        Err(error) => problem_page(&state, &page, error),
    }
}

/// The interaction a page or form belongs to.
pub(super) fn interaction_id(params: &Params) -> Option<PlainToken> {
    params
        .get("interaction")
        .filter(|_| !params.is_duplicate("interaction"))
        .and_then(PlainToken::presented)
}

/// `/login` or `/consent` opened by hand: there is nothing to sign in to.
pub(super) fn start_at_app(state: &AppState, page: &PageRequest) -> Response {
    let view = MessageView {
        message: Message::StartAtApp,
        back: None,
        locale: page.locale(&[]),
    };
    show(state.pages.render_message(&view))
}

/// An empty field is an attempt like any other and is answered like one: the person sees the form again.
pub(super) fn credentials(params: &Params) -> Result<Credentials, OAuthError> {
    params.check_no_duplicates()?;
    let field = |name| params.get(name).unwrap_or_default().to_owned();
    let username = field("username");
    if username.len() > USERNAME_LENGTH_MAX {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "The user name is longer than 255 bytes.",
        ));
    }
    Ok(Credentials {
        csrf: field("csrf"),
        username,
        password: SecretText::new(field("password")),
    })
}

/// As in the form's `maxlength`.
const USERNAME_LENGTH_MAX: usize = 255;

/// What the form says about a refusal.
pub(super) fn login_problem(refusal: &Refusal, context: &RequestContext) -> LoginProblem {
    match refusal {
        Refusal::Rejected => LoginProblem::Rejected,
        Refusal::Delayed { until } => {
            let wait = until.since(context.now);
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            LoginProblem::Delayed {
                seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
            }
        }
        Refusal::Busy => LoginProblem::Busy,
        Refusal::NewPasswordDue(_) => LoginProblem::NewPasswordDue,
        Refusal::Storage(error) => {
            log_storage_failure(error);
            LoginProblem::Unavailable
        }
    }
}

fn render(
    state: &AppState,
    page: &PageRequest,
    prompt: LoginPrompt,
    error: Option<LoginProblem>,
) -> Response {
    let view = LoginView {
        interaction: prompt.interaction.expose().to_owned(),
        csrf: prompt.csrf,
        client: ClientView::of(&prompt.client, &prompt.redirect_uri),
        redirect_uri: prompt.redirect_uri,
        username: prompt.username,
        error,
        signed_in_as: prompt.signed_in_as,
        locale: page.locale(&prompt.ui_locales),
    };
    let mut response = show(state.pages.render_login(&view));
    set_binding(&mut response, &state.provider.issuer, prompt.binding.as_ref());
    response
}
