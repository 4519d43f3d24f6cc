//! Whether a person may use their account, and whether there is one.

use std::sync::Arc;

use authly_core::{AuditAction, StorageError, UserId, ports::UserStore, user::User};

use super::Origin;

/// Why an account was not enabled, disabled or deleted.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// There is no such person.
    #[error("there is no such user")]
    Unknown,
    /// Storage could not answer.
    #[error("storage could not answer")]
    Storage(#[source] StorageError),
}

/// Enables or disables an account. A disabled person is refused at every step of every flow; what they opened stays
/// and works again when they are enabled.
///
/// # Errors
/// [`StandingError`]; nothing was stored.
pub async fn set_enabled(
    storage: &dyn UserStore,
    id: UserId,
    enabled: bool,
    origin: Origin<'_>,
) -> Result<(), StandingError> {
    let user = load(storage, id).await?;
    let effects = origin.effects(AuditAction::UserEnabled { enabled }, &user);
    known(storage.set_user_enabled(id, enabled, origin.now(), effects).await)
}

/// Deletes an account with its sessions, consents and grants.
///
/// # Errors
/// [`StandingError`]; nothing was stored.
pub async fn delete_user(
    storage: &dyn UserStore,
    id: UserId,
    origin: Origin<'_>,
) -> Result<(), StandingError> {
    let user = load(storage, id).await?;
    known(
        storage
            .delete_user(id, origin.effects(AuditAction::UserDeleted, &user))
            .await,
    )
}

/// For the pseudonym of the audit event.
async fn load(storage: &dyn UserStore, id: UserId) -> Result<Arc<User>, StandingError> {
    let user = storage.load_user(id).await.map_err(StandingError::Storage)?;
    user.ok_or(StandingError::Unknown)
}

fn known(done: Result<bool, StorageError>) -> Result<(), StandingError> {
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(StandingError::Unknown),
        Err(error) => Err(StandingError::Storage(error)),
    }
}
