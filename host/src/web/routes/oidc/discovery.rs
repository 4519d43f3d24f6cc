//! Metadata: OpenID Connect Discovery §4 and RFC 8414 §3.

use authly_core::{OAuthError, StorageError};
use axum::{extract::State, response::Response};

use crate::web::{
    error::{self, Failure},
    respond,
    state::SharedState,
};

/// `GET /.well-known/openid-configuration`.
pub async fn openid_configuration(State(state): State<SharedState>) -> Result<Response, Failure> {
    let metadata = state.documents.openid_configuration(&state.provider).await;
    Ok(respond::json_text(
        &metadata.map_err(|error| unavailable(&error))?,
    ))
}

/// `GET /.well-known/oauth-authorization-server`.
pub async fn authorization_server(State(state): State<SharedState>) -> Result<Response, Failure> {
    let metadata = state.documents.authorization_server(&state.provider).await;
    Ok(respond::json_text(
        &metadata.map_err(|error| unavailable(&error))?,
    ))
}

/// The scopes could not be read: an outage, never metadata without them.
fn unavailable(error: &StorageError) -> Failure {
    let failure = Failure::from(OAuthError::unavailable());
    error::log("metadata could not be read", error, &failure);
    failure
}
