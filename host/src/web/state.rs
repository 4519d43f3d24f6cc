//! What handlers and middleware share. Made once by the composition root.

use std::{sync::Arc, time::Duration};

use authly_accounts::{Login, PasswordPool};
use authly_core::{Clock, ports::Storage};
use authly_oauth::{Issuer, Provider, discovery::Documents, interaction::Authenticator};
use axum::http::Method;
use ipnet::IpNet;

use super::{
    middleware::{rate_limit::AddressRate, request_id::RequestIds},
    pages::Pages,
    routes::demo::Demo,
    server::ServerLimits,
};
use crate::telemetry::Metrics;

/// The state of every route.
pub type SharedState = Arc<AppState>;

/// The parts handlers work with.
pub struct AppState {
    /// What the middleware works with.
    pub edge: Arc<Edge>,
    /// The tenant's OpenID provider.
    pub provider: Arc<Provider>,
    /// Who checks user names and passwords.
    pub authenticator: Arc<dyn Authenticator>,
    /// What people do with their accounts by themselves.
    pub accounts: Accounts,
    /// What people see.
    pub pages: Arc<Pages>,
    /// The database, for the readiness check.
    pub storage: Arc<dyn Storage>,
    /// The demo; `None` outside `--dev`, and then its rows are not mounted.
    pub demo: Option<Demo>,
    /// The discovery documents, as they were last written.
    pub documents: Documents,
    /// What `/metrics` renders.
    pub metrics: Arc<Metrics>,
    /// What must hold before `/health/ready` says so, beside storage and keys.
    pub readiness: Vec<ReadinessCheck>,
}

/// What the account API works with.
pub struct Accounts {
    /// Verifies a current password, throttled.
    pub login: Login,
    /// Hashes new passwords.
    pub passwords: Arc<PasswordPool>,
    /// `accounts.registration`: whether anybody may make an account.
    pub registration_open: bool,
    /// `accounts.registration_rate_per_minute` and `accounts.registration_burst`: each costs a hash.
    pub registrations: AddressRate,
}

/// The parts the middleware works with.
pub struct Edge {
    /// Its origin is the one that forms come from; its scheme decides HSTS, its path where routes begin.
    pub issuer: Issuer,
    /// Deadlines and caps; the router uses those of requests and bodies.
    pub limits: ServerLimits,
    /// `server.trusted_proxies`: peers whose `X-Forwarded-For` or `Forwarded` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where each request's clock reading comes from.
    pub clock: Arc<dyn Clock>,
    /// Where request ids come from.
    pub ids: RequestIds,
    /// Renders the errors that people see.
    pub pages: Arc<Pages>,
    /// Told of every request and token request.
    pub observer: Arc<dyn RequestObserver>,
}

/// One named condition of `/health/ready`.
pub struct ReadinessCheck {
    /// Its member name in the answer, such as `plugins`.
    pub name: &'static str,
    /// Whether it holds now. Must not block.
    pub check: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// A finished request, in words whose number is bounded: no path, no query, no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedRequest {
    /// The method; `OTHER` for one that no route uses.
    pub method: &'static str,
    /// The path of the route's row; `unmatched` when there is none.
    pub route: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// From the end of the request head to the response head.
    pub duration: Duration,
}

impl ObservedRequest {
    /// The `route` of a request that no row serves.
    pub const UNMATCHED: &'static str = "unmatched";

    /// Bounds a method: it is the client's text.
    pub fn method_label(method: &Method) -> &'static str {
        match *method {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            Method::OPTIONS => "OPTIONS",
            _ => "OTHER",
        }
    }
}

/// Told what the web layer did, for metrics.
pub trait RequestObserver: Send + Sync {
    /// A request was answered.
    fn request(&self, request: &ObservedRequest);

    /// The token endpoint answered. `grant_type` is one that is built, or `other`; `outcome` is `ok` or the error code.
    fn token_request(&self, grant_type: &'static str, outcome: &'static str);
}
