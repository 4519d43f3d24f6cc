//! What operators and their probes use.

pub mod health;
pub mod metrics;

use super::{Audit, Auth, Cache, Cors, Csrf, EMPTY, GET, Mount, Route, Surface, Throttle, When, handle};

/// The rows of this room.
pub(super) static ROWS: &[Route] = &[
    Route {
        path: "/health",
        methods: GET,
        mount: Mount::Root,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::None,
        cache: Cache::NoStore,
        cors: Cors::None,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: EMPTY,
        audit: Audit::None,
        handler: |state| handle(state, health::alive),
    },
    Route {
        path: "/health/ready",
        methods: GET,
        mount: Mount::Root,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::None,
        cache: Cache::NoStore,
        cors: Cors::None,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: EMPTY,
        audit: Audit::None,
        handler: |state| handle(state, health::ready),
    },
    Route {
        path: "/metrics",
        methods: GET,
        mount: Mount::Root,
        when: When::Always,
        surface: Surface::Api,
        auth: Auth::Operator,
        cache: Cache::NoStore,
        cors: Cors::None,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: EMPTY,
        audit: Audit::None,
        handler: |state| handle(state, metrics::metrics),
    },
];
