//! `/api/v1/oauth/*`.

pub mod authorize;
mod credentials;
pub mod introspect;
pub mod refresh;
pub mod revoke;
pub mod token;

use authly_oauth::discovery::{AUTHORIZATION_PATH, INTROSPECTION_PATH, REVOCATION_PATH, TOKEN_PATH};

use super::{
    Audit, Auth, Cache, Cors, Csrf, EMPTY, FORM_BYTES_MAX, GET, Mount, POST, Route, Surface, Throttle, When,
    handle,
};

/// The rows of this room.
pub(super) static ROWS: &[Route] = &[
    // A client's page may send the browser here by a form (OIDC Core 3.1.2.1): cross-site POSTs are meant.
    Route {
        path: AUTHORIZATION_PATH,
        methods: GET,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Flow,
        auth: Auth::Browser,
        cache: Cache::NoStore,
        cors: Cors::None,
        csrf: Csrf::Open,
        throttle: Throttle::PerAddress,
        body_bytes_max: EMPTY,
        audit: Audit::Effects,
        handler: |state| handle(state, authorize::get),
    },
    Route {
        path: AUTHORIZATION_PATH,
        methods: POST,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Flow,
        auth: Auth::Browser,
        cache: Cache::NoStore,
        cors: Cors::None,
        csrf: Csrf::Open,
        throttle: Throttle::PerAddress,
        body_bytes_max: FORM_BYTES_MAX,
        audit: Audit::None,
        handler: |state| handle(state, authorize::post),
    },
    Route {
        path: TOKEN_PATH,
        methods: POST,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::Client,
        cache: Cache::NoStore,
        cors: Cors::Public,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: FORM_BYTES_MAX,
        audit: Audit::Effects,
        handler: |state| handle(state, token::token),
    },
    Route {
        path: "/api/v1/oauth/refresh",
        methods: POST,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::Client,
        cache: Cache::NoStore,
        cors: Cors::Public,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: FORM_BYTES_MAX,
        audit: Audit::Effects,
        handler: |state| handle(state, refresh::refresh),
    },
    // Whoever asks has a secret, so no script in a browser does.
    Route {
        path: INTROSPECTION_PATH,
        methods: POST,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::Client,
        cache: Cache::NoStore,
        cors: Cors::None,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: FORM_BYTES_MAX,
        audit: Audit::None,
        handler: |state| handle(state, introspect::introspect),
    },
    Route {
        path: REVOCATION_PATH,
        methods: POST,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::Client,
        cache: Cache::NoStore,
        cors: Cors::Public,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: FORM_BYTES_MAX,
        audit: Audit::Effects,
        handler: |state| handle(state, revoke::revoke),
    },
];
