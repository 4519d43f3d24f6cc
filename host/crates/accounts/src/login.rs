//! Signing in with a password.
//!
//! 1. Reserve the attempt: counted as a failure in advance, so that parallel guesses cannot outrun the count.
//! 2. Load the account; an absent one goes on like a present one.
//! 3. Hash: the same work whether the account exists, is disabled, or has no password.
//! 4. Settle: a success takes the failure back, a failure leaves it and is recorded.
//!
//! Whatever is not an answer (an outage, a full queue) takes the reservation back and is never a rejection.

use std::sync::Arc;

use authly_core::{
    AuditAction, AuditEvent, Effects, RequestContext, SecretText, StorageError, Timestamp,
    ports::{ReserveOutcome, TenantStorage, ThrottleKey, ThrottleStore, UserStore},
    user::{LoginRecord, User, normalize_username},
};

use crate::{
    passwords::{PASSWORD_BYTES_MAX, PasswordError, PasswordPool},
    throttle::{ThrottlePolicies, account_key, address_key},
    users::is_username,
};

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Wrong name or password, or a disabled account: one answer for all (RFC 6819 §5.1.4.2.3).
    #[error("the user name or the password is wrong")]
    Rejected,
    /// Too many failures: not before `until`. Nothing was checked.
    #[error("too many failed attempts")]
    Delayed {
        /// The earliest time of the next attempt.
        until: Timestamp,
    },
    /// Too many logins at once: 503, nothing was counted.
    #[error("too many logins at once")]
    Busy,
    /// Storage could not answer, or what it holds is unusable.
    #[error("storage could not answer")]
    Storage(#[source] StorageError),
}

/// Authenticates people of one tenant.
pub struct Login {
    users: Arc<dyn UserStore>,
    throttle: Arc<dyn ThrottleStore>,
    passwords: Arc<PasswordPool>,
    policies: ThrottlePolicies,
}

impl Login {
    /// Over the tenant's storage, the pool that verifies passwords, and how failures are throttled.
    pub fn new(
        storage: Arc<dyn TenantStorage>,
        passwords: Arc<PasswordPool>,
        policies: ThrottlePolicies,
    ) -> Self {
        Self {
            users: Arc::clone(&storage) as _,
            throttle: storage,
            passwords,
            policies,
        }
    }

    /// Authenticates a person by name and password. Starting a session, with its audit event, is the caller's.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn authenticate(
        &self,
        username: &str,
        password: SecretText,
        ctx: &RequestContext,
    ) -> Result<User, LoginError> {
        let name = normalize_username(username);
        let keys = [account_key(&name), address_key(ctx.client_ip)];
        self.reserve(keys, ctx.now).await?;
        let checked = self.check(&name, password).await;
        match checked {
            Ok((record, true)) => self.succeed(record, keys).await,
            Ok((record, false)) => self.fail(record.as_ref(), ctx).await,
            Err(error) => {
                self.release(keys).await;
                Err(error)
            }
        }
    }

    /// Step 1.
    async fn reserve(&self, [account, address]: [ThrottleKey; 2], now: Timestamp) -> Result<(), LoginError> {
        let keys = [(account, self.policies.account), (address, self.policies.address)];
        match self
            .throttle
            .reserve_attempt(&keys, now)
            .await
            .map_err(LoginError::Storage)?
        {
            ReserveOutcome::Admitted => Ok(()),
            ReserveOutcome::Delayed { until } => Err(LoginError::Delayed { until }),
        }
    }

    /// Steps 2 and 3: the account, if there is one, and whether it is let in.
    async fn check(
        &self,
        name: &str,
        password: SecretText,
    ) -> Result<(Option<LoginRecord>, bool), LoginError> {
        let record = if is_username(name) {
            self.users.load_login(name).await.map_err(LoginError::Storage)?
        } else {
            // Nobody can have this name; the rest goes on as if somebody might.
            None
        };
        let hash = record.as_ref().and_then(|record| record.password_hash.clone());
        // A password nobody can have set, so that its length buys no work.
        let too_long = password.expose().len() > PASSWORD_BYTES_MAX;
        let (password, hash) = if too_long {
            (SecretText::new(String::new()), None)
        } else {
            (password, hash)
        };
        let right = self
            .passwords
            .verify(password, hash)
            .await
            .map_err(|error| match error {
                PasswordError::Busy => LoginError::Busy,
                PasswordError::Failed => {
                    LoginError::Storage(StorageError::Corrupt("a password hash cannot be used".to_owned()))
                }
            })?;
        let enabled = record.as_ref().is_some_and(|record| record.user.enabled);
        Ok((record, right && enabled))
    }

    /// Step 4, success.
    async fn succeed(
        &self,
        record: Option<LoginRecord>,
        [account, address]: [ThrottleKey; 2],
    ) -> Result<User, LoginError> {
        self.throttle
            .settle_attempt(&[address], &[account], Effects::none())
            .await
            .map_err(LoginError::Storage)?;
        record.map(|record| record.user).ok_or(LoginError::Rejected)
    }

    /// Step 4, failure. A name nobody has is recorded too, without a person: otherwise the missing write would tell,
    /// by time, which accounts exist.
    async fn fail(&self, record: Option<&LoginRecord>, ctx: &RequestContext) -> Result<User, LoginError> {
        let mut event = AuditEvent::of(ctx, AuditAction::LoginFailed);
        event.pseudonym = record.map(|record| record.user.pseudonym);
        self.throttle
            .settle_attempt(&[], &[], Effects::audited(event))
            .await
            .map_err(LoginError::Storage)?;
        Err(LoginError::Rejected)
    }

    /// Takes the reservation back where no answer was found. If storage is away it stays counted: safe, and the
    /// caller hears of the first error.
    async fn release(&self, keys: [ThrottleKey; 2]) {
        if let Err(error) = self.throttle.settle_attempt(&keys, &[], Effects::none()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a login reservation could not be taken back"
            );
        }
    }
}

#[cfg(test)]
mod tests;
