//! Token revocation (RFC 7009).

use authly_oauth::{client_auth::ClientCredentials, revoke};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use super::credentials::authorization;
use crate::web::{
    error::{self, Failure},
    extract::{self, Context, FormOrJson, NoQuery},
    respond,
    state::SharedState,
};

/// `POST /api/v1/oauth/revoke`. A form is answered as RFC 7009 §2.2 has it, without content; JSON as the original did.
pub async fn revoke(
    State(state): State<SharedState>,
    Context(context): Context,
    _no_query: NoQuery,
    headers: HeaderMap,
    FormOrJson(params): FormOrJson,
) -> Result<Response, Failure> {
    let credentials = ClientCredentials {
        authorization: authorization(&headers)?,
        params: &params,
    };
    revoke::revoke(&state.provider, credentials, &context)
        .await
        .map_err(|error| {
            let failure = Failure::of_client(error.oauth());
            error::log("a revocation request was refused", &error, &failure);
            failure
        })?;
    Ok(if extract::is_of_type(&headers, "application/json") {
        respond::json(&json!({ "message": "Token revocation processed successfully" }))
    } else {
        StatusCode::OK.into_response()
    })
}
