//! A person changes their own password.

use authly_accounts::{ChangePasswordError, OwnPassword};
use authly_core::{ErrorCode, Timestamp, ports::PasswordEnds};
use authly_oauth::scopes::ACCOUNT_WRITE;
use axum::{extract::State, http::StatusCode, response::Response};
use serde_json::json;

use super::{
    body::{BearerJson, refused},
    person,
};
use crate::web::{
    error::{self, Failure},
    extract::Context,
    respond,
    state::SharedState,
};

/// `POST /api/v1/auth/change-password`: `current_password` and `new_password`. Every grant ends, the one of the token
/// that asks included, and every session but the one it came from; with `keep_sessions` nothing does.
pub async fn change_password(
    State(state): State<SharedState>,
    Context(context): Context,
    BearerJson {
        access_token,
        mut object,
    }: BearerJson,
) -> Result<Response, Failure> {
    let bearer = person(&state, &access_token, ACCOUNT_WRITE, &context).await?;
    let keep = bearer.grant.session_id;
    let change = OwnPassword {
        user_id: bearer.user.id,
        session_id: keep,
        grant_id: bearer.grant.id,
        current: object.take_text("current_password")?,
        new: object.take_text("new_password")?,
        ends: if object.take_flag("keep_sessions")? {
            PasswordEnds::Nothing
        } else {
            PasswordEnds::Others { keep }
        },
    };
    let login = &state.accounts.login;
    let changed = login.change_password(change, &state.provider.rng, &context).await;
    changed.map_err(|error| {
        let failure = failure(&error, context.now);
        error::log("a password was not changed", &error, &failure);
        failure
    })?;
    Ok(respond::json(&json!({
        "message": "Password successfully changed",
        "requires_password_change": false,
    })))
}

/// A wrong current password is no 401: the token is good.
fn failure(error: &ChangePasswordError, now: Timestamp) -> Failure {
    match error {
        ChangePasswordError::WrongPassword => {
            let text = "The current password is wrong.";
            Failure::told(StatusCode::BAD_REQUEST, ErrorCode::InvalidGrant, text)
        }
        ChangePasswordError::Delayed { until } => Failure::too_many_attempts(until.since(now)),
        ChangePasswordError::Refused(refusal) => refused(format!("The password was not changed: {refusal}.")),
        ChangePasswordError::Stale => {
            let text = "The password was changed at the same time. Try again with the one it is now.";
            Failure::told(StatusCode::CONFLICT, ErrorCode::InvalidRequest, text)
        }
        ChangePasswordError::Busy | ChangePasswordError::Storage(_) => Failure::unavailable(),
        // Deleted since the token was checked.
        ChangePasswordError::Unknown => {
            let text = "The access token is malformed, expired, revoked, or not meant for this resource.";
            Failure::of_bearer(authly_core::OAuthError::new(ErrorCode::InvalidToken, text), None)
        }
    }
}
