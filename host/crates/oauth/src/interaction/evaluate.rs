//! What a request still needs: a login, a consent, or nothing (OIDC Core §3.1.2.3, §3.1.2.4).

use authly_core::{
    ErrorCode, OAuthError, RequestContext, ScopeSet, StorageError,
    authorization::{AuthorizationRequest, Prompt},
    client::Client,
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

/// What is asked, by whom.
pub(super) struct Asked<'a> {
    /// Who asks, loaded now.
    pub(super) client: &'a Client,
    /// For what.
    pub(super) request: &'a AuthorizationRequest,
    /// The login made for this very interaction, if any: it satisfies `prompt=login` and `max_age`, provided the
    /// browser is still in that session.
    pub(super) authentication: Option<&'a Authentication>,
}

/// Decides.
pub(super) async fn evaluate(
    provider: &Provider,
    asked: &Asked<'_>,
    signed_in: Option<SignedIn>,
    ctx: &RequestContext,
) -> Result<Need, StorageError> {
    let Some(signed_in) = signed_in else {
        return Ok(Need::Login);
    };
    let (client, request) = (asked.client, asked.request);
    let made_for_this = asked
        .authentication
        .is_some_and(|a| a.session_id == signed_in.session.id);
    if !made_for_this && login_is_due(request, &signed_in, ctx) {
        return Ok(Need::Login);
    }
    let scope = scopes::still_grantable(&request.scope, client, &signed_in.user, &provider.issuer);
    if scope.is_empty() {
        return Ok(Need::Impossible);
    }
    let consent = provider
        .storage
        .load_consent(signed_in.user.id, &request.client_id)
        .await?;
    let agreed = consent.map(|c| c.scope).unwrap_or_default();
    if anybody_may_be_asking(client, &request.redirect_uri)
        || request.prompts(Prompt::Consent)
        || !scope.is_subset(&agreed)
    {
        Ok(Need::Consent { signed_in, scope })
    } else {
        Ok(Need::Nothing { signed_in, scope })
    }
}

/// Whether the person must see who asks, whatever they agreed to before: a public client whose answer does not go to an
/// https URL can be impersonated by any program on the device, which would collect codes in silence (RFC 8252 §8.6,
/// RFC 6749 §10.2).
fn anybody_may_be_asking(client: &Client, redirect_uri: &str) -> bool {
    client.is_public() && !redirect_uri.starts_with("https://")
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
    "This person may not be granted any of the requested scope: it is for administrators, or no longer the client's.",
);
const LOGIN_REQUIRED: OAuthError = OAuthError::new(
    ErrorCode::LoginRequired,
    "prompt=none was asked, but the person must sign in first.",
);
const CONSENT_REQUIRED: OAuthError = OAuthError::new(
    ErrorCode::ConsentRequired,
    "prompt=none was asked, but the person must be asked for consent.",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn public_clients_off_the_web_are_never_known_for_sure() {
        let public = testing::public_client("native");
        let confidential = testing::client("server");
        for uri in [
            "http://127.0.0.1:8400/cb",
            "http://localhost/cb",
            "com.example.app:/cb",
        ] {
            assert!(anybody_may_be_asking(&public, uri), "{uri}");
            assert!(!anybody_may_be_asking(&confidential, uri), "{uri}");
        }
        assert!(!anybody_may_be_asking(&public, "https://c.example/cb"));
    }
}
