//! What the page for a new password is told.

use http::StatusCode;
use serde::Serialize;

use super::ClientView;
use crate::web::pages::Locale;

/// Why the last new password was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NewPasswordProblem {
    /// The two fields differ.
    Differ,
    /// Too few characters.
    Short {
        /// How many it needs.
        length_min: usize,
    },
    /// More than 1024 bytes.
    Long,
    /// Little else than the person's name or address.
    OwnName,
    /// Among the first that would be guessed.
    Guessable,
    /// The one it is to replace.
    Same,
    /// The password pool is full; nothing was changed.
    Busy,
    /// Storage did not answer.
    Unavailable,
}

impl NewPasswordProblem {
    /// The status of a page that shows it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Differ | Self::Short { .. } | Self::Long | Self::OwnName | Self::Guessable | Self::Same => {
                StatusCode::BAD_REQUEST
            }
            Self::Busy | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The choice of a new password. Its form posts `interaction`, `csrf`, `new_password` and `new_password_again` to
/// `/new-password`.
#[derive(Clone, Serialize)]
pub struct NewPasswordView {
    /// The interaction's id, as in the page's URL.
    pub interaction: String,
    /// The token the form must bring back.
    pub csrf: String,
    /// Who asks.
    pub client: ClientView,
    /// Where the browser goes in the end: the page's CSP must allow it.
    pub redirect_uri: String,
    /// Whose password it is.
    pub username: String,
    /// What went wrong before.
    pub error: Option<NewPasswordProblem>,
    /// The page's language.
    pub locale: Locale,
}
