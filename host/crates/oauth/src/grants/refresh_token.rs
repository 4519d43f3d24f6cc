//! The refresh token grant (RFC 6749 §6, RFC 9700 §4.14.2, OIDC Core §12).
//!
//! A token is used once. The same client may present it again within the grace and gets the identical successor, so
//! that a lost answer or two tabs fork nothing; afterwards it is a replay and the whole family dies.

use authly_core::{
    AuditAction, PlainToken, ScopeSet, Timestamp,
    client::{Client, GrantType},
    grant::StoredAccessToken,
    ports::{LoadedRefresh, RotateEffects, RotateOutcome, Rotation},
};

mod error;

pub use self::error::RefreshError;
use super::{
    GrantRequest,
    issue::{Actor, Issue, issue},
};
use crate::{Params, Provider, refresh, scopes, token::TokenResponse};

/// Exchanges a refresh token for new tokens.
///
/// # Errors
/// [`RefreshError`]; only [`RefreshError::Replayed`] changed anything.
pub(super) async fn refresh(request: GrantRequest<'_>) -> Result<TokenResponse, RefreshError> {
    let storage = request.provider.storage.as_ref();
    let presented = request.params.get("refresh_token").ok_or(RefreshError::Missing)?;
    let presented = PlainToken::presented(presented).ok_or(RefreshError::Unknown)?;
    let loaded = storage
        .load_refresh(&presented.hash())
        .await
        .map_err(RefreshError::Storage)?;
    let loaded = loaded.ok_or(RefreshError::Unknown)?;
    check_client(&loaded, request.client)?;
    if is_past_grace(&loaded, request) {
        // Known to be a replay: no hook, no signature; storage revokes the family.
        let spent = spend(request, &loaded, (&presented, None)).await;
        return Err(spent.err().unwrap_or(RefreshError::Unknown));
    }
    check_alive(&loaded, request.ctx.now)?;
    check_user(request.provider, &loaded)?;
    let granted = &loaded.token.scope;
    let left = scopes::still_grantable(request.provider, granted, request.client, &loaded.user)
        .await
        .map_err(RefreshError::Storage)?;
    let scope = check_scope(&loaded, request.client, left, request.params)?;

    // A refreshed ID token has no nonce: it answers no authorization request (OIDC Core §12.2).
    let actor = Actor::Person {
        user: &loaded.user,
        grant: &loaded.grant,
        nonce: None,
    };
    let what = Issue {
        grant_type: GrantType::RefreshToken,
        actor,
        scope: &scope,
    };
    let mut issued = issue(request, what).await.map_err(RefreshError::Issue)?;
    let spending = (&presented, issued.opaque.take());
    let successor = spend(request, &loaded, spending).await?;
    Ok(TokenResponse::new(issued, &scope, Some(successor)))
}

/// A refresh token is its client's alone (RFC 6749 §6, §10.4). Somebody else's attempt kills nothing.
fn check_client(loaded: &LoadedRefresh, client: &Client) -> Result<(), RefreshError> {
    let grant_id = loaded.grant.id;
    if loaded.token.client_id == client.id {
        Ok(())
    } else {
        Err(RefreshError::OtherClient { grant_id })
    }
}

/// Whether the token was rotated so long ago that presenting it can only be a replay. Within the grace the database
/// decides, after everything else went well.
fn is_past_grace(loaded: &LoadedRefresh, request: GrantRequest<'_>) -> bool {
    let grace = request.provider.settings.refresh_grace;
    loaded
        .token
        .consumed_at
        .is_some_and(|consumed| request.ctx.now >= consumed.plus(grace))
}

/// Neither token nor grant may be at its end.
fn check_alive(loaded: &LoadedRefresh, now: Timestamp) -> Result<(), RefreshError> {
    let grant_id = loaded.grant.id;
    if !loaded.grant.is_alive(now) {
        return Err(RefreshError::GrantDead { grant_id });
    }
    if now >= loaded.token.expires_at {
        return Err(RefreshError::Expired { grant_id });
    }
    Ok(())
}

