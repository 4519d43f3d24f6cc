//! `/demo` (`--dev` only): a client in the browser that shows what it gets, and which plugin set which claim.

mod claim_trace;

use std::sync::Arc;

use authly_core::ports::ClaimOrigin;
use axum::{
    extract::{Query, State},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};

pub use self::claim_trace::ClaimTrace;
use super::{Audit, Auth, Cache, Cors, Csrf, EMPTY, GET, Mount, Route, Surface, Throttle, When, handle};
use crate::web::{error::Failure, pages::DemoView, respond, state::SharedState};

/// The rows of this room.
pub(super) static ROWS: &[Route] = &[
    Route {
        path: "/demo",
        methods: GET,
        mount: Mount::Issuer,
        when: When::Dev,
        surface: Surface::Page,
        auth: Auth::None,
        cache: Cache::NoStore,
        cors: Cors::None,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: EMPTY,
        audit: Audit::None,
        handler: |state| handle(state, page),
    },
    Route {
        path: "/demo/callback",
        methods: GET,
        mount: Mount::Issuer,
        when: When::Dev,
        surface: Surface::Page,
        auth: Auth::None,
        cache: Cache::NoStore,
        cors: Cors::None,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: EMPTY,
        audit: Audit::None,
        handler: |state| handle(state, page),
    },
    Route {
        path: "/demo/origins",
        methods: GET,
        mount: Mount::Issuer,
        when: When::Dev,
        surface: Surface::Api,
        auth: Auth::None,
        cache: Cache::NoStore,
        cors: Cors::None,
        csrf: Csrf::Open,
        throttle: Throttle::Server,
        body_bytes_max: EMPTY,
        audit: Audit::None,
        handler: |state| handle(state, origins),
    },
];

/// What the demo needs; part of the state in `--dev` only.
pub struct Demo {
    /// What the page shows.
    pub view: DemoView,
    /// The mapper of the provider, remembering.
    pub trace: Arc<ClaimTrace>,
}

/// `GET /demo` and `GET /demo/callback`: the page. It reads the answer of the authorization endpoint itself.
pub async fn page(State(state): State<SharedState>) -> Response {
    let Some(demo) = &state.demo else {
        return Failure::not_found().into_response();
    };
    match state.pages.render_demo(&demo.view) {
        Ok(page) => page.into_response(),
        Err(error) => {
            tracing::error!(error = %error, "the demo page cannot be rendered");
            Failure::internal().into_response()
        }
    }
}

/// Which answer is asked about.
#[derive(Deserialize)]
pub struct OriginsQuery {
    /// The `X-Correlation-ID` of the answer.
    request_id: String,
}

/// One claim that a plugin set or removed.
#[derive(Serialize)]
struct Origin<'a> {
    target: &'static str,
    claim: &'a str,
    plugin: &'a str,
    version: &'a str,
    digest: &'a str,
    generation: i64,
}

/// `GET /demo/origins?request_id=`: what plugins changed in that answer.
pub async fn origins(State(state): State<SharedState>, Query(query): Query<OriginsQuery>) -> Response {
    let Some(demo) = &state.demo else {
        return Failure::not_found().into_response();
    };
    let origins = demo.trace.origins(&query.request_id);
    respond::json(&origins.iter().map(Origin::from).collect::<Vec<_>>())
}

impl<'a> From<&'a ClaimOrigin> for Origin<'a> {
    fn from(origin: &'a ClaimOrigin) -> Self {
        Self {
            target: origin.target.as_str(),
            claim: &origin.claim,
            plugin: &origin.plugin,
            version: &origin.version,
            digest: &origin.digest,
            generation: origin.generation,
        }
    }
}
