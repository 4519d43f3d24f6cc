//! Setting a password without knowing the one before: an operator's job.

use authly_core::{
    AuditAction, Rng, SecretText, StorageError, UserId,
    ports::{Ended, PasswordChange, PasswordEnds, PasswordOutcome, UserStore},
};

use super::{Origin, names_of};
use crate::{
    passwords::{NewPasswordError, PasswordError, PasswordPool},
    policy::PasswordRefusal,
};

/// A password to set.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// Whose.
    pub user_id: UserId,
    /// As it will be typed.
    pub password: SecretText,
    /// Whether its owner is to change it: somebody else knows it.
    pub requires_change: bool,
    /// What ends with the old one: [`PasswordEnds::Others`] unless there is a reason.
    pub ends: PasswordEnds,
}

/// Why no password was set.
#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// There is no such person.
    #[error("there is no such user")]
    Unknown,
    /// Not a password that may be chosen.
    #[error(transparent)]
    Refused(PasswordRefusal),
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Hash(#[source] PasswordError),
    /// Storage could not answer.
    #[error("storage could not answer")]
    Storage(#[source] StorageError),
}

/// Sets a password and ends what was opened with the one before. Answers what ended.
///
/// # Errors
/// [`SetPasswordError`]; nothing was stored.
pub async fn set_password(
    storage: &dyn UserStore,
    passwords: &PasswordPool,
    new: NewPassword,
    origin: Origin<'_>,
    rng: &dyn Rng,
) -> Result<Ended, SetPasswordError> {
    let loaded = storage
        .load_user(new.user_id)
        .await
        .map_err(SetPasswordError::Storage)?;
    let user = loaded.ok_or(SetPasswordError::Unknown)?;
    let names = names_of(&user.username, &user.claims);
    let hash = passwords
        .hash_new(new.password, names, rng)
        .await
        .map_err(|error| match error {
            NewPasswordError::Refused(refusal) => SetPasswordError::Refused(refusal),
            NewPasswordError::Hash(error) => SetPasswordError::Hash(error),
        })?;
    let change = PasswordChange {
        user_id: user.id,
        replaces: None,
        hash,
        requires_password_change: new.requires_change,
        ends: new.ends,
        now: origin.now(),
    };
    let effects = origin.effects(AuditAction::PasswordChanged, &user);
    match storage.set_password(change, effects).await {
        Ok(PasswordOutcome::Changed(ended)) => Ok(ended),
        // Nothing was compared, so only the person can be gone.
        Ok(PasswordOutcome::Stale | PasswordOutcome::Unknown) => Err(SetPasswordError::Unknown),
        Err(error) => Err(SetPasswordError::Storage(error)),
    }
}