/// The tokens of a person who may not sign in any more are not renewed.
fn check_user(provider: &Provider, loaded: &LoadedRefresh) -> Result<(), RefreshError> {
    if provider.admits(&loaded.user) {
        Ok(())
    } else {
        Err(RefreshError::UserDisabled {
            grant_id: loaded.grant.id,
        })
    }
}

/// What is granted this time: what was granted first, or the part that `scope` asks for (RFC 6749 §6), less what the
/// client or the person lost since. `offline_access` must be among what is left, whether asked for again or not.
fn check_scope(
    loaded: &LoadedRefresh,
    client: &Client,
    left: ScopeSet,
    params: &Params,
) -> Result<ScopeSet, RefreshError> {
    let grant_id = loaded.grant.id;
    if !refresh::is_due(client, &left) {
        return Err(RefreshError::NotOffline { grant_id });
    }
    let Some(requested) = params.get("scope") else {
        return Ok(left);
    };
    let requested = ScopeSet::parse(requested).map_err(|_| RefreshError::MalformedScope)?;
    if requested.is_empty() {
        return Err(RefreshError::MalformedScope);
    }
    if requested.is_subset(&left) {
        Ok(requested)
    } else {
        Err(RefreshError::WiderScope { grant_id })
    }
}

/// Step 4: the database decides who was first. Answers the token the client uses from now on.
async fn spend(
    request: GrantRequest<'_>,
    loaded: &LoadedRefresh,
    (presented, opaque): (&PlainToken, Option<StoredAccessToken>),
) -> Result<PlainToken, RefreshError> {
    // A public client's tokens are rotated whatever its registration says (RFC 9700 §2.2.2, §4.14.2).
    if request.client.rotate_refresh_tokens || request.client.is_public() {
        return rotate(request, loaded, (presented, opaque)).await;
    }
    let effects = effects(request, loaded);
    let storage = request.provider.storage.as_ref();
    let outcome = storage
        .use_refresh(&loaded.token.hash, opaque, request.ctx.now, effects)
        .await;
    let outcome = outcome.map_err(RefreshError::Storage)?;
    resolve(outcome, loaded, presented, presented.clone())
}

/// Use with rotation: a successor derived from the presented token and a fresh nonce.
async fn rotate(
    request: GrantRequest<'_>,
    loaded: &LoadedRefresh,
    (presented, opaque): (&PlainToken, Option<StoredAccessToken>),
) -> Result<PlainToken, RefreshError> {
    let GrantRequest { provider, ctx, .. } = request;
    let nonce = refresh::nonce(provider.rng.as_ref());
    let successor = refresh::successor(presented, &nonce);
    let rotation = Rotation {
        hash: loaded.token.hash,
        // The original scope: narrowing once does not narrow for ever (RFC 6749 §6).
        successor: refresh::stored(
            &successor,
            &loaded.grant,
            &loaded.token.scope,
            refresh::lifetime(&provider.settings, request.client),
            ctx.now,
        ),
        nonce,
        access_token: opaque,
        grace: provider.settings.refresh_grace,
        now: ctx.now,
    };
    let effects = effects(request, loaded);
    let outcome = provider
        .storage
        .rotate_refresh(rotation, effects)
        .await
        .map_err(RefreshError::Storage)?;
    resolve(outcome, loaded, presented, successor)
}

fn effects(request: GrantRequest<'_>, loaded: &LoadedRefresh) -> RotateEffects {
    let (grant_id, user) = (loaded.grant.id, Some(loaded.user.as_ref()));
    RotateEffects {
        rotated: super::audit(&request, user, AuditAction::RefreshRotated { grant_id }),
        replayed: super::replay_effects(
            &request,
            user,
            grant_id,
            AuditAction::RefreshReplayed { grant_id },
        ),
    }
}

