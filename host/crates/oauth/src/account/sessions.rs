//! Where a person is signed in, and signing out there.

use authly_core::{
    AuditAction, AuditEvent, Effects, RequestContext, StorageError,
    ports::{EndEffects, Ended},
    session::Session,
    user::User,
};

use super::{AccountError, Owner, form::Purpose};
use crate::{Provider, session};

/// The most sessions that are listed, the newest first. Those beyond it end with all the others, or by their age.
pub const LISTED_MAX: u32 = 200;

/// One of the person's sessions.
#[derive(Clone, Debug)]
pub struct OwnSession {
    /// The session.
    pub session: Session,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

/// The person's living sessions, the one that asks first, then the newest first.
///
/// # Errors
/// [`StorageError`].
pub async fn list(
    provider: &Provider,
    owner: &Owner,
    ctx: &RequestContext,
) -> Result<Vec<OwnSession>, StorageError> {
    let user_id = owner.signed_in.user.id;
    let found = provider
        .storage
        .list_sessions(Some(user_id), ctx.now, LISTED_MAX)
        .await?;
    let mut sessions: Vec<OwnSession> = found
        .into_iter()
        .filter(|session| !session::is_idle(session, &provider.settings, ctx.now))
        .map(|session| OwnSession {
            is_current: session.id == owner.signed_in.session.id,
            session,
        })
        .collect();
    sessions.sort_by_key(|session| !session.is_current);
    Ok(sessions)
}

/// What a person asks to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// One session of theirs, by its id as the form named it. The one that asks is ended by signing out.
    One(String),
    /// Every session but the one that asks.
    Others,
}

/// Ends sessions of the person; answers how many. Nobody else's session is among them, whatever its id.
///
/// # Errors
/// [`AccountError`].
pub async fn end(
    provider: &Provider,
    owner: &Owner,
    end: End,
    csrf: &str,
    ctx: &RequestContext,
) -> Result<u64, AccountError> {
    owner.check_form(Purpose::Sessions, csrf)?;
    let (storage, user) = (provider.storage.as_ref(), &owner.signed_in.user);
    let current = owner.signed_in.session.id;
    let effects = Effects::audited(ended_event(user, ctx));
    match end {
        End::Others => Ok(storage
            .end_sessions(user.id, Some(current), ctx.now, effects)
            .await?),
        End::One(id) => {
            let own = list(provider, owner, ctx).await?;
            let mut others = own.iter().filter(|own| !own.is_current).map(|own| own.session.id);
            let Some(id) = others.find(|own| own.to_string() == id) else {
                return Ok(0);
            };
            Ok(u64::from(storage.end_session(id, ctx.now, effects).await?))
        }
    }
}

/// Ends everything that was opened in the person's name: every session and every grant, with all their tokens.
///
/// # Errors
/// [`StorageError`]; nothing has ended then.
pub async fn end_everything(
    provider: &Provider,
    user: &User,
    ctx: &RequestContext,
) -> Result<Ended, StorageError> {
    let revoked = AuditEvent::of(ctx, AuditAction::GrantsRevoked).person(user.pseudonym);
    let effects = EndEffects {
        sessions: Effects::audited(ended_event(user, ctx)),
        grants: Effects::audited(revoked),
    };
    provider.storage.end_everything(user.id, ctx.now, effects).await
}

/// A session of this person ended.
pub(crate) fn ended_event(user: &User, ctx: &RequestContext) -> AuditEvent {
    AuditEvent::of(ctx, AuditAction::SessionEnded).person(user.pseudonym)
}
