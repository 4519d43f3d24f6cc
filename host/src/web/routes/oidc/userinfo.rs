//! The UserInfo endpoint (OIDC Core §5.3), GET and POST.

use authly_oauth::userinfo::{self, Userinfo};
use axum::{extract::State, response::Response};

use crate::web::{
    error::{self, Failure},
    extract::{BearerToken, Context},
    respond,
    state::SharedState,
};

/// `GET` and `POST /oidc/userinfo`: JSON, or a signed JWT for a client that registered so.
pub async fn userinfo(
    State(state): State<SharedState>,
    Context(context): Context,
    BearerToken(access_token): BearerToken,
) -> Result<Response, Failure> {
    let answer = userinfo::userinfo(&state.provider, &access_token, &context).await;
    let answer = answer.map_err(|error| {
        let failure = Failure::of_bearer(error.oauth(), Some("openid"));
        error::log("a userinfo request was refused", &error, &failure);
        failure
    })?;
    Ok(match answer {
        Userinfo::Json(claims) => respond::json(&claims),
        Userinfo::Jwt(text) => respond::jwt(text),
    })
}
