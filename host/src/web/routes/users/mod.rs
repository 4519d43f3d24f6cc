//! `/api/v1/users/*` and `/api/v1/auth/*`: what people do with their accounts, through clients.

pub mod auth_logout;
mod body;
pub mod change_password;
pub mod me;
pub mod password_status;
pub mod profile;
pub mod register;

use authly_core::RequestContext;
use authly_oauth::bearer::{self, Bearer, Needs};

use crate::web::{
    error::{self, Failure},
    state::AppState,
};

/// The person behind a token that has this scope.
async fn person(
    state: &AppState,
    access_token: &str,
    scope: &'static str,
    context: &RequestContext,
) -> Result<Bearer, Failure> {
    let bearer = bearer::authenticate(&state.provider, access_token, Needs { scope }, context).await;
    bearer.map_err(|error| {
        let failure = Failure::of_bearer(error.oauth(), Some(scope));
        error::log("a request to the account API was refused", &error, &failure);
        failure
    })
}
