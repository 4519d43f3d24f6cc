//! `/api/v1/users/*` and `/api/v1/auth/*`: what people do with their accounts, through clients.

pub mod auth_logout;
mod body;
pub mod change_password;
pub mod me;
pub mod password_status;
pub mod profile;
pub mod register;

use authly_core::RequestContext;
use authly_oauth::bearer::{self, Bearer, Needs};

use super::{
    Audit, Auth, Cache, Cors, Csrf, EMPTY, FORM_BYTES_MAX, GET, Mount, POST, Route, Surface, Throttle, When,
    handle,
};
use crate::web::{
    error::{self, Failure},
    state::AppState,
};

/// A password or two in JSON, every character of the longest one escaped.
const ACCOUNT_JSON_BYTES_MAX: usize = 16 * 1024;

/// The rows of this room.
pub(super) static ROWS: &[Route] = &[
    Route {
        path: "/api/v1/auth/logout",
        methods: POST,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::Bearer,
        cache: Cache::NoStore,
        cors: Cors::Public,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: FORM_BYTES_MAX,
        audit: Audit::Effects,
        handler: |state| handle(state, auth_logout::logout),
    },
    // Each costs a hash. The predecessor's path ends with a slash and was often written without; a redirect would make
    // clients send the password twice.
    Route {
        path: "/api/v1/users/",
        methods: POST,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::None,
        cache: Cache::NoStore,
        cors: Cors::None,
        csrf: Csrf::Open,
        throttle: Throttle::PerAddress,
        body_bytes_max: ACCOUNT_JSON_BYTES_MAX,
        audit: Audit::Effects,
        handler: |state| handle(state, register::register),
    },
    Route {
        path: "/api/v1/users",
        methods: POST,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::None,
        cache: Cache::NoStore,
        cors: Cors::None,
        csrf: Csrf::Open,
        throttle: Throttle::PerAddress,
        body_bytes_max: ACCOUNT_JSON_BYTES_MAX,
        audit: Audit::Effects,
        handler: |state| handle(state, register::register),
    },
    Route {
        path: "/api/v1/users/me",
        methods: GET,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::Bearer,
        cache: Cache::NoStore,
        cors: Cors::Public,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: EMPTY,
        audit: Audit::None,
        handler: |state| handle(state, me::me),
    },
    Route {
        path: "/api/v1/auth/password-status",
        methods: GET,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::Bearer,
        cache: Cache::NoStore,
        cors: Cors::Public,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: EMPTY,
        audit: Audit::None,
        handler: |state| handle(state, password_status::password_status),
    },
    Route {
        path: "/api/v1/auth/change-password",
        methods: POST,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::Bearer,
        cache: Cache::NoStore,
        cors: Cors::Public,
        csrf: Csrf::Open,
        throttle: Throttle::Login,
        body_bytes_max: ACCOUNT_JSON_BYTES_MAX,
        audit: Audit::Effects,
        handler: |state| handle(state, change_password::change_password),
    },
];

/// The person behind a token that has this scope.
async fn person(
    state: &AppState,
    access_token: &str,
    scope: &'static str,
    context: &RequestContext,
) -> Result<Bearer, Failure> {
    let bearer = bearer::authenticate(&state.provider, access_token, Needs { scope }, context).await;
    bearer.map_err(|error| {
        let failure = Failure::of_bearer(error.oauth(), Some(scope));
        error::log("a request to the account API was refused", &error, &failure);
        failure
    })
}
