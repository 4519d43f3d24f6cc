//! The predecessor's own address for refreshing: the token endpoint, for one grant type, from a form or JSON.

use authly_core::{ErrorCode, OAuthError, client::GrantType};
use authly_oauth::Params;
use axum::{extract::State, http::HeaderMap, response::Response};

use super::token;
use crate::web::{
    error::Failure,
    extract::{Context, FormOrJson, NoQuery},
    state::SharedState,
};

/// `POST /api/v1/oauth/refresh`.
pub async fn refresh(
    State(state): State<SharedState>,
    Context(context): Context,
    _no_query: NoQuery,
    headers: HeaderMap,
    FormOrJson(params): FormOrJson,
) -> Result<Response, Failure> {
    check_grant_type(&params)?;
    token::answer(&state, &context, &headers, &params).await
}

/// No other grant is served here; a missing `grant_type` is the token endpoint's to refuse.
fn check_grant_type(params: &Params) -> Result<(), OAuthError> {
    match params.get("grant_type") {
        Some(name) if GrantType::parse(name) != Some(GrantType::RefreshToken) => Err(OAuthError::new(
            ErrorCode::UnsupportedGrantType,
            "This address refreshes tokens and nothing else: send grant_type refresh_token, or use the token endpoint.",
        )),
        _ => Ok(()),
    }
}
