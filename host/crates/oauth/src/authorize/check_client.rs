//! `client_id` must be one, of an enabled client (RFC 6749 §4.1.2.1).

use std::sync::Arc;

use authly_core::{ClientId, ErrorCode, OAuthError, client::Client};

use super::{AuthorizeError, PageReason};
use crate::{Params, Provider};

/// Loads the client the request names.
///
/// # Errors
/// [`AuthorizeError::Page`] when it is missing, repeated, unknown or disabled; [`AuthorizeError::Storage`] when the
/// database did not answer, which is not a "no".
pub(super) async fn check_client(
    provider: &Provider,
    params: &Params,
) -> Result<Arc<Client>, AuthorizeError> {
    let id = params
        .get("client_id")
        .filter(|_| !params.is_duplicate("client_id"))
        .ok_or(MISSING)?;
    let id = ClientId::parse(id).map_err(|_| UNKNOWN)?;
    let client = provider
        .storage
        .load_client(&id)
        .await
        .map_err(AuthorizeError::Storage)?;
    client.filter(|c| c.enabled).ok_or(UNKNOWN)
}

const MISSING: AuthorizeError = AuthorizeError::Page(
    PageReason::Request,
    OAuthError::new(
        ErrorCode::InvalidRequest,
        "The request needs exactly one client_id.",
    ),
);

/// One text for unknown and disabled: which of them is nobody's business but the operator's.
const UNKNOWN: AuthorizeError = AuthorizeError::Page(
    PageReason::Client,
    OAuthError::new(
        ErrorCode::InvalidClient,
        "No active client is registered under this client_id.",
    ),
);
