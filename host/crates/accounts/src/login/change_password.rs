//! A person changes their own password.
//!
//! Saying the current one is throttled as a sign-in attempt is: otherwise whoever holds a token, or finds a browser
//! open, could guess here without a pause. It is counted by what let the caller in, and not by the account: strangers
//! who guess at the sign-in page do not keep the owner from changing a password they are after, nor does a stolen token
//! keep the owner from signing in.
//!
//! 1. Reserve the attempt.
//! 2. Verify the current password.
//! 3. Settle: a right one takes the failure back, a wrong one leaves it and is recorded.
//! 4. Check the new password against the policy, and hash it.
//! 5. Replace the hash that step 2 compared, and end what was opened with it.

use authly_core::{
    AuditAction, AuditEvent, Effects, GrantId, RequestContext, Rng, SecretText, SessionId, StorageError,
    Timestamp, UserId,
    ports::{Ended, PasswordChange, PasswordEnds, PasswordOutcome, ThrottleKey},
    user::LoginRecord,
};
use std::sync::Arc;

use super::{Login, LoginError, to_its_end};
use crate::{
    passwords::{NewPasswordError, PasswordError},
    policy::{PasswordRefusal, normalize_password},
    throttle::{address_key, change_key},
    users::{Origin, names_of},
};

/// What a person sends to change their password.
#[derive(Clone, Debug)]
pub struct OwnPassword {
    /// Who, proved by the caller.
    pub user_id: UserId,
    /// The session in which the caller was let in, if it was one. Wrong passwords count for it, whatever grants it made.
    pub session_id: Option<SessionId>,
    /// The grant by which the caller asks. Wrong passwords count for it where there is no session.
    pub grant_id: GrantId,
    /// As typed.
    pub current: SecretText,
    /// As typed.
    pub new: SecretText,
    /// What ends with the old one.
    pub ends: PasswordEnds,
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password is wrong, or there is none.
    #[error("the current password is wrong")]
    WrongPassword,
    /// Too many wrong ones: not before `until`. Nothing was checked.
    #[error("too many failed attempts")]
    Delayed {
        /// The earliest time of the next attempt.
        until: Timestamp,
    },
    /// The new password is not one that may be chosen.
    #[error(transparent)]
    Refused(PasswordRefusal),
    /// The password was changed by somebody else meanwhile.
    #[error("the password was changed at the same time")]
    Stale,
    /// Too many passwords are being checked: 503, nothing was counted.
    #[error("too many passwords at once")]
    Busy,
    /// The account is gone.
    #[error("the account is gone")]
    Unknown,
    /// Storage could not answer, or what it holds is unusable.
    #[error("storage could not answer")]
    Storage(#[source] StorageError),
}

impl From<LoginError> for ChangePasswordError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Rejected => Self::WrongPassword,
            LoginError::Delayed { until } => Self::Delayed { until },
            LoginError::Busy => Self::Busy,
            LoginError::Storage(error) => Self::Storage(error),
        }
    }
}

impl Login {
    /// Changes a person's own password, and answers what ended with the old one. Runs to its end although the caller
    /// goes away.
    ///
    /// # Errors
    /// [`ChangePasswordError`]; the password is what it was.
    pub async fn change_password(
        &self,
        change: OwnPassword,
        rng: &Arc<dyn Rng>,
        ctx: &RequestContext,
    ) -> Result<Ended, ChangePasswordError> {
        let (login, rng, ctx) = (self.clone(), Arc::clone(rng), ctx.clone());
        let attempt = async move { login.change(change, rng.as_ref(), &ctx).await };
        to_its_end(attempt)
            .await
            .unwrap_or(Err(ChangePasswordError::Busy))
    }

    async fn change(
        &self,
        change: OwnPassword,
        rng: &dyn Rng,
        ctx: &RequestContext,
    ) -> Result<Ended, ChangePasswordError> {
        let loaded = self.users.load_credentials(change.user_id).await;
        let record = loaded
            .map_err(ChangePasswordError::Storage)?
            .ok_or(ChangePasswordError::Unknown)?;
        self.prove(&record, &change, ctx).await?;
        let (new, current) = (
            normalize_password(&change.new),
            normalize_password(&change.current),
        );
        if new.expose() == current.expose() {
            return Err(ChangePasswordError::Refused(PasswordRefusal::Same));
        }
        let names = names_of(&record.user.username, &record.user.claims);
        let hash = self.passwords.hash_new(change.new, names, rng).await;
        self.replace(&record, hash.map_err(new_password_error)?, change.ends, ctx)
            .await
    }

    /// Steps 1 to 3.
    async fn prove(
        &self,
        record: &LoginRecord,
        change: &OwnPassword,
        ctx: &RequestContext,
    ) -> Result<(), ChangePasswordError> {
        let caller = change_key(change.user_id, change.session_id, change.grant_id);
        let keys: [ThrottleKey; 2] = [caller, address_key(ctx.client_ip)];
        self.reserve(keys, ctx.now).await?;
        let settled = match self.check(Some(record), &change.current).await {
            Ok(true) => {
                let [caller, address] = keys;
                self.throttle
                    .settle_attempt(&[address], &[caller], Effects::none())
                    .await
            }
            Ok(false) => {
                let event =
                    AuditEvent::of(ctx, AuditAction::PasswordChangeRefused).person(record.user.pseudonym);
                self.throttle
                    .settle_attempt(&[], &[], Effects::audited(event))
                    .await
                    .map_err(ChangePasswordError::Storage)?;
                return Err(ChangePasswordError::WrongPassword);
            }
            Err(error) => {
                self.release(keys).await;
                return Err(error.into());
            }
        };
        settled.map_err(ChangePasswordError::Storage)
    }

    /// Step 5.
    pub(super) async fn replace(
        &self,
        record: &LoginRecord,
        hash: SecretText,
        ends: PasswordEnds,
        ctx: &RequestContext,
    ) -> Result<Ended, ChangePasswordError> {
        let change = PasswordChange {
            user_id: record.user.id,
            replaces: record.password_hash.clone(),
            hash,
            requires_password_change: false,
            ends,
            now: ctx.now,
        };
        let effects = Origin::Request(ctx).effects(AuditAction::PasswordChanged, &record.user);
        match self.users.set_password(change, effects).await {
            Ok(PasswordOutcome::Changed(ended)) => Ok(ended),
            Ok(PasswordOutcome::Stale) => Err(ChangePasswordError::Stale),
            Ok(PasswordOutcome::Unknown) => Err(ChangePasswordError::Unknown),
            Err(error) => Err(ChangePasswordError::Storage(error)),
        }
    }
}

pub(super) fn new_password_error(error: NewPasswordError) -> ChangePasswordError {
    match error {
        NewPasswordError::Refused(refusal) => ChangePasswordError::Refused(refusal),
        NewPasswordError::Hash(PasswordError::Busy) => ChangePasswordError::Busy,
        NewPasswordError::Hash(PasswordError::Failed) => ChangePasswordError::Storage(StorageError::Backend(
            "the new password could not be hashed".into(),
        )),
    }
}
