//! What each page is told: plain data, made by the handlers, escaped by the templates.

use authly_core::client::Client;
use http::StatusCode;
use serde::Serialize;
use url::Url;

use super::Locale;

mod account;
mod new_password;
mod problem;

pub use account::*;
pub use new_password::*;
pub use problem::*;

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
    /// The password is right, but another one must be chosen first, which is done where an app asks to sign in.
    NewPasswordDue,
    /// Storage did not answer.
    Unavailable,
}

impl LoginProblem {
    /// The status of a login page that shows it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Rejected => StatusCode::BAD_REQUEST,
            Self::NewPasswordDue => StatusCode::FORBIDDEN,
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
