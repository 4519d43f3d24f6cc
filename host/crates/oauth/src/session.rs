//! Browser sessions: whether one is alive, how it begins, and how it ends.
//!
//! A session ends by its owner's wish, at its absolute end (`oauth.session_ttl`), or when nobody used it for
//! `oauth.session_idle_ttl`. Storage knows the first two; the last is decided here, from when it was last used.

use std::{sync::Arc, time::Duration};

use authly_core::{
    AuditAction, AuditEvent, ClientId, Effects, PlainToken, RequestContext, ScopeSet, SessionId,
    StorageError, Timestamp,
    interaction::Authentication,
    ports::{LoadedSession, StartOutcome},
    session::Session,
    user::User,
};

use crate::{Provider, Settings};

/// A use is written down when the last note is older than this part of the idle lifetime: reading stays a read, and
/// the lifetime is short by a twentieth at most.
const TOUCH_PART: u32 = 20;
/// A use is written down at least this often, however long a session may be idle: its owner sees in a list when it was
/// last used.
const TOUCH_STEP_MAX: Duration = Duration::from_mins(1);

/// A live session and its person, both loaded now.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// Whose it is.
    pub user: Arc<User>,
}

impl SignedIn {
    /// As an interaction takes note of it.
    pub(crate) fn authentication(&self) -> Authentication {
        Authentication {
            session_id: self.session.id,
            user_id: self.user.id,
            auth_time: self.session.auth_time,
            amr: self.session.amr.clone(),
        }
    }

    /// Seconds since the person last proved who they are.
    pub(crate) fn age_secs(&self, now: Timestamp) -> u64 {
        now.since(self.session.auth_time).as_secs()
    }
}

/// The browser's session, if it is alive and its person may be signed in. A use of it: its idle lifetime starts anew.
///
/// A person who is not admitted is treated as signed out at every step, not only at login.
///
/// # Errors
/// [`StorageError`]: an outage is no sign-out.
pub async fn current(
    provider: &Provider,
    cookie: Option<&PlainToken>,
    ctx: &RequestContext,
) -> Result<Option<SignedIn>, StorageError> {
    let Some(mut signed_in) = look(provider, cookie, ctx).await? else {
        return Ok(None);
    };
    touch(provider, &mut signed_in.session, ctx).await?;
    Ok(Some(signed_in))
}

/// As [`current`], with what the person agreed to for a client: read in the same step.
///
/// # Errors
/// [`StorageError`].
pub(crate) async fn current_for(
    provider: &Provider,
    cookie: Option<&PlainToken>,
    client_id: &ClientId,
    ctx: &RequestContext,
) -> Result<Option<(SignedIn, ScopeSet)>, StorageError> {
    let Some(loaded) = load(provider, cookie, Some(client_id), ctx).await? else {
        return Ok(None);
    };
    let agreed = loaded.consent.map(|consent| consent.scope).unwrap_or_default();
    let mut signed_in = SignedIn {
        session: loaded.session,
        user: loaded.user,
    };
    touch(provider, &mut signed_in.session, ctx).await?;
    Ok(Some((signed_in, agreed)))
}

/// Notes a use of the session, when the last note is old.
async fn touch(provider: &Provider, session: &mut Session, ctx: &RequestContext) -> Result<(), StorageError> {
    if ctx.now.since(session.last_seen_at) >= touch_step(&provider.settings) {
        provider.storage.touch_session(&session.hash, ctx.now).await?;
        session.last_seen_at = ctx.now;
    }
    Ok(())
}

/// As [`current`], but no use: whoever only asks whether somebody is signed in keeps nobody signed in.
///
/// # Errors
/// [`StorageError`].
pub async fn look(
    provider: &Provider,
    cookie: Option<&PlainToken>,
    ctx: &RequestContext,
) -> Result<Option<SignedIn>, StorageError> {
    let loaded = load(provider, cookie, None, ctx).await?;
    Ok(loaded.map(|loaded| SignedIn {
        session: loaded.session,
        user: loaded.user,
    }))
}

/// The session if it is alive, somebody used it lately, and its person may be signed in.
async fn load(
    provider: &Provider,
    cookie: Option<&PlainToken>,
    client_id: Option<&ClientId>,
    ctx: &RequestContext,
) -> Result<Option<LoadedSession>, StorageError> {
    let Some(cookie) = cookie else {
        return Ok(None);
    };
    let storage = provider.storage.as_ref();
    let loaded = storage.load_session(&cookie.hash(), client_id, ctx.now).await?;
    Ok(loaded.filter(|loaded| {
        !is_idle(&loaded.session, &provider.settings, ctx.now) && provider.admits(&loaded.user)
    }))
}

/// Whether nobody used the session for as long as a session may go unused.
pub(crate) fn is_idle(session: &Session, settings: &Settings, now: Timestamp) -> bool {
    session.last_seen_at.plus(settings.session_idle_ttl) <= now
}

/// How old the note of the last use may become.
fn touch_step(settings: &Settings) -> Duration {
    (settings.session_idle_ttl / TOUCH_PART).min(TOUCH_STEP_MAX)
}

/// Who just proved who they are, and for what.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// Who, as they were loaded when they proved it.
    pub user: Arc<User>,
    /// The client they signed in for; `None`: for their own account.
    pub client_id: Option<&'a ClientId>,
    /// The session the browser had before: it ends, whoever's it was, so that a planted cookie is worth nothing
    /// (RFC 6749 §10.12).
    pub replaces: Option<&'a PlainToken>,
}

/// Begins a session with a fresh id. Answers the cookie's value; `None` when the person changed their password, was
/// disabled or deleted since `new.user` was loaded: the session before has not ended then.
///
/// # Errors
/// [`StorageError`]; nothing has begun then, and the session before has not ended.
pub async fn start(
    provider: &Provider,
    new: NewSession<'_>,
    ctx: &RequestContext,
) -> Result<Option<(PlainToken, SignedIn)>, StorageError> {
    let cookie = PlainToken::generate(provider.rng.as_ref());
    let session = Session {
        id: SessionId::generate(ctx.now, provider.rng.as_ref()),
        hash: cookie.hash(),
        user_id: new.user.id,
        auth_time: ctx.now,
        amr: vec!["pwd".to_owned()],
        created_at: ctx.now,
        expires_at: ctx.now.plus(provider.settings.session_ttl),
        last_seen_at: ctx.now,
        user_agent: ctx.user_agent.clone(),
        address: Some(ctx.client_ip),
    };
    let mut audit = AuditEvent::of(ctx, AuditAction::LoginSucceeded).person(new.user.pseudonym);
    audit.client_id = new.client_id.cloned();
    let replaced = new.replaces.map(PlainToken::hash);
    let user = new.user;
    let outcome = provider
        .storage
        .start_session(
            &session,
            user.password_changed_at,
            replaced.as_ref(),
            Effects::audited(audit),
        )
        .await?;
    Ok(match outcome {
        StartOutcome::Started => Some((cookie, SignedIn { session, user })),
        StartOutcome::Refused => None,
    })
}
