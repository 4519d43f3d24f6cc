//! A person's account as they see it.

use authly_core::{OAuthError, Timestamp, user::User};
use authly_oauth::scopes::ACCOUNT_READ;
use axum::{extract::State, response::Response};
use serde::Serialize;

use super::person;
use crate::web::{
    error::{self, Failure},
    extract::{BearerToken, Context},
    pages::moment::Moment,
    respond,
    state::SharedState,
};

/// An account, as the predecessor told it.
#[derive(Serialize)]
pub struct UserResponse {
    id: String,
    username: String,
    /// `null` for one without.
    email: Option<String>,
    /// RFC 3339, UTC.
    created_at: String,
    updated_at: String,
    /// `null` before the first.
    last_login: Option<String>,
    is_active: bool,
    is_verified: bool,
    is_admin: bool,
}

impl UserResponse {
    /// Of this account.
    pub fn of(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.clone(),
            email: user
                .claims
                .get("email")
                .and_then(|email| email.as_str())
                .map(str::to_owned),
            created_at: iso(user.created_at),
            updated_at: iso(user.updated_at),
            last_login: user.last_login_at.map(iso),
            is_active: user.enabled,
            is_verified: user.verified,
            is_admin: user.is_admin,
        }
    }
}

fn iso(at: Timestamp) -> String {
    Moment::of(at, at).iso
}

/// `GET /api/v1/users/me`
pub async fn me(
    State(state): State<SharedState>,
    Context(context): Context,
    BearerToken(access_token): BearerToken,
) -> Result<Response, Failure> {
    let bearer = person(&state, &access_token, ACCOUNT_READ, &context).await?;
    // A sign-in is noted without a word to the caches, which know the bearer: the note is read where it stands.
    let user = state.provider.storage.load_user(bearer.user.id).await;
    let user = user.map_err(|error| {
        let failure = Failure::from(OAuthError::unavailable());
        error::log("an account could not be read", &error, &failure);
        failure
    })?;
    Ok(respond::json(&UserResponse::of(
        user.as_ref().unwrap_or(&bearer.user),
    )))
}
