//! Errors as people see them: where a row speaks to people, a [`Failure`] becomes a page.

use authly_core::RequestContext;
use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::Failure;
use crate::web::{
    pages::{DeveloperDetail, ErrorView, Locale, Pages, Problem},
    routes::Surface,
};

/// How the errors of one request are to look.
pub(in crate::web) struct Rendering {
    /// `None`: as JSON.
    page: Option<PageContext>,
}

/// What an error page says of the request.
struct PageContext {
    request_id: String,
    locale: Locale,
}

impl Rendering {
    /// For a request on its way to a route of this surface.
    pub(in crate::web) fn of(request: &Request, surface: Surface) -> Self {
        let for_people = matches!(surface, Surface::Flow | Surface::Page);
        Self {
            page: for_people.then(|| PageContext::of(request)),
        }
    }

    /// Turns a [`Failure`] into a page where people read it; leaves any other answer alone.
    pub(in crate::web) fn apply(self, pages: &Pages, response: Response) -> Response {
        let (Some(context), Some(failure)) = (self.page, response.extensions().get::<Failure>()) else {
            return response;
        };
        match pages.render_error(&context.view(failure)) {
            Ok(page) => failure.clone().finish(page.into_response()),
            Err(error) => {
                tracing::error!(%error, "the error page does not render");
                response
            }
        }
    }
}

impl PageContext {
    fn of(request: &Request) -> Self {
        let context = request.extensions().get::<RequestContext>();
        let accept_language = request
            .headers()
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        Self {
            request_id: context.map_or_else(String::new, |context| context.request_id.clone()),
            locale: Locale::negotiate(&[], accept_language),
        }
    }

    fn view(self, failure: &Failure) -> ErrorView {
        let problem = problem_of(failure.status());
        let developer = (problem == Problem::InvalidRequest).then(|| DeveloperDetail {
            code: failure.code().unwrap_or_default().to_owned(),
            description: failure.description().to_owned(),
        });
        ErrorView {
            problem,
            developer,
            request_id: self.request_id,
            back: None,
            locale: self.locale,
        }
    }
}

/// The words for a status; the page is sent with the status itself.
fn problem_of(status: StatusCode) -> Problem {
    match status {
        StatusCode::FORBIDDEN => Problem::FormRejected,
        StatusCode::NOT_FOUND => Problem::NotFound,
        StatusCode::TOO_MANY_REQUESTS => Problem::TooManyRequests,
        StatusCode::SERVICE_UNAVAILABLE => Problem::Unavailable,
        status if status.is_server_error() => Problem::Internal,
        _ => Problem::InvalidRequest,
    }
}

/// Whether the request asks for a page rather than for JSON.
pub(in crate::web) fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}
