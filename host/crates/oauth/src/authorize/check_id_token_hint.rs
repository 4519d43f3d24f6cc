//! `id_token_hint` (OIDC Core §3.1.2.1): the person that the client means.

use authly_core::{ErrorCode, OAuthError, Timestamp, authorization::AuthorizationRequest};

use crate::{Params, Provider, id_token_hint};

/// Checks `id_token_hint` and notes its person: nobody else is answered. It may be past its end.
///
/// # Errors
/// `invalid_request` when it is not an ID token of ours, was issued to another client, or means somebody else than the
/// claims parameter does.
pub(super) fn check_id_token_hint(
    provider: &Provider,
    params: &Params,
    request: &mut AuthorizationRequest,
    now: Timestamp,
) -> Result<(), OAuthError> {
    let Some(presented) = params.get("id_token_hint") else {
        return Ok(());
    };
    let hint = id_token_hint::verify(provider, presented, now).map_err(|_| NOT_OURS)?;
    if hint.client_id != request.client_id {
        return Err(FOREIGN);
    }
    if request
        .hinted_subject
        .as_ref()
        .is_some_and(|subject| *subject != hint.subject)
    {
        return Err(CONTRADICTION);
    }
    request.hinted_subject = Some(hint.subject);
    Ok(())
}

const NOT_OURS: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "id_token_hint is not an ID token that this server issued.",
);
const FOREIGN: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "id_token_hint was issued to another client.",
);
const CONTRADICTION: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "id_token_hint and the sub of the claims parameter name two persons.",
);
