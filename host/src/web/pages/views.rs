//! What each page is told: plain data, made by the handlers, escaped by the templates.

use authly_core::client::Client;
use http::StatusCode;
use serde::Serialize;
use url::Url;

use super::Locale;

mod account;

pub use account::*;

/// Where the browser goes after the person decided, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum ClientHost {
    /// A web site: its host as in the address bar (punycode, so that look-alike letters show).
    Site(String),
    /// A loopback address: a program on the person's device.
    Device,
    /// A private-use scheme (RFC 8252 §7.1): an app on the person's device.
    App,
}

impl ClientHost {
    /// The host of a redirect URI; `None` when it has none to show.
    pub fn of(redirect_uri: &str) -> Option<Self> {
        let uri = Url::parse(redirect_uri).ok()?;
        if !matches!(uri.scheme(), "http" | "https") {
            return Some(Self::App);
        }
        match uri.host()? {
            url::Host::Domain("localhost") => Some(Self::Device),
            url::Host::Ipv4(address) if address.is_loopback() => Some(Self::Device),
            url::Host::Ipv6(address) if address.is_loopback() => Some(Self::Device),
            host => Some(Self::Site(host.to_string())),
        }
    }
}

/// Who asks.
#[derive(Clone, Debug, Serialize)]
pub struct ClientView {
    /// `client_name`.
    pub name: String,
    /// Where the browser will go on to; not shown for first-party clients.
    pub host: Option<ClientHost>,
    /// Operated by whoever operates the server.
    pub first_party: bool,
    /// `policy_uri`; linked when it is an http(s) URL.
    pub policy_uri: Option<String>,
    /// `tos_uri`; linked when it is an http(s) URL.
    pub tos_uri: Option<String>,
}

impl ClientView {
    /// What a page shows of a client that asked to be answered at `redirect_uri`.
    pub fn of(client: &Client, redirect_uri: &str) -> Self {
        Self {
            name: client.name.clone(),
            host: ClientHost::of(redirect_uri),
            first_party: client.first_party,
            policy_uri: client.policy_uri.clone(),
            tos_uri: client.tos_uri.clone(),
        }
    }
}

impl ClientView {
    /// What is left to show of a client that is registered no longer.
    pub fn unregistered(client_id: &str) -> Self {
        Self {
            name: client_id.to_owned(),
            host: None,
            first_party: false,
            policy_uri: None,
            tos_uri: None,
        }
    }
}

/// Why the last attempt to sign in did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LoginProblem {
    /// User name and password do not match; says the same for an unknown or disabled account.
    Rejected,
    /// Too many failures for this account or address.
    Delayed {
        /// Whole seconds until the next attempt counts, rounded up.
        seconds: u32,
    },
    /// The password pool is full; the password was not checked.
    Busy,
    /// Storage did not answer.
    Unavailable,
}

