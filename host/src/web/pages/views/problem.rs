//! Pages without a form: what went wrong, what there is to know, and the next step.

use http::StatusCode;
use serde::Serialize;

use crate::web::pages::Locale;

/// What went wrong, as a person should hear it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// The client's request breaks a rule and must not be answered by a redirect.
    InvalidRequest,
    /// `client_id` is unknown or disabled.
    UnknownClient,
    /// `redirect_uri` is not one of the client's.
    RedirectMismatch,
    /// The interaction is unknown or its time is over.
    Expired,
    /// The interaction is bound to another browser, or cookies are blocked.
    OtherBrowser,
    /// Origin or CSRF token are not this site's.
    FormRejected,
    /// No such page.
    NotFound,
    /// A rate limit.
    TooManyRequests,
    /// A dependency does not answer (503).
    Unavailable,
    /// A fault of the server (500).
    Internal,
}

impl Problem {
    /// Every problem, for tests and screens.
    pub const ALL: [Self; 10] = [
        Self::InvalidRequest,
        Self::UnknownClient,
        Self::RedirectMismatch,
        Self::Expired,
        Self::OtherBrowser,
        Self::FormRejected,
        Self::NotFound,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The status of a page that shows it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest | Self::UnknownClient | Self::RedirectMismatch | Self::OtherBrowser => {
                StatusCode::BAD_REQUEST
            }
            Self::Expired => StatusCode::GONE,
            Self::FormRejected => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// What the client's developer needs, set apart from the words for the person.
#[derive(Clone, Debug, Serialize)]
pub struct DeveloperDetail {
    /// The OAuth error code.
    pub code: String,
    /// Its public description.
    pub description: String,
}

/// The next step of a page without a form. Shown when its URI is an http(s) URL or a path on this server.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BackLink {
    /// To the client.
    Client {
        /// `client_name`.
        name: String,
        /// `client_uri`.
        uri: String,
    },
    /// The same request from its beginning.
    StartAgain {
        /// The authorization request, or the page before.
        uri: String,
    },
    /// The same page again, later.
    Retry {
        /// The page.
        uri: String,
    },
    /// To the person's own pages.
    Account {
        /// The page.
        uri: String,
    },
    /// To the person's own pages, which ask to sign in.
    SignIn {
        /// The page.
        uri: String,
    },
    /// To the page that signs out.
    SignOut {
        /// The page.
        uri: String,
    },
}

/// An error page.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorView {
    /// What went wrong; decides the words and the status.
    pub problem: Problem,
    /// For the client's developer, where the client is to blame.
    pub developer: Option<DeveloperDetail>,
    /// Correlates the page with the log.
    pub request_id: String,
    /// The next step.
    pub back: Option<BackLink>,
    /// The page's language.
    pub locale: Locale,
}

/// Something to know that is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Message {
    /// The interaction was completed before: a double click, or the back button.
    Finished,
    /// `/login` or `/consent` without an interaction.
    StartAtApp,
    /// Nobody is signed in in this browser (any more).
    SignedOut,
    /// The person chose to stay signed in.
    StillSignedIn,
}

impl Message {
    /// Every message, for tests and screens.
    pub const ALL: [Self; 4] = [
        Self::Finished,
        Self::StartAtApp,
        Self::SignedOut,
        Self::StillSignedIn,
    ];
}

/// A page that says something and offers a next step.
#[derive(Clone, Debug, Serialize)]
pub struct MessageView {
    /// What to say.
    pub message: Message,
    /// The next step.
    pub back: Option<BackLink>,
    /// The page's language.
    pub locale: Locale,
}
