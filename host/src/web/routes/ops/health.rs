//! Liveness and readiness.
//!
//! `/health` says that the process answers, whatever its surroundings: a restart mends nothing outside it.
//! `/health/ready` says whether requests should be sent here.

use std::time::Duration;

use authly_core::key::SigningAlg;
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::web::{respond, state::SharedState};

/// A probe's own timeout is a few seconds at least; ours must end before it.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// `GET /health`.
pub async fn alive() -> Response {
    respond::json(&json!({ "status": "healthy", "version": env!("CARGO_PKG_VERSION") }))
}

/// `GET /health/ready`: 200, or 503 when any check fails; the body names each.
pub async fn ready(State(state): State<SharedState>) -> Response {
    let mut checks = vec![
        ("storage", storage_answers(&state).await),
        ("keys", keys_sign(&state)),
    ];
    checks.extend(
        state
            .readiness
            .iter()
            .map(|readiness| (readiness.name, (readiness.check)())),
    );
    let is_ready = checks.iter().all(|(_, holds)| *holds);
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let words: Map<String, Value> = checks
        .into_iter()
        .map(|(name, holds)| (name.to_owned(), json!(if holds { "ok" } else { "failing" })))
        .collect();
    let body = json!({ "status": if is_ready { "ready" } else { "not_ready" }, "checks": words });
    (status, Json(body)).into_response()
}

/// Whether the database answers a ping in time.
async fn storage_answers(state: &SharedState) -> bool {
    matches!(timeout(PING_TIMEOUT, state.storage.ping()).await, Ok(Ok(())))
}

/// Whether there are keys for the default algorithms: ID tokens and access tokens.
fn keys_sign(state: &SharedState) -> bool {
    let keys = state.provider.keys.load();
    [SigningAlg::Rs256, SigningAlg::Es256]
        .into_iter()
        .all(|alg| keys.active(alg).is_some())
}