impl LoginProblem {
    /// The status of a login page that shows it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Rejected => StatusCode::BAD_REQUEST,
            Self::Delayed { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The sign-in page. Its form posts `interaction`, `csrf`, `username` and `password` to `/login`.
#[derive(Clone, Serialize)]
pub struct LoginView {
    /// The interaction's id, as in the page's URL.
    pub interaction: String,
    /// The token the form must bring back.
    pub csrf: String,
    /// Who asks.
    pub client: ClientView,
    /// Where the browser goes in the end: the page's CSP must allow it.
    pub redirect_uri: String,
    /// Fills the user name field: `login_hint`, or what was typed before.
    pub username: Option<String>,
    /// What went wrong before.
    pub error: Option<LoginProblem>,
    /// User name of the person who is signed in and must prove it again (`prompt=login`, `max_age`).
    pub signed_in_as: Option<String>,
    /// The page's language.
    pub locale: Locale,
}

/// One permission on the consent page.
#[derive(Clone, Debug, Serialize)]
pub struct ScopeLine {
    /// The scope token.
    pub name: String,
    /// What the operator says about it; quoted when Authly has no sentence of its own.
    pub description: Option<String>,
    /// Not yet allowed to this client.
    pub is_new: bool,
}

/// A claim asked for by name on the consent page, beside what the scopes hold.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimLine {
    /// The claim's name.
    pub name: String,
    /// Not yet allowed to this client.
    pub is_new: bool,
}

/// The choice of an account. Its form posts `interaction` and `csrf` to `/select-account`.
#[derive(Clone, Serialize)]
pub struct SelectView {
    /// The interaction's id, as in the page's URL.
    pub interaction: String,
    /// The token the form must bring back.
    pub csrf: String,
    /// Who asks.
    pub client: ClientView,
    /// Where the browser goes in the end: the page's CSP must allow it.
    pub redirect_uri: String,
    /// The `name` claim of the person who is signed in.
    pub display_name: Option<String>,
    /// Their user name.
    pub username: String,
    /// The page's language.
    pub locale: Locale,
}

/// The form that carries an answer to the client (OAuth Form Post Response Mode §2).
#[derive(Clone, Serialize)]
pub struct FormPostView {
    /// The client's redirect URI.
    pub action: String,
    /// Its host, in words.
    pub host: Option<ClientHost>,
    /// Names and values of the form.
    pub fields: Vec<(&'static str, String)>,
    /// The page's language.
    pub locale: Locale,
}

/// The consent page. Its form posts `interaction`, `csrf` and `decision` (`allow` or `deny`) to `/consent`.
#[derive(Clone, Serialize)]
pub struct ConsentView {
    /// The interaction's id, as in the page's URL.
    pub interaction: String,
    /// The token the form must bring back.
    pub csrf: String,
    /// Who asks.
    pub client: ClientView,
    /// Where the browser goes in the end: the page's CSP must allow it.
    pub redirect_uri: String,
    /// The person's `name` claim.
    pub display_name: Option<String>,
    /// The person's user name.
    pub username: String,
    /// What is asked for, in the order to show; [`ConsentView::SCOPES_MAX`] at most are expected.
    pub scopes: Vec<ScopeLine>,
    /// What is asked for by name beyond them.
    pub claims: Vec<ClaimLine>,
    /// The page's language.
    pub locale: Locale,
}

impl ConsentView {
    /// As many scopes as one request may name.
    pub const SCOPES_MAX: usize = authly_core::ScopeSet::COUNT_MAX;
}

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

/// The demonstration page of `--dev`. English only: its readers are developers.
#[derive(Clone, Debug, Serialize)]
pub struct DemoView {
    /// The issuer: base of every endpoint, and the origin the page must be opened on.
    pub issuer: String,
    /// A public client whose redirect URI is [`DemoView::redirect_uri`].
    pub client_id: String,
    /// `{issuer}/demo/callback`.
    pub redirect_uri: String,
    /// What the page asks for.
    pub scope: String,
    /// `plugins.dir`, as the operator would type it.
    pub plugins_dir: Option<String>,
    /// The user to sign in as; the password is printed by the server, never here.
    pub username: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_host_is_where_the_browser_really_goes() {
        let site = |name: &str| Some(ClientHost::Site(name.to_owned()));
        assert_eq!(
            ClientHost::of("https://Notes.Example/cb?x=1"),
            site("notes.example")
        );
        assert_eq!(
            ClientHost::of("https://user@notes.example/"),
            site("notes.example")
        );
        assert_eq!(
            ClientHost::of("https://b\u{fc}cher.example/"),
            site("xn--bcher-kva.example")
        );
        assert_eq!(
            ClientHost::of("http://127.0.0.1:7777/cb"),
            Some(ClientHost::Device)
        );
        assert_eq!(ClientHost::of("http://[::1]:7777/cb"), Some(ClientHost::Device));
        assert_eq!(ClientHost::of("http://localhost/cb"), Some(ClientHost::Device));
        assert_eq!(ClientHost::of("com.example.notes:/cb"), Some(ClientHost::App));
        assert_eq!(ClientHost::of("not a uri"), None);
    }
}
