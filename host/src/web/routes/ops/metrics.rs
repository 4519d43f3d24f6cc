//! Prometheus metrics.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use crate::web::{error::Failure, state::SharedState};

/// The OpenMetrics text format, which Prometheus asks for and prometheus-client writes.
const OPENMETRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// `GET /metrics`, for the addresses in `server.metrics_allow`.
pub async fn metrics(State(state): State<SharedState>) -> Response {
    match state.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            Failure::internal().into_response()
        }
    }
}
