//! The public signing keys (RFC 7517 §5, OIDC Core §10.1.1).

use axum::{extract::State, response::Response};

use crate::web::{respond, state::SharedState};

/// `GET /.well-known/jwks.json`.
pub async fn jwks(State(state): State<SharedState>) -> Response {
    respond::json_text(&state.provider.keys.load().jwks())
}
