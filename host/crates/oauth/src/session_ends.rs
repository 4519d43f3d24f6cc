//! An operator ends browser sessions. What apps were given in them stays: that ends with its grants.

use authly_core::{AuditEvent, Effects, SessionId, StorageError, ports::TenantStorage, user::User};

/// Ends one session; `false` when it is not alive.
///
/// `ended` is the event of its end, at the time of it, which is yet to name the person.
///
/// # Errors
/// [`StorageError`]; nothing has ended then.
pub async fn end_session(
    storage: &dyn TenantStorage,
    id: SessionId,
    ended: AuditEvent,
) -> Result<bool, StorageError> {
    let now = ended.at;
    let Some(session) = storage.find_session(id, now).await? else {
        return Ok(false);
    };
    // Sessions go with their person.
    let Some(user) = storage.load_user(session.user_id).await? else {
        return Ok(false);
    };
    let effects = Effects::audited(ended.person(user.pseudonym));
    storage.end_session(id, now, effects).await
}

/// Ends every session of a person; answers how many were alive.
///
/// `ended` as for [`end_session`].
///
/// # Errors
/// [`StorageError`]; nothing has ended then.
pub async fn end_sessions_of(
    storage: &dyn TenantStorage,
    user: &User,
    ended: AuditEvent,
) -> Result<u64, StorageError> {
    let now = ended.at;
    let effects = Effects::audited(ended.person(user.pseudonym));
    storage.end_sessions(user.id, None, now, effects).await
}
