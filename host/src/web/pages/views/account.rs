//! What a person's own pages are told, and those of signing out.

use serde::Serialize;

use super::{ClientView, LoginProblem, ScopeLine};
use crate::web::pages::{Locale, moment::Moment};

/// The person a page belongs to.
#[derive(Clone, Debug, Serialize)]
pub struct WhoView {
    /// The user name.
    pub username: String,
    /// The `name` claim, if it says something.
    pub display_name: Option<String>,
}

impl WhoView {
    /// What a page shows of a person.
    pub fn of(user: &authly_core::user::User) -> Self {
        let name = user.claims.get("name").and_then(serde_json::Value::as_str);
        Self {
            username: user.username.clone(),
            display_name: name.filter(|name| !name.trim().is_empty()).map(str::to_owned),
        }
    }
}

/// The way in to a person's own pages. Its form posts `to`, `csrf`, `username` and `password` to `/account/login`.
#[derive(Clone, Serialize)]
pub struct AccountLoginView {
    /// The name of the page it leads to.
    pub to: &'static str,
    /// The token the form must bring back.
    pub csrf: String,
    /// What was typed before.
    pub username: Option<String>,
    /// What went wrong before.
    pub error: Option<LoginProblem>,
    /// The page's language.
    pub locale: Locale,
}

/// The overview.
#[derive(Clone, Debug, Serialize)]
pub struct AccountView {
    /// Whose.
    pub who: WhoView,
    /// How many clients the person agreed to something for.
    pub apps: usize,
    /// In how many browsers they are signed in.
    pub sessions: usize,
    /// The page's language.
    pub locale: Locale,
}

/// What the person agreed to. Each form posts `csrf` and `client_id` to `/account/consents`.
#[derive(Clone, Debug, Serialize)]
pub struct AppsView {
    /// Whose.
    pub who: WhoView,
    /// The token the forms must bring back.
    pub csrf: String,
    /// The clients.
    pub apps: Vec<AppView>,
    /// Whether one was withdrawn just now.
    pub withdrawn: bool,
    /// The page's language.
    pub locale: Locale,
}

/// What the person agreed to for one client.
#[derive(Clone, Debug, Serialize)]
pub struct AppView {
    /// `client_id`.
    pub client_id: String,
    /// How it is registered now.
    pub client: ClientView,
    /// To what; none is new.
    pub scopes: Vec<ScopeLine>,
    /// When, the last time.
    pub agreed: Moment,
}

/// Where the person is signed in. Its forms post `csrf`, and `session` or `others`, to `/account/sessions`.
#[derive(Clone, Debug, Serialize)]
pub struct SessionsView {
    /// Whose.
    pub who: WhoView,
    /// The token the forms must bring back.
    pub csrf: String,
    /// The sessions, the one that asks first.
    pub sessions: Vec<SessionView>,
    /// Whether some ended just now.
    pub ended: bool,
    /// The page's language.
    pub locale: Locale,
}

/// One session.
#[derive(Clone, Debug, Serialize)]
pub struct SessionView {
    /// Its public identifier.
    pub id: String,
    /// Whether it is the one that asks.
    pub is_current: bool,
    /// The browser, when it is a known one.
    pub browser: Option<&'static str>,
    /// The system, when it is a known one.
    pub system: Option<&'static str>,
    /// Whether it is a telephone or a tablet.
    pub is_mobile: bool,
    /// The address it signed in from.
    pub address: Option<String>,
    /// When it began.
    pub started: Moment,
    /// When it was last used.
    pub last_used: Moment,
}

/// The confirmation of signing out. Its form posts `csrf`, `decision` (`logout` or `stay`) and, when a client is to be
/// gone back to, `client_id`, `post_logout_redirect_uri` and `state` to `/logout`.
#[derive(Clone, Debug, Serialize)]
pub struct LogoutView {
    /// Who would be signed out.
    pub who: WhoView,
    /// The token the form must bring back.
    pub csrf: String,
    /// Who asks; `None`: the person.
    pub client: Option<ClientView>,
    /// Where the browser goes afterwards.
    pub after: Option<AfterView>,
    /// The page's language.
    pub locale: Locale,
}

/// Where the browser goes after signing out.
#[derive(Clone, Debug, Serialize)]
pub struct AfterView {
    /// Whose the address is.
    pub client_id: String,
    /// The address: the page's CSP must allow it.
    pub uri: String,
    /// What it is told.
    pub state: Option<String>,
}

/// A request that arrived without the browser's cookies and is sent once more, from here.
#[derive(Clone, Debug, Serialize)]
pub struct ResendView {
    /// Names and values of the form.
    pub fields: Vec<(&'static str, String)>,
    /// Where its answer may redirect to: the page's CSP must allow it.
    pub after: Option<String>,
    /// The page's language.
    pub locale: Locale,
}
