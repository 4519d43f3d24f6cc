//! Signing out everywhere, by access token.

use authly_oauth::{account::sessions::end_everything, scopes::ACCOUNT_WRITE};
use axum::{extract::State, response::Response};
use serde::Serialize;

use super::person;
use crate::web::{
    error::{self, Failure},
    extract::{BearerToken, Context},
    respond,
    state::SharedState,
};

/// The answer, as the predecessor's.
#[derive(Serialize)]
struct LoggedOut {
    message: &'static str,
    /// How many grants ended now, each with all its tokens.
    invalidated_tokens: u64,
}

/// `POST /api/v1/auth/logout`: ends every session and every grant of the person behind the token, the token's own
/// included.
pub async fn logout(
    State(state): State<SharedState>,
    Context(context): Context,
    BearerToken(access_token): BearerToken,
) -> Result<Response, Failure> {
    let bearer = person(&state, &access_token, ACCOUNT_WRITE, &context).await?;
    let ended = end_everything(&state.provider, &bearer.user, &context).await;
    let ended = ended.map_err(|error| {
        let failure = Failure::unavailable();
        error::log(
            "storage failed while somebody signed out everywhere",
            &error,
            &failure,
        );
        failure
    })?;
    Ok(respond::json(&LoggedOut {
        message: "Successfully logged out",
        invalidated_tokens: ended.grants,
    }))
}
