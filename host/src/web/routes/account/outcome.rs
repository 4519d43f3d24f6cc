//! How the steps of an interaction look to a browser: where it goes next, or which page says why not.

use authly_core::{OAuthError, RequestContext, StorageError, client::Client};
use authly_oauth::{
    authorize::ClientAnswer,
    interaction::{InteractionError, Next},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};

use crate::web::{
    error::Failure,
    extract::Context,
    pages::{
        BackLink, ClientHost, DeveloperDetail, ErrorView, FormPostView, Locale, Message, MessageView, Page,
        PagesError, Problem,
    },
    respond,
    state::{AppState, SharedState},
};

/// A request for a page.
pub struct PageRequest {
    /// Its facts, for the use case and for the page that names it.
    pub context: RequestContext,
    /// The browser's languages.
    accept_language: Option<String>,
}

impl FromRequestParts<SharedState> for PageRequest {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &SharedState) -> Result<Self, Failure> {
        let Context(context) = Context::from_request_parts(parts, state).await?;
        Ok(Self {
            context,
            accept_language: accept_language(&parts.headers),
        })
    }
}

fn accept_language(headers: &HeaderMap) -> Option<String> {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|v| v.to_str().ok())
        .map(str::to_owned)
}

impl PageRequest {
    /// The page's language: the client's wish first, then the browser's.
    pub fn locale(&self, ui_locales: &[String]) -> Locale {
        Locale::negotiate(ui_locales, self.accept_language.as_deref())
    }

    /// An error page.
    pub fn error(
        &self,
        problem: Problem,
        developer: Option<OAuthError>,
        back: Option<BackLink>,
    ) -> ErrorView {
        ErrorView {
            problem,
            developer: developer.map(|e| DeveloperDetail {
                code: e.code.to_string(),
                description: e.description.to_owned(),
            }),
            request_id: self.context.request_id.clone(),
            back,
            locale: self.locale(&[]),
        }
    }
}

/// Sends the browser on: to a page of ours, or to the client.
pub fn go(state: &AppState, page: &PageRequest, next: Next) -> Response {
    let issuer = &state.provider.issuer;
    match next {
        Next::Login { interaction } => {
            respond::see_other(&issuer.url(&page_path("/login", interaction.expose())))
        }
        Next::Consent { interaction } => {
            respond::see_other(&issuer.url(&page_path("/consent", interaction.expose())))
        }
        Next::Client(answer) => answer_client(state, page, answer),
    }
}

/// What the client is told, by the mode it asked for: 303 (RFC 9700 §4.12), or a form that the browser posts.
pub fn answer_client(state: &AppState, page: &PageRequest, answer: ClientAnswer) -> Response {
    match answer {
        ClientAnswer::Redirect { location } => respond::see_other(&location),
        ClientAnswer::Form { redirect_uri, fields } => show(state.pages.render_form_post(&FormPostView {
            host: ClientHost::of(&redirect_uri),
            action: redirect_uri,
            fields,
            locale: page.locale(&[]),
        })),
    }
}

fn page_path(page: &str, interaction: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("interaction", interaction)
        .finish();
    format!("{page}?{query}")
}

/// A rendered page; a template that does not render is our fault and says so without one.
pub fn show(page: Result<Page, PagesError>) -> Response {
    page.map_or_else(
        |error| {
            tracing::error!(%error, "a page does not render");
            Failure::internal().into_response()
        },
        IntoResponse::into_response,
    )
}

/// The page of an interaction that cannot go on.
pub fn problem_page(state: &AppState, page: &PageRequest, error: InteractionError) -> Response {
    let problem =
        |problem, developer, back| show(state.pages.render_error(&page.error(problem, developer, back)));
    match error {
        InteractionError::Client(error) => {
            tracing::info!(error.code = %error.error.code, "an authorization request was refused");
            answer_client(state, page, error.answer())
        }
        InteractionError::Finished { client, restart } => {
            let back = client.as_deref().and_then(back_to_client);
            let again = || restart.map(|uri| BackLink::StartAgain { uri });
            let view = MessageView {
                message: Message::Finished,
                back: back.or_else(again),
                locale: page.locale(&[]),
            };
            show(state.pages.render_message(&view))
        }
        InteractionError::Expired { restart } => problem(
            Problem::Expired,
            None,
            restart.map(|uri| BackLink::StartAgain { uri }),
        ),
        InteractionError::OtherBrowser => problem(Problem::OtherBrowser, None, None),
        InteractionError::Csrf => problem(Problem::FormRejected, None, None),
        InteractionError::ClientGone => problem(Problem::UnknownClient, None, None),
        InteractionError::Malformed(error) => problem(Problem::InvalidRequest, Some(error), None),
        InteractionError::Storage(error) => {
            log_storage_failure(&error);
            problem(Problem::Unavailable, Some(OAuthError::unavailable()), None)
        }
    }
}

/// The way back to a client that says where it lives.
pub(super) fn back_to_client(client: &Client) -> Option<BackLink> {
    client.client_uri.clone().map(|uri| BackLink::Client {
        name: client.name.clone(),
        uri,
    })
}

/// Says, once and at the boundary, that the database did not answer.
pub fn log_storage_failure(error: &StorageError) {
    tracing::error!(error = error as &dyn std::error::Error, "storage failed");
}
