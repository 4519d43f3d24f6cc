//! `GET /assets/{hash}/{name}`: the files that pages load.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};

use super::{Audit, Auth, Cache, Cors, Csrf, EMPTY, GET, Mount, Route, Surface, Throttle, When, handle};
use crate::web::{error::Failure, respond, state::SharedState};

/// The row of these files.
pub(super) static ROWS: &[Route] = &[Route {
    path: "/assets/{hash}/{name}",
    methods: GET,
    mount: Mount::Issuer,
    when: When::Always,
    surface: Surface::Asset,
    auth: Auth::None,
    cache: Cache::Immutable,
    cors: Cors::None,
    csrf: Csrf::Open,
    throttle: Throttle::Server,
    body_bytes_max: EMPTY,
    audit: Audit::None,
    handler: |state| handle(state, asset),
}];

/// An SVG opened by itself is a document: it may style itself, and nothing else.
const ASSET_CSP: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");

/// Serves a file for ever under the hash of the content; another hash is led to the current one.
///
/// During a rolling update a page of one node asks another node for its files: it gets that node's instead of
/// nothing, and keeps nothing.
pub async fn asset(State(state): State<SharedState>, uri: Uri) -> Response {
    let assets = state.pages.assets();
    let mut segments = uri.path().rsplit('/');
    let (name, hash) = (
        segments.next().unwrap_or_default(),
        segments.next().unwrap_or_default(),
    );
    let Some(asset) = assets.get(name) else {
        return Failure::not_found().into_response();
    };
    if hash != assets.hash() {
        let base = state.provider.issuer.path();
        return respond::see_other(&format!("{base}/assets/{}/{}", assets.hash(), asset.name));
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (header::CONTENT_SECURITY_POLICY, ASSET_CSP),
    ];
    (StatusCode::OK, headers, asset.bytes.clone()).into_response()
}
