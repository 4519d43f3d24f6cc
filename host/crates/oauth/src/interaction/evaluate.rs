//! What a request still needs: a login, a consent, or nothing (OIDC Core §3.1.2.3, §3.1.2.4).

use std::sync::Arc;

use authly_core::{
    ErrorCode, OAuthError, RequestContext, ScopeSet, StorageError,
    authorization::{AuthorizationRequest, Prompt},
    client::Client,
    interaction::Interaction,
    user::User,
};

use super::{SignedIn, single_claims};
use crate::{Provider, scopes, subject};

/// The next thing to do.
#[derive(Debug)]
pub(super) enum Need {
    /// Nobody suitable is signed in.
    Login,
    /// Somebody said the right password, and must choose a new one before they are signed in.
    NewPassword { user: Arc<User> },
    /// The person must say whether to go on as who they are signed in as.
    Select { signed_in: SignedIn },
    /// The person must be asked for this scope.
    Consent { signed_in: SignedIn, scope: ScopeSet },
    /// A code can be issued for this scope.
    Nothing { signed_in: SignedIn, scope: ScopeSet },
    /// Of everything that was asked, this person can be granted nothing.
    Impossible,
    /// Somebody else signed in than the client will hear of.
    OtherPerson,
}

/// What is asked, by whom.
pub(super) struct Asked<'a> {
    /// Who asks, loaded now.
    pub(super) client: &'a Client,
    /// For what.
    pub(super) request: &'a AuthorizationRequest,
    /// The interaction, once there is one. A login made for it satisfies `prompt=login` and `max_age`, and a choice made
    /// for it `prompt=select_account`, provided the browser is still in that session.
    pub(super) interaction: Option<&'a Interaction>,
    /// What whoever is signed in agreed to for the client before, where that was read with their session.
    pub(super) agreed: Option<ScopeSet>,
}

/// Decides.
pub(super) async fn evaluate(
    provider: &Provider,
    asked: &Asked<'_>,
    signed_in: Option<SignedIn>,
    ctx: &RequestContext,
) -> Result<Need, StorageError> {
    if let Some(user) = who_must_change_password(provider, asked).await? {
        return Ok(Need::NewPassword { user });
    }
    let Some(signed_in) = signed_in else {
        return Ok(Need::Login);
    };
    let (client, request) = (asked.client, asked.request);
    if let Some(need) = need_of_person(asked, &signed_in, ctx) {
        return Ok(need);
    }
    let scope = scopes::still_grantable(provider, &request.scope, client, &signed_in.user).await?;
    if scope.is_empty() {
        return Ok(Need::Impossible);
    }
    let agreed = match &asked.agreed {
        Some(agreed) => agreed.clone(),
        None => agreed_to(provider, &signed_in, request).await?,
    };
    if anybody_may_be_asking(client, &request.redirect_uri)
        || request.prompts(Prompt::Consent)
        || !single_claims::needed(&request.claims, &scope).is_subset(&agreed)
    {
        Ok(Need::Consent { signed_in, scope })
    } else {
        Ok(Need::Nothing { signed_in, scope })
    }
}

/// What the person agreed to for the client before.
async fn agreed_to(
    provider: &Provider,
    signed_in: &SignedIn,
    request: &AuthorizationRequest,
) -> Result<ScopeSet, StorageError> {
    let storage = provider.storage.as_ref();
    let consent = storage
        .load_consent(signed_in.user.id, &request.client_id)
        .await?;
    Ok(consent.map(|consent| consent.scope).unwrap_or_default())
}

/// Who said a password that is still theirs, and must change it. When it was changed meanwhile, or they may not sign in
/// any more, they proved nothing.
async fn who_must_change_password(
    provider: &Provider,
    asked: &Asked<'_>,
) -> Result<Option<Arc<User>>, StorageError> {
    let Some(proof) = asked.interaction.and_then(Interaction::password_due) else {
        return Ok(None);
    };
    let user = provider.storage.load_user(proof.user_id).await?;
    let holds =
        |user: &Arc<User>| provider.admits(user) && user.password_changed_at == proof.password_changed_at;
    Ok(user.filter(holds))
}

/// Whether the right person is there, and chose to be: the client is answered about nobody else than it hinted at
/// (OIDC Core §3.1.2.1, §3.1.2.2).
fn need_of_person(asked: &Asked<'_>, signed_in: &SignedIn, ctx: &RequestContext) -> Option<Need> {
    let (request, session) = (asked.request, signed_in.session.id);
    let made_for_this = asked
        .interaction
        .and_then(Interaction::authentication)
        .is_some_and(|a| a.session_id == session);
    let chosen = asked.interaction.and_then(Interaction::chosen) == Some(session);
    let subject = subject::of_user(&signed_in.user, asked.client);
    let is_meant = request
        .hinted_subject
        .as_ref()
        .is_none_or(|hinted| *hinted == subject);
    match (made_for_this, is_meant) {
        (true, true) => None,
        (true, false) => Some(Need::OtherPerson),
        (false, false) => Some(Need::Login),
        (false, true) if request.prompts(Prompt::SelectAccount) && !chosen => Some(Need::Select {
            signed_in: signed_in.clone(),
        }),
        (false, true) => login_is_due(request, signed_in, ctx).then_some(Need::Login),
    }
}

/// Whether the person must see who asks, whatever they agreed to before: a public client whose answer does not go to an
/// https URL can be impersonated by any program on the device, which would collect codes in silence (RFC 8252 §8.6,
/// RFC 6749 §10.2).
fn anybody_may_be_asking(client: &Client, redirect_uri: &str) -> bool {
    client.is_public() && !redirect_uri.starts_with("https://")
}

/// Whether the request wants a fresher login than the session's (`prompt=login`, `max_age`).
fn login_is_due(request: &AuthorizationRequest, signed_in: &SignedIn, ctx: &RequestContext) -> bool {
    request.prompts(Prompt::Login)
        // max_age=0 asks for a login now, even within the same second (OIDC Core §3.1.2.1).
        || request.max_age.is_some_and(|max| max == 0 || signed_in.age_secs(ctx.now) > u64::from(max))
}

/// Why the client is answered with an error instead of a page: `prompt=none` never shows one (OIDC Core §3.1.2.1,
/// §3.1.2.6), and no page could help where nothing can be granted (RFC 6749 §4.1.2.1).
pub(super) fn refusal(request: &AuthorizationRequest, need: &Need) -> Option<OAuthError> {
    let silent = request.prompts(Prompt::None);
    match need {
        Need::Impossible => Some(IMPOSSIBLE),
        Need::OtherPerson => Some(OTHER_PERSON),
        Need::Login | Need::NewPassword { .. } if silent => Some(LOGIN_REQUIRED),
        Need::Consent { .. } if silent => Some(CONSENT_REQUIRED),
        Need::Login
        | Need::NewPassword { .. }
        | Need::Select { .. }
        | Need::Consent { .. }
        | Need::Nothing { .. } => None,
    }
}

const IMPOSSIBLE: OAuthError = OAuthError::new(
    ErrorCode::InvalidScope,
    "This person may not be granted any of the requested scope: it is for administrators, or no longer the client's.",
);
/// OIDC Core §3.1.2.1 (`id_token_hint`): an error such as `login_required`.
const OTHER_PERSON: OAuthError = OAuthError::new(
    ErrorCode::LoginRequired,
    "Somebody else signed in than the person of id_token_hint, or of the sub in claims.",
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
