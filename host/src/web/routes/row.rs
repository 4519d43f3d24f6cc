//! What a row of the route table says, word by word.

use std::time::Duration;

use axum::http::Method;

use crate::web::{router::Handle, state::SharedState};

/// One route and all its policies.
pub struct Route {
    /// The path below [`mount`](Self::mount).
    pub path: &'static str,
    /// The methods, beside HEAD; any other is 405.
    pub methods: &'static [Method],
    /// Where the path begins.
    pub mount: Mount,
    /// Whether it exists only with `--dev`.
    pub when: When,
    /// Who it speaks to: decides the shape of errors and the security headers.
    pub surface: Surface,
    /// How the caller proves who they are. The policy checks [`Auth::Operator`]; the use case checks the others, and a
    /// test that each handler asks.
    pub auth: Auth,
    /// What may be kept of its answers.
    pub cache: Cache,
    /// Whether scripts of other origins may read its answers.
    pub cors: Cors,
    /// Whether requests that another site made a browser send are refused.
    pub csrf: Csrf,
    /// What slows down those who guess or flood.
    pub throttle: Throttle,
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// Whether its use case stores audit events with what it decides. A test looks into the database.
    pub audit: Audit,
    /// Binds the handler of these methods to the state.
    pub handler: fn(SharedState) -> Handle,
}

impl Route {
    /// Whether the row answers this method. HEAD is the GET that is not shown, but for a [`Surface::Flow`]: there a GET
    /// moves an authorization on, and whoever asks by HEAD, such as a link checker, wants to move nothing.
    pub fn answers(&self, method: &Method) -> bool {
        let is_shown_by_head = self.surface != Surface::Flow && self.methods.contains(&Method::GET);
        self.methods.contains(method) || (*method == Method::HEAD && is_shown_by_head)
    }

    /// Whether its use case stores audit events with what this method decides.
    pub fn audits(&self, method: &Method) -> bool {
        match self.audit {
            Audit::None => false,
            Audit::Effects => true,
            Audit::EffectsOf(methods) => methods.contains(method),
        }
    }
}

/// Where a route's path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mount {
    /// Below the issuer's path.
    Issuer,
    /// Below the issuer's path (OIDC Discovery §4), and before it (RFC 8414 §3.1).
    WellKnown,
    /// At the root of the listener: what operators and probes use.
    Root,
}

/// When a route exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// With `--dev` only.
    Dev,
}

/// Who a route speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// Programs: errors are JSON.
    Api,
    /// People within an authorization: errors are pages, and a client may have opened it in a pop-up.
    Flow,
    /// People elsewhere: errors are pages.
    Page,
    /// Files that pages load.
    Asset,
}

/// How a caller proves who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Not at all.
    None,
    /// As a client (RFC 6749 §2.3).
    Client,
    /// With an access token (RFC 6750).
    Bearer,
    /// With the browser session's cookie, or by signing in there and then.
    Browser,
    /// With the browser session's cookie; a browser without one is sent to sign in.
    Session,
    /// By an address in `server.metrics_allow`; to others there is nothing here.
    Operator,
}

/// What may be kept of an answer. Errors are never kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Nothing (RFC 6749 §5.1).
    NoStore,
    /// By anyone, this long.
    Public(Duration),
    /// By anyone, for ever: the path names the content.
    Immutable,
}

/// Who may read answers from another origin. Never with credentials, so `*` says it all (RFC 9700 §2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cors {
    /// Nobody.
    None,
    /// Anybody, with the methods of the row, which must be the only one of its path.
    Public,
}

/// Whether cross-site requests of browsers are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Csrf {
    /// Nothing here acts on a cookie, or the specification wants cross-site requests.
    Open,
    /// Unsafe methods must come from our own pages.
    SameOrigin,
}

/// What slows down those who guess or flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// `server.authorize_rate_per_minute` of each address: every request of a stranger stores something. The policy
    /// enforces it.
    PerAddress,
    /// The caps of the server: there is nothing to guess, or it has 256 bits.
    Server,
    /// The account and address throttle of the login use case.
    Login,
}

/// Whether a use case leaves audit events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// It decides nothing for or against anybody.
    None,
    /// Stored with its changes.
    Effects,
    /// Stored with what these of its methods change; the others show.
    EffectsOf(&'static [Method]),
}
