//! Token introspection (RFC 7662).

use authly_oauth::{client_auth::ClientCredentials, introspect};
use axum::{extract::State, http::HeaderMap, response::Response};

use super::credentials::authorization;
use crate::web::{
    error::{self, Failure},
    extract::{Context, Form, NoQuery},
    respond,
    state::SharedState,
};

/// `POST /api/v1/oauth/introspect`.
pub async fn introspect(
    State(state): State<SharedState>,
    Context(context): Context,
    _no_query: NoQuery,
    headers: HeaderMap,
    Form(params): Form,
) -> Result<Response, Failure> {
    let credentials = ClientCredentials {
        authorization: authorization(&headers)?,
        params: &params,
    };
    let answer = introspect::introspect(&state.provider, credentials, &context).await;
    let state = answer.map_err(|error| {
        let failure = Failure::of_client(error.oauth());
        error::log("an introspection request was refused", &error, &failure);
        failure
    })?;
    Ok(respond::json(&state))
}
