//! `/oidc/*` and `/.well-known/*`.

pub mod discovery;
pub mod jwks;
pub mod logout;
pub mod session;
pub mod userinfo;

use std::{sync::Arc, time::Duration};

use authly_oauth::discovery::{END_SESSION_PATH, JWKS_PATH, USERINFO_PATH};
use axum::http::Method;

use super::users::profile;
use super::{
    Audit, Auth, Cache, Cors, Csrf, EMPTY, FORM_BYTES_MAX, GET, Mount, POST, Route, Surface, Throttle, When,
    handle,
};

/// UserInfo's own two, and PUT, by which the person changes what they say.
const USERINFO_METHODS: &[Method] = &[Method::GET, Method::POST, Method::PUT];
/// The one of them that changes anything.
const PUT: &[Method] = &[Method::PUT];
/// Keys and metadata change with rotations and settings; a key is published long before it signs, so this may be long
/// beside a request and must be short beside the rotation schedule.
const METADATA_MAX_AGE: Duration = Duration::from_mins(5);

/// The rows of this room.
pub(super) static ROWS: &[Route] = &[
    Route {
        path: USERINFO_PATH,
        methods: USERINFO_METHODS,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::Bearer,
        cache: Cache::NoStore,
        cors: Cors::Public,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: FORM_BYTES_MAX,
        audit: Audit::EffectsOf(PUT),
        handler: |state| {
            let (read, update) = (
                handle(state.clone(), userinfo::userinfo),
                handle(state, profile::update),
            );
            Arc::new(move |request| match *request.method() {
                Method::PUT => update(request),
                _ => read(request),
            })
        },
    },
    Route {
        path: "/.well-known/openid-configuration",
        methods: GET,
        mount: Mount::WellKnown,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::None,
        cache: Cache::Public(METADATA_MAX_AGE),
        cors: Cors::Public,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: EMPTY,
        audit: Audit::None,
        handler: |state| handle(state, discovery::openid_configuration),
    },
    Route {
        path: "/.well-known/oauth-authorization-server",
        methods: GET,
        mount: Mount::WellKnown,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::None,
        cache: Cache::Public(METADATA_MAX_AGE),
        cors: Cors::Public,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: EMPTY,
        audit: Audit::None,
        handler: |state| handle(state, discovery::authorization_server),
    },
    Route {
        path: JWKS_PATH,
        methods: GET,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::None,
        cache: Cache::Public(METADATA_MAX_AGE),
        cors: Cors::Public,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: EMPTY,
        audit: Audit::None,
        handler: |state| handle(state, jwks::jwks),
    },
    // A client's page may send the browser here by a form (RP-Initiated Logout 2): cross-site POSTs are meant. Each
    // costs a signature's verification.
    Route {
        path: END_SESSION_PATH,
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
        handler: |state| handle(state, logout::get),
    },
    Route {
        path: END_SESSION_PATH,
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
        audit: Audit::Effects,
        handler: |state| handle(state, logout::post),
    },
    Route {
        path: "/oidc/session/check",
        methods: GET,
        mount: Mount::Issuer,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::Browser,
        cache: Cache::NoStore,
        cors: Cors::None,
        csrf: Csrf::SameOrigin,
        throttle: Throttle::Server,
        body_bytes_max: EMPTY,
        audit: Audit::None,
        handler: |state| handle(state, session::check),
    },
];
