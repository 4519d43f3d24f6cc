//! The refresh token grant (RFC 6749 §6, RFC 9700 §4.14.2, OIDC Core §12).
//!
//! A token is used once. The same client may present it again within the grace and gets the identical successor, so
//! that a lost answer or two tabs fork nothing; afterwards it is a replay and the whole family dies.

use authly_core::{
    AuditAction, ErrorCode, GrantId, OAuthError, PlainToken, ScopeSet, StorageError, Timestamp,
    client::{Client, GrantType},
    ports::{LoadedRefresh, RotateEffects, RotateOutcome, Rotation},
    user::User,
};

use super::{
    GrantRequest, IssueError,
    issue::{Actor, Issue, issue},
};
use crate::{Issuer, Params, refresh, scopes, token::TokenResponse};

/// Why a refresh token gave no tokens.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// No `refresh_token` in the request.
    #[error("the request has no refresh_token")]
    Missing,
    /// No such token.
    #[error("unknown refresh token")]
    Unknown,
    /// Issued to another client; its family is left alone (RFC 6749 §10.4).
    #[error("the refresh token of grant {grant_id} belongs to another client")]
    OtherClient {
        /// The grant.
        grant_id: GrantId,
    },
    /// `scope` is not a scope (RFC 6749 §3.3).
    #[error("scope is malformed")]
    MalformedScope,
    /// `scope` is wider than what was granted (RFC 6749 §6).
    #[error("scope is wider than the one of grant {grant_id}")]
    WiderScope {
        /// The grant.
        grant_id: GrantId,
    },
    /// At or after its end.
    #[error("the refresh token of grant {grant_id} is expired")]
    Expired {
        /// The grant.
        grant_id: GrantId,
    },
    /// It was rotated too long ago, or its successor was used; the family is dead now.
    #[error("the refresh token of grant {grant_id} was used before")]
    Replayed {
        /// The grant that died.
        grant_id: GrantId,
    },
    /// The grant is revoked or at its end.
    #[error("grant {grant_id} is no longer alive")]
    GrantDead {
        /// The grant.
        grant_id: GrantId,
    },
    /// The account is gone or disabled.
    #[error("the person of grant {grant_id} may not sign in")]
    UserDisabled {
        /// The grant.
        grant_id: GrantId,
    },
    /// `offline_access` is not, or no longer, part of what may be granted (OIDC Core §11).
    #[error("grant {grant_id} has no offline_access")]
    NotOffline {
        /// The grant.
        grant_id: GrantId,
    },
    /// Hook or signature.
    #[error("no tokens were issued")]
    Issue(#[source] IssueError),
    /// The database did not answer.
    #[error("storage failed during a refresh")]
    Storage(#[source] StorageError),
}

impl RefreshError {
    /// What the client is told (RFC 6749 §5.2).
    pub fn oauth(&self) -> OAuthError {
        match self {
            Self::Missing => OAuthError::new(ErrorCode::InvalidRequest, "The request needs refresh_token."),
            Self::MalformedScope => OAuthError::new(
                ErrorCode::InvalidScope,
                "scope must be at most 100 scope tokens of printable ASCII, separated by spaces.",
            ),
            Self::WiderScope { .. } => OAuthError::new(
                ErrorCode::InvalidScope,
                "scope must be within what was granted. Leave it out, or start a new authorization for more.",
            ),
            Self::Unknown
            | Self::OtherClient { .. }
            | Self::Expired { .. }
            | Self::Replayed { .. }
            | Self::GrantDead { .. }
            | Self::UserDisabled { .. }
            | Self::NotOffline { .. } => OAuthError::new(
                ErrorCode::InvalidGrant,
                "The refresh token is unknown, expired, used, revoked, or issued to another client. Start a new \
                 authorization.",
            ),
            Self::Issue(error) => error.oauth(),
            Self::Storage(_) => OAuthError::unavailable(),
        }
    }
}

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
    let user = storage
        .load_user(loaded.grant.user_id)
        .await
        .map_err(RefreshError::Storage)?;
    if is_past_grace(&loaded, request) {
        // Known to be a replay: no hook, no signature; storage revokes the family.
        let spent = spend(request, &loaded, user.as_ref(), &presented).await;
        return Err(spent.err().unwrap_or(RefreshError::Unknown));
    }
    check_alive(&loaded, request.ctx.now)?;
    let user = check_user(&loaded, user)?;
    let parties = (request.client, &request.provider.issuer);
    let scope = check_scope(&loaded, parties, &user, request.params)?;

    // A refreshed ID token has no nonce: it answers no authorization request (OIDC Core §12.2).
    let actor = Actor::Person {
        user: &user,
        grant: &loaded.grant,
        nonce: None,
    };
    let what = Issue {
        grant_type: GrantType::RefreshToken,
        actor,
        scope: &scope,
    };
    let issued = issue(request, what).await.map_err(RefreshError::Issue)?;
    let successor = spend(request, &loaded, Some(&user), &presented).await?;
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

/// A disabled person's tokens are not renewed.
fn check_user(loaded: &LoadedRefresh, user: Option<User>) -> Result<User, RefreshError> {
    user.filter(|u| u.enabled).ok_or(RefreshError::UserDisabled {
        grant_id: loaded.grant.id,
    })
}

/// What is granted this time: what was granted first, or the part that `scope` asks for (RFC 6749 §6), less what the
/// client or the person lost since. `offline_access` must be among what is left, whether asked for again or not.
fn check_scope(
    loaded: &LoadedRefresh,
    (client, issuer): (&Client, &Issuer),
    user: &User,
    params: &Params,
) -> Result<ScopeSet, RefreshError> {
    let grant_id = loaded.grant.id;
    let left = scopes::still_grantable(&loaded.token.scope, client, user, issuer);
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
    user: Option<&User>,
    presented: &PlainToken,
) -> Result<PlainToken, RefreshError> {
    // A public client's tokens are rotated whatever its registration says (RFC 9700 §2.2.2, §4.14.2).
    if request.client.rotate_refresh_tokens || request.client.is_public() {
        return rotate(request, loaded, user, presented).await;
    }
    let effects = effects(request, loaded, user);
    let storage = request.provider.storage.as_ref();
    let outcome = storage
        .use_refresh(&loaded.token.hash, None, request.ctx.now, effects)
        .await;
    let outcome = outcome.map_err(RefreshError::Storage)?;
    resolve(outcome, loaded, presented, presented.clone())
}

/// Use with rotation: a successor derived from the presented token and a fresh nonce.
async fn rotate(
    request: GrantRequest<'_>,
    loaded: &LoadedRefresh,
    user: Option<&User>,
    presented: &PlainToken,
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
            &provider.settings,
            ctx.now,
        ),
        nonce,
        access_token: None,
        grace: provider.settings.refresh_grace,
        now: ctx.now,
    };
    let effects = effects(request, loaded, user);
    let outcome = provider
        .storage
        .rotate_refresh(rotation, effects)
        .await
        .map_err(RefreshError::Storage)?;
    resolve(outcome, loaded, presented, successor)
}

fn effects(request: GrantRequest<'_>, loaded: &LoadedRefresh, user: Option<&User>) -> RotateEffects {
    let grant_id = loaded.grant.id;
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
    use super::*;
    use crate::testing;

    fn loaded(scope: &str) -> LoadedRefresh {
        let (client, user) = (testing::client("web"), testing::user("alice"));
        let now = Timestamp::from_secs(0);
        let grant = testing::grant(&client, &user, scope, now);
        let token = PlainToken::presented("t").unwrap();
        let token = refresh::stored(&token, &grant, &grant.scope, &crate::Settings::default(), now);
        LoadedRefresh { token, grant }
    }

    fn scope_of(granted: &str, registered: &str, requested: &str) -> Result<String, ErrorCode> {
        let mut client = testing::client("web");
        client.scopes = ScopeSet::parse(registered).unwrap();
        let params = Params::parse(format!("scope={requested}").as_bytes()).unwrap();
        let issuer = Issuer::parse("https://op.example").unwrap();
        let alice = testing::user("alice");
        check_scope(&loaded(granted), (&client, &issuer), &alice, &params)
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
        let admin = "offline_access admin:users:read";
        assert_eq!(scope_of(admin, admin, ""), Ok("offline_access".into()));
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
