//! The authorization code grant (RFC 6749 §4.1.3, §4.1.4; RFC 7636 §4.5, §4.6; OIDC Core §3.1.3).
//!
//! A wrong client, redirect URI or verifier burns nothing: whoever saw a code but cannot use it cannot take it from
//! its owner either. A second use by the right client revokes everything the first one gave.

use authly_core::{
    AuditAction, ErrorCode, GrantId, OAuthError, PlainToken, ScopeSet, StorageError, Timestamp,
    client::{Client, GrantType},
    grant::{AuthorizationCode, RefreshToken, StoredAccessToken},
    ports::{LoadedCode, RedeemEffects, RedeemOutcome, Redemption},
};

use super::{
    GrantRequest, IssueError,
    issue::{Actor, Issue, issue},
    pkce::{self, PkceMismatch},
};
use crate::{Params, Provider, refresh, scopes, token::TokenResponse};

/// Why a code was not exchanged.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// No `code` in the request.
    #[error("the request has no code")]
    Missing,
    /// No such code.
    #[error("unknown code")]
    Unknown,
    /// Issued to another client; its grant is left alone (RFC 6749 §4.1.3).
    #[error("the code of grant {grant_id} belongs to another client")]
    OtherClient {
        /// The grant.
        grant_id: GrantId,
    },
    /// Not the `redirect_uri` of the authorization request (RFC 6749 §4.1.3).
    #[error("redirect_uri is not the one the code of grant {grant_id} was asked with")]
    RedirectUri {
        /// The grant.
        grant_id: GrantId,
    },
    /// PKCE does not hold (RFC 7636 §4.6).
    #[error("PKCE does not hold for the code of grant {grant_id}")]
    Pkce {
        /// The grant.
        grant_id: GrantId,
        /// In which way.
        #[source]
        mismatch: PkceMismatch,
    },
    /// At or after its end.
    #[error("the code of grant {grant_id} is expired")]
    Expired {
        /// The grant.
        grant_id: GrantId,
    },
    /// It had been used; the grant is revoked now (RFC 6749 §4.1.2).
    #[error("the code of grant {grant_id} was used before")]
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
    /// Nothing of the granted scope may be granted any more.
    #[error("nothing is left of the scope of grant {grant_id}")]
    NothingLeft {
        /// The grant.
        grant_id: GrantId,
    },
    /// Hook or signature.
    #[error("no tokens were issued")]
    Issue(#[source] IssueError),
    /// The database did not answer.
    #[error("storage failed during the code grant")]
    Storage(#[source] StorageError),
}

impl CodeError {
    /// What the client is told (RFC 6749 §5.2).
    pub fn oauth(&self) -> OAuthError {
        match self {
            Self::Missing => OAuthError::new(ErrorCode::InvalidRequest, "The request needs code."),
            Self::Unknown
            | Self::OtherClient { .. }
            | Self::Expired { .. }
            | Self::Replayed { .. }
            | Self::GrantDead { .. }
            | Self::UserDisabled { .. }
            | Self::NothingLeft { .. } => OAuthError::new(
                ErrorCode::InvalidGrant,
                "The code is unknown, expired, used, revoked, or issued to another client. Start a new authorization.",
            ),
            Self::RedirectUri { .. } => OAuthError::new(
                ErrorCode::InvalidGrant,
                "redirect_uri must be exactly the one of the authorization request.",
            ),
            Self::Pkce { .. } => OAuthError::new(
                ErrorCode::InvalidGrant,
                "code_verifier must be the 43 to 128 characters whose S256 hash was sent as code_challenge, and must \
                 be left out when none was sent.",
            ),
            Self::Issue(error) => error.oauth(),
            Self::Storage(_) => OAuthError::unavailable(),
        }
    }
}

/// Exchanges a code for tokens.
///
/// # Errors
/// [`CodeError`]; only [`CodeError::Replayed`] changed anything.
pub(super) async fn exchange(request: GrantRequest<'_>) -> Result<TokenResponse, CodeError> {
    let storage = request.provider.storage.as_ref();
    let presented = request.params.get("code").ok_or(CodeError::Missing)?;
    let hash = PlainToken::presented(presented).ok_or(CodeError::Unknown)?.hash();
    let loaded = storage
        .load_code(&hash)
        .await
        .map_err(CodeError::Storage)?
        .ok_or(CodeError::Unknown)?;
    check_client(&loaded.code, request.client)?;
    check_redirect_uri(&loaded.code, request.params)?;
    check_pkce(&loaded.code, request.client, request.params)?;
    if loaded.code.consumed_at.is_some() {
        // Known to be spent: no hook, no signature; storage revokes the grant.
        let spent = spend(request, &loaded, (None, None)).await;
        return Err(spent.err().unwrap_or(CodeError::Unknown));
    }
    check_alive(&loaded, request.ctx.now)?;
    check_user(request.provider, &loaded)?;
    let scope = check_scope(&loaded, request).await?;

    let actor = Actor::Person {
        user: &loaded.user,
        grant: &loaded.grant,
        nonce: loaded.code.nonce.as_deref(),
    };
    let what = Issue {
        grant_type: GrantType::AuthorizationCode,
        actor,
        scope: &scope,
    };
    let mut issued = issue(request, what).await.map_err(CodeError::Issue)?;
    let refresh = new_refresh_token(request, &loaded, &scope);
    let (plain, stored) = refresh.unzip();
    spend(request, &loaded, (stored, issued.opaque.take())).await?;
    Ok(TokenResponse::new(issued, &scope, plain))
}

/// A code is its client's alone (RFC 6749 §4.1.3). Somebody else's attempt revokes nothing, or a stolen code would
/// be a way to sign a person out.
fn check_client(code: &AuthorizationCode, client: &Client) -> Result<(), CodeError> {
    if code.client_id == client.id {
        Ok(())
    } else {
        Err(CodeError::OtherClient {
            grant_id: code.grant_id,
        })
    }
}

/// `redirect_uri` is required and identical when the authorization request carried it (RFC 6749 §4.1.3); when sent
/// without need it must still be right.
fn check_redirect_uri(code: &AuthorizationCode, params: &Params) -> Result<(), CodeError> {
    let right = match params.get("redirect_uri") {
        Some(uri) => uri == code.redirect_uri,
        None => !code.redirect_uri_given,
    };
    if right {
        Ok(())
    } else {
        Err(CodeError::RedirectUri {
            grant_id: code.grant_id,
        })
    }
}

/// PKCE, for the code's own challenge.
fn check_pkce(code: &AuthorizationCode, client: &Client, params: &Params) -> Result<(), CodeError> {
    let (challenge, verifier) = (code.code_challenge.as_deref(), params.get("code_verifier"));
    pkce::check_pkce(challenge, verifier, client.is_public()).map_err(|mismatch| CodeError::Pkce {
        grant_id: code.grant_id,
        mismatch,
    })
}

/// Neither code nor grant may be at its end (RFC 6749 §4.1.2).
fn check_alive(loaded: &LoadedCode, now: Timestamp) -> Result<(), CodeError> {
    let grant_id = loaded.grant.id;
    if !loaded.grant.is_alive(now) {
        return Err(CodeError::GrantDead { grant_id });
    }
    if now >= loaded.code.expires_at {
        return Err(CodeError::Expired { grant_id });
    }
    Ok(())
}

/// A person who may not sign in any more gets no tokens.
fn check_user(provider: &Provider, loaded: &LoadedCode) -> Result<(), CodeError> {
    if provider.admits(&loaded.user) {
        Ok(())
    } else {
        Err(CodeError::UserDisabled {
            grant_id: loaded.grant.id,
        })
    }
}

/// What may still be granted of what was.
async fn check_scope(loaded: &LoadedCode, request: GrantRequest<'_>) -> Result<ScopeSet, CodeError> {
    let granted = &loaded.code.scope;
    let scope = scopes::still_grantable(request.provider, granted, request.client, &loaded.user)
        .await
        .map_err(CodeError::Storage)?;
    if scope.is_empty() {
        Err(CodeError::NothingLeft {
            grant_id: loaded.grant.id,
        })
    } else {
        Ok(scope)
    }
}

/// The refresh token to hand out and its stored form, if one is due. It keeps the scope of the grant.
fn new_refresh_token(
    request: GrantRequest<'_>,
    loaded: &LoadedCode,
    scope: &ScopeSet,
) -> Option<(PlainToken, RefreshToken)> {
    let provider = request.provider;
    refresh::is_due(request.client, scope).then(|| {
        let token = PlainToken::generate(provider.rng.as_ref());
        let (grant, granted) = (&loaded.grant, &loaded.code.scope);
        let lifetime = refresh::lifetime(&provider.settings, request.client);
        let stored = refresh::stored(&token, grant, granted, lifetime, request.ctx.now);
        (token, stored)
    })
}

/// Step 4: the database decides who was first.
async fn spend(
    request: GrantRequest<'_>,
    loaded: &LoadedCode,
    (refresh_token, access_token): (Option<RefreshToken>, Option<StoredAccessToken>),
) -> Result<(), CodeError> {
    let (grant_id, user) = (loaded.grant.id, Some(loaded.user.as_ref()));
    let effects = RedeemEffects {
        redeemed: super::audit(&request, user, AuditAction::CodeRedeemed { grant_id }),
        replayed: super::replay_effects(&request, user, grant_id, AuditAction::CodeReplayed { grant_id }),
    };
    let redemption = Redemption {
        hash: loaded.code.hash,
        refresh_token,
        access_token,
        now: request.ctx.now,
    };
    let outcome = request
        .provider
        .storage
        .redeem_code(redemption, effects)
        .await
        .map_err(CodeError::Storage)?;
    match outcome {
        RedeemOutcome::Redeemed => Ok(()),
        RedeemOutcome::Replayed { grant_id } => Err(CodeError::Replayed { grant_id }),
        RedeemOutcome::Unknown => Err(CodeError::Unknown),
        RedeemOutcome::Expired => Err(CodeError::Expired { grant_id }),
        RedeemOutcome::Revoked => Err(CodeError::GrantDead { grant_id }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing;

    fn code(challenge: Option<&str>) -> AuthorizationCode {
        let (client, user) = (testing::client("web"), testing::user("alice"));
        let grant = testing::grant(&client, &user, "openid", Timestamp::from_secs(0));
        let mut code = testing::code(
            &PlainToken::presented("c").unwrap(),
            &grant,
            "https://c.example/cb",
        );
        code.code_challenge = challenge.map(str::to_owned);
        code
    }

    #[test]
    fn redirect_uri_is_required_and_equal_when_it_was_given() {
        let check = |given: bool, body: &str| {
            let code = AuthorizationCode {
                redirect_uri_given: given,
                ..code(None)
            };
            check_redirect_uri(&code, &Params::parse(body.as_bytes()).unwrap()).is_ok()
        };
        let right = "redirect_uri=https%3A%2F%2Fc.example%2Fcb";
        assert!(check(true, right) && check(false, right) && check(false, ""));
        assert!(!check(true, ""));
        for wrong in [
            "https://c.example/cb/",
            "https://c.example/CB",
            "https://evil.example/cb",
        ] {
            let body = format!("redirect_uri={wrong}");
            assert!(!check(true, &body) && !check(false, &body), "{wrong}");
        }
    }

    #[test]
    fn code_is_expired_exactly_at_its_end() {
        let (client, user) = (testing::client("web"), testing::user("alice"));
        let grant = testing::grant(&client, &user, "openid", Timestamp::from_secs(0));
        let loaded = LoadedCode {
            code: code(None),
            grant,
            user: Arc::new(user),
        };
        let end = loaded.code.expires_at;
        assert!(check_alive(&loaded, end.minus(std::time::Duration::from_micros(1))).is_ok());
        assert!(matches!(
            check_alive(&loaded, end),
            Err(CodeError::Expired { .. })
        ));
    }
}
