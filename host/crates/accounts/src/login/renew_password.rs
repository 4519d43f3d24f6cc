//! A person who just said the right password, and must change it, chooses another one.
//!
//! 1. Check that the password they said is still the one there is.
//! 2. Check the new one: not the same, and by the policy; hash it.
//! 3. Replace the hash that step 1 found, and end whatever was opened with it.

use std::sync::Arc;

use authly_core::{
    RequestContext, Rng, SecretText, Timestamp, UserId,
    ports::PasswordEnds,
    user::{LoginRecord, User},
};

use super::{ChangePasswordError, Login, change_password::new_password_error, to_its_end};
use crate::{
    policy::{PasswordRefusal, normalize_password},
    users::names_of,
};

/// What a person sends to replace the password that they just said.
#[derive(Clone, Debug)]
pub struct RenewedPassword {
    /// Who.
    pub user_id: UserId,
    /// [`User::password_changed_at`] when they said the password.
    pub proved: Option<Timestamp>,
    /// As typed.
    pub new: SecretText,
}

impl Login {
    /// Replaces the password, and answers the person as they are then. Runs to its end although the caller goes away.
    ///
    /// # Errors
    /// [`ChangePasswordError`]; [`ChangePasswordError::Stale`] also when the person may not sign in any more. The password
    /// is what it was.
    pub async fn renew_password(
        &self,
        renewed: RenewedPassword,
        rng: &Arc<dyn Rng>,
        ctx: &RequestContext,
    ) -> Result<User, ChangePasswordError> {
        let (login, rng, ctx) = (self.clone(), Arc::clone(rng), ctx.clone());
        let attempt = async move { login.renew(renewed, rng.as_ref(), &ctx).await };
        to_its_end(attempt)
            .await
            .unwrap_or(Err(ChangePasswordError::Busy))
    }

    async fn renew(
        &self,
        renewed: RenewedPassword,
        rng: &dyn Rng,
        ctx: &RequestContext,
    ) -> Result<User, ChangePasswordError> {
        let record = self.credentials(renewed.user_id).await?;
        let is_the_one = record.user.password_changed_at == renewed.proved && record.password_hash.is_some();
        if !is_the_one || !self.admits(&record.user) {
            return Err(ChangePasswordError::Stale);
        }
        if self
            .check(Some(&record), &normalize_password(&renewed.new))
            .await?
        {
            return Err(ChangePasswordError::Refused(PasswordRefusal::Same));
        }
        let names = names_of(&record.user.username, &record.user.claims);
        let hash = self.passwords.hash_new(renewed.new, names, rng).await;
        let ends = PasswordEnds::Others { keep: None };
        self.replace(&record, hash.map_err(new_password_error)?, ends, ctx)
            .await?;
        Ok(self.credentials(record.user.id).await?.user)
    }

    async fn credentials(&self, user_id: UserId) -> Result<LoginRecord, ChangePasswordError> {
        let loaded = self.users.load_credentials(user_id).await;
        loaded
            .map_err(ChangePasswordError::Storage)?
            .ok_or(ChangePasswordError::Unknown)
    }
}
