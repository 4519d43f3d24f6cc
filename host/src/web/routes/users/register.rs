//! Anybody makes an account for themselves, where the operator opened that.

use authly_accounts::{CreateUserError, PasswordError, Registration, register_user};
use authly_core::ErrorCode;
use axum::{
    extract::{FromRequest, Request, State},
    http::StatusCode,
    response::Response,
};

use super::{
    body::{JsonObject, refused},
    me::UserResponse,
};
use crate::web::{
    error::{self, Failure},
    extract::Context,
    respond,
    state::SharedState,
};

/// `POST /api/v1/users/`: `username`, `email` and `password`. Whatever else the body says, such as `is_admin`, is not
/// looked at.
pub async fn register(
    State(state): State<SharedState>,
    Context(context): Context,
    request: Request,
) -> Result<Response, Failure> {
    if !state.accounts.registration_open {
        let text = "Nobody can make an account here by themselves. Ask an administrator for one.";
        return Err(Failure::told(
            StatusCode::FORBIDDEN,
            ErrorCode::AccessDenied,
            text,
        ));
    }
    let mut body = JsonObject::from_request(request, &state).await?;
    let registration = Registration {
        username: body.take_text("username")?.expose().to_owned(),
        email: body.take_text("email")?.expose().to_owned(),
        password: body.take_text("password")?,
    };
    let admitted = state.accounts.registrations.admit(context.client_ip, context.now);
    admitted.map_err(Failure::too_many_requests)?;
    let provider = &state.provider;
    let made = register_user(
        provider.storage.as_ref(),
        &state.accounts.passwords,
        registration,
        &context,
        provider.rng.as_ref(),
    );
    let user = made.await.map_err(|error| {
        let failure = failure(&error);
        error::log("a registration was refused", &error, &failure);
        failure
    })?;
    let mut response = respond::json(&UserResponse::of(&user));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

fn failure(error: &CreateUserError) -> Failure {
    match error {
        CreateUserError::Username
        | CreateUserError::Password(_)
        | CreateUserError::Claim(_)
        | CreateUserError::Taken => refused(format!("The account was not made: {error}.")),
        CreateUserError::Hash(PasswordError::Busy) | CreateUserError::Storage(_) => Failure::unavailable(),
        CreateUserError::Hash(PasswordError::Failed) => Failure::internal(),
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn full_share_of_the_queue_says_when_to_come_back() {
        let response = failure(&CreateUserError::Hash(PasswordError::Busy)).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
    }
}
