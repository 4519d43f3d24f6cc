//! What a request still needs: a login, a consent, or nothing (OIDC Core §3.1.2.3, §3.1.2.4).

use authly_core::{
    ErrorCode, OAuthError, RequestContext, ScopeSet, StorageError,
    authorization::{AuthorizationRequest, Prompt},
    interaction::Authentication,
};

use super::SignedIn;
use crate::{Provider, scopes};

/// The next thing to do.
#[derive(Debug)]
pub(super) enum Need {
    /// Nobody suitable is signed in.
    Login,
    /// The person must be asked for this scope.
    Consent { signed_in: SignedIn, scope: ScopeSet },
    /// A code can be issued for this scope.
    Nothing { signed_in: SignedIn, scope: ScopeSet },
    /// Of everything that was asked, this person can be granted nothing.
    Impossible,
}

/// Decides. `authentication` is the login made for this very interaction, if any: it satisfies `prompt=login` and
/// `max_age`, provided the browser is still in that session.
pub(super) async fn evaluate(
    provider: &Provider,
    request: &AuthorizationRequest,
    authentication: Option<&Authentication>,
    signed_in: Option<SignedIn>,
    ctx: &RequestContext,
) -> Result<Need, StorageError> {
    let Some(signed_in) = signed_in else {
        return Ok(Need::Login);
    };
    let made_for_this = authentication.is_some_and(|a| a.session_id == signed_in.session.id);
    if !made_for_this && login_is_due(request, &signed_in, ctx) {
        return Ok(Need::Login);
    }
    let scope = scopes::grantable_to(&request.scope, &signed_in.user);
    if scope.is_empty() {
        return Ok(Need::Impossible);
    }
    let consent = provider
        .storage
        .load_consent(signed_in.user.id, &request.client_id)
        .await?;
    let agreed = consent.map(|c| c.scope).unwrap_or_default();
    if request.prompts(Prompt::Consent) || !scope.is_subset(&agreed) {
        Ok(Need::Consent { signed_in, scope })
    } else {
        Ok(Need::Nothing { signed_in, scope })
    }
}

/// Whether the request wants a fresher login than the session's (`prompt=login`, `select_account`, `max_age`).
fn login_is_due(request: &AuthorizationRequest, signed_in: &SignedIn, ctx: &RequestContext) -> bool {
    request.prompts(Prompt::Login)
        || request.prompts(Prompt::SelectAccount)
        // max_age=0 asks for a login now, even within the same second (OIDC Core §3.1.2.1).
        || request.max_age.is_some_and(|max| max == 0 || signed_in.age_secs(ctx.now) > u64::from(max))
}

/// Why the client is answered with an error instead of a page: `prompt=none` never shows one (OIDC Core §3.1.2.1,
/// §3.1.2.6), and no page could help where nothing can be granted (RFC 6749 §4.1.2.1).
pub(super) fn refusal(request: &AuthorizationRequest, need: &Need) -> Option<OAuthError> {
    let silent = request.prompts(Prompt::None);
    match need {
        Need::Impossible => Some(IMPOSSIBLE),
        Need::Login if silent => Some(LOGIN_REQUIRED),
        Need::Consent { .. } if silent => Some(CONSENT_REQUIRED),
        Need::Login | Need::Consent { .. } | Need::Nothing { .. } => None,
    }
}

const IMPOSSIBLE: OAuthError = OAuthError::new(
    ErrorCode::InvalidScope,
    "This person may not be granted any of the requested scope: it is for administrators.",
);
const LOGIN_REQUIRED: OAuthError = OAuthError::new(
    ErrorCode::LoginRequired,
    "prompt=none was asked, but the person must sign in first.",
);
const CONSENT_REQUIRED: OAuthError = OAuthError::new(
    ErrorCode::ConsentRequired,
    "prompt=none was asked, but the person has not agreed to this scope yet.",
);
