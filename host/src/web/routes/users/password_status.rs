//! Whether a person is to change their password.

use authly_oauth::scopes::ACCOUNT_READ;
use axum::{extract::State, response::Response};
use serde_json::json;

use super::person;
use crate::web::{
    error::Failure,
    extract::{BearerToken, Context},
    respond,
    state::SharedState,
};

/// `GET /api/v1/auth/password-status`
pub async fn password_status(
    State(state): State<SharedState>,
    Context(context): Context,
    BearerToken(access_token): BearerToken,
) -> Result<Response, Failure> {
    let user = person(&state, &access_token, ACCOUNT_READ, &context).await?.user;
    Ok(respond::json(&json!({
        "requires_password_change": user.requires_password_change,
        "username": user.username,
    })))
}