/// The token to hand out, by what the database decided.
fn resolve(
    outcome: RotateOutcome,
    loaded: &LoadedRefresh,
    presented: &PlainToken,
    first: PlainToken,
) -> Result<PlainToken, RefreshError> {
    let grant_id = loaded.grant.id;
    match outcome {
        RotateOutcome::Rotated => Ok(first),
        RotateOutcome::Retried { nonce } => Ok(refresh::successor(presented, &nonce)),
        RotateOutcome::Replayed { grant_id } => Err(RefreshError::Replayed { grant_id }),
        RotateOutcome::Unknown => Err(RefreshError::Unknown),
        RotateOutcome::Expired => Err(RefreshError::Expired { grant_id }),
        RotateOutcome::Revoked => Err(RefreshError::GrantDead { grant_id }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use authly_core::ErrorCode;

    use super::*;
    use crate::testing;

    fn loaded(scope: &str) -> LoadedRefresh {
        let (client, user) = (testing::client("web"), testing::user("alice"));
        let now = Timestamp::from_secs(0);
        let grant = testing::grant(&client, &user, scope, now);
        let token = PlainToken::presented("t").unwrap();
        let lifetime = crate::Settings::default().refresh_token_ttl;
        let token = refresh::stored(&token, &grant, &grant.scope, lifetime, now);
        let user = Arc::new(user);
        LoadedRefresh { token, grant, user }
    }

    fn scope_of(granted: &str, registered: &str, requested: &str) -> Result<String, ErrorCode> {
        let client = testing::client("web");
        let registered = ScopeSet::parse(registered).unwrap();
        let left = ScopeSet::parse(granted).unwrap().intersection(&registered);
        let params = Params::parse(format!("scope={requested}").as_bytes()).unwrap();
        check_scope(&loaded(granted), &client, left, &params)
            .map(|s| s.to_string())
            .map_err(|e| e.oauth().code)
    }

    #[test]
    fn scope_may_narrow_but_not_widen() {
        let all = "openid offline_access read write";
        assert_eq!(
            scope_of("openid offline_access read", all, ""),
            Ok("offline_access openid read".into())
        );
        assert_eq!(
            scope_of("openid offline_access read", all, "read"),
            Ok("read".into())
        );
        assert_eq!(
            scope_of("openid offline_access read", all, "read+write"),
            Err(ErrorCode::InvalidScope)
        );
        assert_eq!(
            scope_of("openid offline_access read", all, "%22"),
            Err(ErrorCode::InvalidScope)
        );
        assert_eq!(
            scope_of("openid offline_access read", all, "+"),
            Err(ErrorCode::InvalidScope)
        );
    }

    #[test]
    fn scope_the_client_or_person_lost_is_not_renewed() {
        assert_eq!(
            scope_of("offline_access read write", "offline_access read", ""),
            Ok("offline_access read".into())
        );
        assert_eq!(
            scope_of("offline_access read write", "offline_access read", "write"),
            Err(ErrorCode::InvalidScope)
        );
        assert_eq!(
            scope_of("offline_access read", "read", ""),
            Err(ErrorCode::InvalidGrant)
        );
        assert_eq!(
            scope_of("openid read", "openid read offline_access", ""),
            Err(ErrorCode::InvalidGrant)
        );
    }

    #[test]
    fn refresh_token_is_expired_exactly_at_its_end() {
        let loaded = loaded("offline_access");
        let end = loaded.token.expires_at;
        assert!(check_alive(&loaded, end.minus(std::time::Duration::from_micros(1))).is_ok());
        assert!(matches!(
            check_alive(&loaded, end),
            Err(RefreshError::Expired { .. })
        ));
    }

    #[test]
    fn a_retry_resolves_to_the_first_successor() {
        let presented = PlainToken::presented("t").unwrap();
        let nonce = authly_core::SecretBytes::new(vec![7; 32]);
        let first = refresh::successor(&presented, &nonce);
        let mine = PlainToken::presented("another nonce's successor").unwrap();
        let resolved = resolve(
            RotateOutcome::Retried { nonce },
            &loaded("offline_access"),
            &presented,
            mine,
        );
        assert_eq!(resolved.unwrap().expose(), first.expose());
    }
}
