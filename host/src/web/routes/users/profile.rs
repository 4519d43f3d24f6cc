//! A person changes what UserInfo says of them: `PUT` beside UserInfo's own methods.

use authly_accounts::Origin;
use authly_accounts::users::{ProfileError, UpdateUserError, update_profile};
use authly_core::{ErrorCode, OAuthError};
use authly_oauth::scopes::{OPENID, PROFILE_WRITE};
use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    body::{BearerJson, refused},
    person,
};
use crate::web::{
    error::{self, Failure},
    extract::{BearerToken, Context},
    routes::oidc::userinfo::userinfo,
    state::SharedState,
};

/// `PUT /oidc/userinfo`: each member is the new value of a claim, null removes it. All or nothing; the answer is
/// UserInfo's, so the token needs what UserInfo needs as well.
pub async fn update(
    State(state): State<SharedState>,
    Context(context): Context,
    BearerJson { access_token, object }: BearerJson,
) -> Result<Response, Failure> {
    let bearer = person(&state, &access_token, PROFILE_WRITE, &context).await?;
    if !bearer.scope.contains(OPENID) {
        let text = "The access token lacks the scope that this resource needs.";
        return Err(Failure::of_bearer(
            OAuthError::new(ErrorCode::InsufficientScope, text),
            Some("openid profile:write"),
        ));
    }
    let storage = state.provider.storage.as_ref();
    let updated = update_profile(storage, bearer.user.id, object.0, Origin::Request(&context)).await;
    updated.map_err(|error| {
        let failure = failure(&error);
        error::log("a profile was not changed", &error, &failure);
        failure
    })?;
    userinfo(State(state), Context(context), BearerToken(access_token)).await
}

fn failure(error: &ProfileError) -> Failure {
    match error {
        ProfileError::Empty | ProfileError::Claim(_) => refused(format!("Nothing was changed: {error}.")),
        ProfileError::Update(UpdateUserError::Stale) => {
            let text =
                "The account was changed at the same time. Nothing of this request was; send it again.";
            Failure::told(StatusCode::CONFLICT, ErrorCode::InvalidRequest, text)
        }
        ProfileError::Update(UpdateUserError::Storage(_)) => Failure::unavailable(),
        ProfileError::Update(UpdateUserError::Unknown) => {
            let text = "The access token is malformed, expired, revoked, or not meant for this resource.";
            Failure::of_bearer(OAuthError::new(ErrorCode::InvalidToken, text), None)
        }
        // A profile changes claims and nothing else.
        ProfileError::Update(
            UpdateUserError::Username | UpdateUserError::Taken | UpdateUserError::Claim(_),
        ) => Failure::internal(),
    }
}
