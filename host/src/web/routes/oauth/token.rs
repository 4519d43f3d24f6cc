//! The token endpoint (RFC 6749 §3.2): POST only, a form only, nothing in the URL.

use authly_core::RequestContext;
use authly_oauth::{
    Params,
    client_auth::ClientCredentials,
    token::{self, TokenReport},
};
use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};

use super::credentials::authorization;
use crate::web::{
    error::{self, Failure},
    extract::{Context, Form, NoQuery},
    middleware::access_log::OfClient,
    respond,
    state::SharedState,
};

/// `POST /api/v1/oauth/token`.
pub async fn token(
    State(state): State<SharedState>,
    Context(context): Context,
    _no_query: NoQuery,
    headers: HeaderMap,
    Form(params): Form,
) -> Result<Response, Failure> {
    answer(&state, &context, &headers, &params).await
}

/// Answers a token request, whichever address it came to.
pub(super) async fn answer(
    state: &SharedState,
    context: &RequestContext,
    headers: &HeaderMap,
    params: &Params,
) -> Result<Response, Failure> {
    let credentials = ClientCredentials {
        authorization: authorization(headers)?,
        params,
    };
    let answer = token::token(&state.provider, credentials, context).await;
    let report = TokenReport::of(credentials, &answer);
    state
        .edge
        .observer
        .token_request(report.grant_type, report.outcome);
    let mut response = match &answer {
        Ok(tokens) => respond::json(tokens),
        Err(error) => {
            let failure = Failure::of_client(error.oauth());
            error::log("a token request was refused", error, &failure);
            failure.into_response()
        }
    };
    if let Some(client_id) = report.client_id {
        response.extensions_mut().insert(OfClient(client_id));
    }
    Ok(response)
}
